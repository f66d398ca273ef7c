//! From the file to its streams: `filesrc ! parsebin`, and for each stream the probe chose an outlet that
//! takes it, as it is or decoded. Streams nobody asked for are read and thrown away.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use gst::prelude::*;
use gstreamer as gst;

use super::{elements, seek, tracks::Mark};
use crate::media::{
    chunk::Chunk,
    failure::{Failure, FailureCode},
    sound::StreamName,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Picture,
    Sound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    AsItIs,
    Decoded,
    /// Everything between keyframes is dropped before the decoder.
    KeyframesDecoded,
}

/// Where a stream goes.
pub struct Outlet {
    pub kind: Kind,
    /// Which stream of its kind; any where there is no name.
    pub stream: Option<StreamName>,
    pub form: Form,
    pub sink: gst::Pad,
    /// Told how far the demuxer has come in this stream.
    pub held: Mark,
}

impl Outlet {
    fn takes(&self, name: Option<&StreamName>) -> bool {
        self.stream.as_ref().is_none_or(|wanted| Some(wanted) == name)
    }
}

/// Adds the source to a pipeline. Each outlet gets the stream it names or the first of its kind, or a chunk of it.
pub fn attach(
    pipeline: &gst::Pipeline,
    path: &Path,
    outlets: Vec<Outlet>,
    chunk: Chunk,
) -> Result<(), Failure> {
    let file = elements::make("filesrc")?;
    file.set_property("location", path);
    attach_to(pipeline, &file, outlets, chunk)
}

/// The same for bytes that come from elsewhere.
pub fn attach_to(
    pipeline: &gst::Pipeline,
    file: &gst::Element,
    outlets: Vec<Outlet>,
    chunk: Chunk,
) -> Result<(), Failure> {
    let parse = elements::make("parsebin")?;
    pipeline.add_many([file, &parse]).map_err(|error| internal(&error))?;
    file.link(&parse).map_err(|error| internal(&error))?;

    let streams = Arc::new(Mutex::new(Streams { waiting: outlets, open: 0 }));
    let target = pipeline.downgrade();
    parse.connect_pad_added(move |parse, pad| {
        locked(&streams).open += 1;
        let mut arrival = Arrival {
            parse: parse.downgrade(),
            pipeline: target.clone(),
            streams: Arc::clone(&streams),
            chunk,
            led_away: false,
        };
        arrival.follow(pad, None);
        let arrival = Mutex::new(arrival);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            locked(&arrival).follow(pad, info.event().map(AsRef::as_ref));
            gst::PadProbeReturn::Ok
        });
    });
    Ok(())
}

/// The streams of a source while it plays.
struct Streams {
    /// Outlets that have no stream yet.
    waiting: Vec<Outlet>,
    /// How many streams have not ended.
    open: usize,
}

/// One stream from its pad's appearance to its end. What it is may be known from its first data only.
struct Arrival {
    parse: gst::glib::WeakRef<gst::Element>,
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    streams: Arc<Mutex<Streams>>,
    chunk: Chunk,
    led_away: bool,
}

impl Arrival {
    fn follow(&mut self, pad: &gst::Pad, event: Option<&gst::EventRef>) {
        let (Some(parse), Some(pipeline)) = (self.parse.upgrade(), self.pipeline.upgrade()) else { return };
        let ends = event.is_some_and(|event| event.type_() == gst::EventType::Eos);
        let caps = event.and_then(caps_in).or_else(|| pad.current_caps());
        if !self.led_away && (ends || caps.is_some()) {
            self.led_away = true;
            let caps = caps.unwrap_or_else(gst::Caps::new_empty);
            let outlet = self.take_outlet(pad, &caps);
            if outlet.is_some() && !self.chunk.is_whole() {
                seek::confine(pad, self.chunk);
            }
            if let Err(failure) = lead_away(&pipeline, pad, &caps, outlet) {
                gst::element_error!(parse, gst::CoreError::Failed, ["{}", failure.detail]);
            }
        }
        if ends && let Some(kind) = self.missing_at_the_end() {
            gst::element_error!(parse, gst::StreamError::Demux, ["the {kind:?} stream is gone"]);
        }
    }

    fn take_outlet(&self, pad: &gst::Pad, caps: &gst::Caps) -> Option<Outlet> {
        let kind = kind_of(caps)?;
        // The probe passed over what cannot be decoded, too.
        if matches!(decoding(caps), Decoding::Impossible) {
            return None;
        }
        let name = pad.stream_id().and_then(|id| StreamName::of(&id));
        let waiting = &mut locked(&self.streams).waiting;
        let at = waiting.iter().position(|outlet| outlet.kind == kind && outlet.takes(name.as_ref()))?;
        Some(waiting.remove(at))
    }

    /// An outlet that got no stream, once all streams have ended: it would wait for ever.
    fn missing_at_the_end(&self) -> Option<Kind> {
        let mut streams = locked(&self.streams);
        streams.open = streams.open.saturating_sub(1);
        streams.waiting.first().filter(|_| streams.open == 0).map(|outlet| outlet.kind)
    }
}

fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().expect("nothing panics while it holds this")
}

fn caps_in(event: &gst::EventRef) -> Option<gst::Caps> {
    if let gst::EventView::Caps(caps) = event.view() { Some(caps.caps_owned()) } else { None }
}

pub fn internal(error: &impl std::fmt::Display) -> Failure {
    Failure::new(FailureCode::WorkerFailed, format!("a pipeline cannot be built: {error}"))
}

/// Cover art comes as a picture without a rate.
fn kind_of(caps: &gst::Caps) -> Option<Kind> {
    let structure = caps.structure(0)?;
    let name = structure.name().as_str();
    if name.starts_with("audio/") {
        return Some(Kind::Sound);
    }
    let sized = structure.get::<i32>("width").map_or(true, |width| width > 0);
    let moving = structure.get::<gst::Fraction>("framerate").is_ok_and(|rate| rate.numer() > 0);
    let picture = name.starts_with("video/") || (name.starts_with("image/") && moving);
    (picture && sized).then_some(Kind::Picture)
}

fn lead_away(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    caps: &gst::Caps,
    outlet: Option<Outlet>,
) -> Result<(), Failure> {
    let Some(outlet) = outlet else { return throw_away(pipeline, pad) };
    outlet.held.follow(pad);
    match outlet.form {
        Form::AsItIs => join(pad, &outlet.sink),
        Form::Decoded | Form::KeyframesDecoded => decode(pipeline, pad, caps, &outlet),
    }
}

fn throw_away(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), Failure> {
    let sink = elements::make("fakesink")?;
    sink.set_property("sync", false);
    sink.set_property("async", false);
    add(pipeline, &sink)?;
    join(pad, &sink.static_pad("sink").expect("a fakesink has a sink pad"))
}

/// The compressed queue lets the demuxer run ahead, so that neither stream waits for the other's data.
fn decode(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    caps: &gst::Caps,
    outlet: &Outlet,
) -> Result<(), Failure> {
    let queue = elements::make("queue")?;
    queue.set_property("max-size-buffers", 200_u32);
    queue.set_property("max-size-bytes", 50_000_000_u32);
    queue.set_property("max-size-time", 0_u64);
    add(pipeline, &queue)?;
    if outlet.form == Form::KeyframesDecoded {
        drop_between_keyframes(&queue);
    }
    match decoder_for(caps)? {
        None => join(&queue.static_pad("src").expect("a queue has a src pad"), &outlet.sink)?,
        Some(decoder) => {
            add(pipeline, &decoder)?;
            queue.link(&decoder).map_err(|error| internal(&error))?;
            join(&decoder.static_pad("src").expect("a decoder has a src pad"), &outlet.sink)?;
        }
    }
    join(pad, &queue.static_pad("sink").expect("a queue has a sink pad"))
}

fn drop_between_keyframes(queue: &gst::Element) {
    let entrance = queue.static_pad("sink").expect("a queue has a sink pad");
    entrance.add_probe(gst::PadProbeType::BUFFER, |_, info| match info.buffer() {
        Some(buffer) if buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) => gst::PadProbeReturn::Handled,
        _ => gst::PadProbeReturn::Ok,
    });
}

fn decoder_for(caps: &gst::Caps) -> Result<Option<gst::Element>, Failure> {
    match decoding(caps) {
        Decoding::None => Ok(None),
        Decoding::By(factory) => factory.create().build().map(Some).map_err(|error| internal(&error)),
        Decoding::Impossible => {
            let name = caps.structure(0).map_or("", |caps| caps.name().as_str());
            Err(Failure::new(FailureCode::CodecNotSupported, format!("nothing here can decode {name}")))
        }
    }
}

/// How a stream becomes raw.
pub enum Decoding {
    /// It is raw already.
    None,
    /// The highest-ranked decoder that takes all such streams.
    By(gst::ElementFactory),
    Impossible,
}

pub fn decoding(caps: &gst::Caps) -> Decoding {
    let name = caps.structure(0).map_or("", |caps| caps.name().as_str());
    if name == "video/x-raw" || name == "audio/x-raw" {
        return Decoding::None;
    }
    let known =
        gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DECODER, gst::Rank::MARGINAL);
    let fitting = known.into_iter().filter(|factory| factory.can_sink_all_caps(caps));
    fitting.max_by_key(|factory| factory.rank()).map_or(Decoding::Impossible, Decoding::By)
}

fn add(pipeline: &gst::Pipeline, element: &gst::Element) -> Result<(), Failure> {
    pipeline.add(element).map_err(|error| internal(&error))?;
    element.sync_state_with_parent().map_err(|error| internal(&error))
}

fn join(from: &gst::Pad, to: &gst::Pad) -> Result<(), Failure> {
    from.link(to).map(drop).map_err(|error| internal(&error))
}
