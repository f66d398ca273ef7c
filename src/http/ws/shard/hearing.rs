//! What a seat's client says, on its way to the session: told apart, decoded, and refused where it breaks the
//! protocol.

use std::ops::ControlFlow;

use playhouse_protocol::{
    problem::Code,
    realtime::{CloseCode, Done, Outcome, Reply},
};

use super::Standing;
use crate::{
    actors::{
        seat::{Close, Encoding, Seat},
        session::Overloaded,
    },
    http::ws::{
        Parts,
        codec::{self, Misread},
        parser::Said,
    },
};

pub fn hear(session: &mut Standing, seat: &Seat, said: Said, parts: &Parts) -> ControlFlow<Close> {
    let frame = match (seat.encoding(), said) {
        (Encoding::Json, Said::Text(frame)) | (Encoding::MessagePack, Said::Binary(frame)) => frame,
        (Encoding::Json, Said::Binary(_)) => return malformed("this sub-protocol speaks in text frames"),
        (Encoding::MessagePack, Said::Text(_)) => {
            return malformed("this sub-protocol speaks in binary frames");
        }
    };
    match codec::read(seat.encoding(), &frame) {
        Ok(request) => match session.hear(request, frame.len(), parts.sessions.bounds()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(Overloaded) => ControlFlow::Break(overloaded()),
        },
        Err(Misread::Malformed(detail)) => malformed(detail),
        Err(Misread::Problem(re, refusal)) => {
            parts.metrics.commands_refused.of(static_code(&refusal.code)).inc();
            seat.say(&Reply::<Done> { re, outcome: Outcome::Problem(refusal) });
            ControlFlow::Continue(())
        }
    }
}

pub fn overloaded() -> Close {
    Close::new(CloseCode::TooMany, "too many requests wait for their answers")
}

fn malformed(detail: &str) -> ControlFlow<Close> {
    ControlFlow::Break(Close::new(CloseCode::MalformedFrame, detail))
}

fn static_code(code: &str) -> &'static str {
    Code::ALL.iter().find(|known| known.as_str() == code).map_or("", |known| known.as_str())
}
