//! The decoder: whatever it is given, it says the same of JSON and of MessagePack, and what it accepts survives being
//! written and read again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use playhouse::{
    actors::seat::Encoding,
    http::ws::codec::{Misread, read},
};
use playhouse_protocol::realtime::Request;
use serde_json::{Map, Value, json};

use super::{Budget, Random, hex, mutate, requests};

/// What a frame was taken for, without the words of a complaint.
#[derive(Debug, PartialEq)]
enum Taken {
    For(Request),
    Problem(u64, String),
    Malformed,
}

fn taken(encoding: Encoding, frame: &[u8]) -> Taken {
    match read(encoding, frame) {
        Ok(request) => Taken::For(request),
        Err(Misread::Problem(id, refusal)) => Taken::Problem(id, refusal.code),
        Err(Misread::Malformed(_)) => Taken::Malformed,
    }
}

fn pack<T: serde::Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("plain data")
}

/// Another value of the same family: a field less, or one more, or one of another kind.
fn vary(random: &mut Random, value: &Value, corpus: &[Value]) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    let mut fields: Map<String, Value> = fields.clone();
    for _ in 0..random.below(3) {
        let Value::Object(donor) = random.pick(corpus) else { continue };
        let names: Vec<&String> = donor.keys().chain(fields.keys()).collect();
        let Some(name) = (!names.is_empty()).then(|| names[random.below(names.len())].clone()) else {
            continue;
        };
        match random.below(4) {
            0 => drop(fields.remove(&name)),
            1 => drop(fields.insert(name, random_value(random))),
            _ => drop(donor.get(&name).map(|value| fields.insert(name, value.clone()))),
        }
    }
    Value::Object(fields)
}

fn random_value(random: &mut Random) -> Value {
    let number = random.next();
    let choices = [
        json!(null),
        json!(number),
        json!(-1),
        json!(0.5),
        json!(true),
        json!(""),
        json!("x".repeat(random.below(300))),
        json!([number, [], {}]),
        json!({"epoch": "e", "offset": number}),
        json!({"like": null}),
    ];
    random.pick(&choices).clone()
}

/// One of both encodings, and what both must be taken for.
fn structured(random: &mut Random, corpus: &[Value]) -> Result<(), String> {
    let base = random.pick(corpus);
    let value = vary(random, base, corpus);
    let (json, packed) = (value.to_string().into_bytes(), pack(&value));
    let (of_json, of_packed) = (taken(Encoding::Json, &json), taken(Encoding::MessagePack, &packed));
    if of_json != of_packed {
        return Err(format!("{value} is {of_json:?} in JSON and {of_packed:?} in MessagePack"));
    }
    let named =
        value.as_object().and_then(|fields| Some((fields.get("id")?.as_u64()?, fields.get("op")?.as_str()?)));
    match (&of_json, named) {
        (Taken::Malformed, None) => Ok(()),
        (Taken::Problem(id, _), Some((named, _))) if *id == named => Ok(()),
        (Taken::For(request), Some((named, _))) if request.id == named => again(request),
        _ => Err(format!("{value} was taken for {of_json:?}")),
    }
}

/// Bytes as they come.
fn unstructured(random: &mut Random, corpus: &[Value]) -> Result<(), String> {
    let encoding = *random.pick(&[Encoding::Json, Encoding::MessagePack]);
    let value = random.pick(corpus).clone();
    let mut bytes = match encoding {
        Encoding::Json => value.to_string().into_bytes(),
        Encoding::MessagePack => pack(&value),
    };
    mutate(random, &mut bytes);
    let outcome = catch_unwind(AssertUnwindSafe(|| taken(encoding, &bytes)));
    let said = || format!("{encoding:?} {}", hex(&bytes));
    match outcome.map_err(|_| format!("panicked: {}", said()))? {
        Taken::For(request) => again(&request).map_err(|wrong| format!("{wrong}: {}", said())),
        Taken::Problem(..) | Taken::Malformed => Ok(()),
    }
}

/// What was accepted is the same after another round.
fn again(request: &Request) -> Result<(), String> {
    let json = serde_json::to_vec(request).expect("plain data");
    for (encoding, bytes) in [(Encoding::Json, json), (Encoding::MessagePack, pack(request))] {
        let second = taken(encoding, &bytes);
        if second != Taken::For(request.clone()) {
            return Err(format!("{request:?} becomes {second:?} in {encoding:?}"));
        }
    }
    Ok(())
}

#[test]
fn the_decoder_says_the_same_of_both_encodings_and_survives_everything() {
    let budget = Budget::of_environment("decoder");
    let mut random = Random::new(budget.seed);
    let corpus = requests();
    let mut rounds = 0_u64;
    while !budget.is_over() {
        for _ in 0..100 {
            let outcome = match random.below(2) {
                0 => structured(&mut random, &corpus),
                _ => unstructured(&mut random, &corpus),
            };
            assert_eq!(outcome, Ok(()), "FUZZ_SEED={} round {rounds}", budget.seed);
            rounds += 1;
        }
    }
    eprintln!("{rounds} frames decoded");
}
