//! The figures of a report by name, and the gates that are held against them. A gate is a ceiling, or a floor for names
//! in `_per_s`; one on something that was never measured falls.

use std::{str::FromStr, time::Duration};

use serde::Serialize;

use crate::measure::{Counter, Latencies, Tally, Timer};

/// The percentiles of each timer.
const PERCENTILES: &[(&str, f64)] =
    &[("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p999_ms", 0.999), ("max_ms", 1.0)];

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    pub name: String,
    pub value: f64,
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("allowed: NAME=VALUE")?;
        if !names().any(|known| known == name) {
            let all: Vec<_> = names().collect();
            return Err(format!("no figure is called {name}, allowed: {}", all.join(", ")));
        }
        let value: f64 = value.parse().map_err(|_| format!("{value} is no number"))?;
        if !value.is_finite() {
            return Err(format!("{value} is no number"));
        }
        Ok(Self { name: name.to_owned(), value })
    }
}

/// Every name a gate may have.
pub fn names() -> impl Iterator<Item = String> {
    let main = PERCENTILES.iter().map(|(name, _)| (*name).to_owned());
    let counters = Counter::ALL.iter().map(|counter| counter.name().to_owned());
    let rates = Counter::ALL.iter().map(|counter| format!("{}_per_s", counter.name()));
    let timers = Timer::ALL
        .iter()
        .flat_map(|timer| PERCENTILES.iter().map(|(percentile, _)| format!("{}_{percentile}", timer.name())));
    main.chain(["errors", "operations_per_s"].map(str::to_owned)).chain(counters).chain(rates).chain(timers)
}

/// Name and value; what was never measured has none.
pub type Figures = Vec<(String, Option<f64>)>;

pub fn figures(all: &Tally, main: Timer, acted_for: Duration) -> Figures {
    let seconds = acted_for.as_secs_f64().max(0.001);
    let mut values: Vec<Option<f64>> = percentiles(all.latencies(main)).collect();
    values.push(Some(all.sum(Counter::ERRORS) as f64));
    values.push(Some(all.sum(Counter::OPERATIONS) as f64 / seconds));
    values.extend(Counter::ALL.iter().map(|counter| Some(all.of(*counter) as f64)));
    values.extend(Counter::ALL.iter().map(|counter| Some(all.of(*counter) as f64 / seconds)));
    values.extend(Timer::ALL.iter().flat_map(|timer| percentiles(all.latencies(*timer))));
    names().zip(values).collect()
}

fn percentiles(latencies: Option<&Latencies>) -> impl Iterator<Item = Option<f64>> {
    PERCENTILES.iter().map(move |(_, share)| latencies.map(|latencies| latencies.percentile_ms(*share)))
}

pub fn value(figures: &Figures, name: &str) -> Option<f64> {
    figures.iter().find(|(known, _)| known == name).and_then(|(_, value)| *value)
}

/// A gate and how it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    pub name: String,
    pub asked: String,
    pub found: Option<f64>,
    pub held: bool,
}

/// Of these none may be, asked for or not; no slowness of a client explains the first four.
const NEVER: [Counter; 5] =
    [Counter::Gaps, Counter::Duplicates, Counter::Missing, Counter::WrongCounts, Counter::Cut];

pub fn judge(gates: &[Gate], figures: &Figures, main: Timer) -> Vec<Judged> {
    let implied = NEVER.iter().map(|counter| Gate { name: counter.name().to_owned(), value: 0.0 });
    let implied: Vec<_> = implied.filter(|gate| !gates.iter().any(|asked| asked.name == gate.name)).collect();
    let mut judged: Vec<_> = gates.iter().chain(&implied).map(|gate| hold(gate, figures)).collect();
    if value(figures, "p50_ms").is_none() {
        let (name, asked) = (main.name().to_owned(), "at least one".to_owned());
        judged.push(Judged { name, asked, found: None, held: false });
    }
    judged
}

fn hold(gate: &Gate, figures: &Figures) -> Judged {
    let found = value(figures, &gate.name);
    let floor = gate.name.ends_with("_per_s");
    let held = found.is_some_and(|found| if floor { found >= gate.value } else { found <= gate.value });
    let asked = format!("{} {}", if floor { "≥" } else { "≤" }, gate.value);
    Judged { name: gate.name.clone(), asked, found, held }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Held,
    GateFell,
    ClientWasTheBottleneck,
}

impl Verdict {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::GateFell => 1,
            Self::ClientWasTheBottleneck => 3,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::GateFell => "a gate fell",
            Self::ClientWasTheBottleneck => "the client was the bottleneck",
        }
    }
}

/// Above it the client measures itself.
const CLIENT_LATE_P99_MAX_MS: f64 = 50.0;
/// Of its machine.
const CLIENT_BUSY_MAX: f64 = 0.9;

/// A slow client makes every latency its own; it does not make comments come twice.
pub fn verdict(judged: &[Judged], figures: &Figures, client_busy: f64) -> Verdict {
    let late = value(figures, "client_late_p99_ms").unwrap_or(0.0);
    let wrong = |name: &str| NEVER[..4].iter().any(|counter| counter.name() == name);
    if judged.iter().any(|judged| !judged.held && wrong(&judged.name)) {
        Verdict::GateFell
    } else if late > CLIENT_LATE_P99_MAX_MS || client_busy > CLIENT_BUSY_MAX {
        Verdict::ClientWasTheBottleneck
    } else if judged.iter().all(|judged| judged.held) {
        Verdict::Held
    } else {
        Verdict::GateFell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        tally.count(Counter::Deliveries, 1_000);
        tally.time(Timer::Delivery, Duration::from_millis(40));
        tally
    }

    fn ends(gates: &[&str], tally: &Tally, client_busy: f64) -> Verdict {
        let gates: Vec<Gate> = gates.iter().map(|gate| gate.parse().unwrap()).collect();
        let figures = figures(tally, Timer::Delivery, Duration::from_secs(10));
        verdict(&judge(&gates, &figures, Timer::Delivery), &figures, client_busy)
    }

    #[test]
    fn a_gate_is_a_ceiling_and_for_rates_a_floor() {
        assert_eq!(ends(&[], &tally(), 0.1), Verdict::Held);
        let held = ["p99_ms=41", "delivery_max_ms=41", "deliveries_per_s=100", "errors=0"];
        assert_eq!(ends(&held, &tally(), 0.1), Verdict::Held);
        assert_eq!(ends(&["p99_ms=39"], &tally(), 0.1), Verdict::GateFell);
        assert_eq!(ends(&["deliveries_per_s=101"], &tally(), 0.1), Verdict::GateFell);
    }

    #[test]
    fn a_gate_on_what_was_not_measured_falls() {
        assert_eq!(ends(&["upload_p99_ms=1000"], &tally(), 0.1), Verdict::GateFell);
        assert_eq!(ends(&[], &Tally::default(), 0.1), Verdict::GateFell, "nothing happened");
    }

    #[test]
    fn losing_and_repeating_fall_without_being_asked_for_and_however_slow_the_client_was() {
        for counter in [Counter::Gaps, Counter::Duplicates, Counter::Missing, Counter::WrongCounts] {
            let mut tally = tally();
            tally.count(counter, 1);
            assert_eq!(ends(&[], &tally, 0.99), Verdict::GateFell, "{}", counter.name());
        }
    }

    #[test]
    fn a_client_that_was_busy_or_late_says_so_before_its_latencies_are_judged() {
        assert_eq!(ends(&["p99_ms=39"], &tally(), 0.95), Verdict::ClientWasTheBottleneck);
        let mut late = tally();
        late.time(Timer::ClientLate, Duration::from_millis(80));
        assert_eq!(ends(&[], &late, 0.1), Verdict::ClientWasTheBottleneck);
        assert_eq!(Verdict::ClientWasTheBottleneck.exit_code(), 3);
    }

    #[test]
    fn a_gate_names_a_figure() {
        assert_eq!("p99_ms=100".parse(), Ok(Gate { name: "p99_ms".into(), value: 100.0 }));
        assert!("errors=0".parse::<Gate>().is_ok() && "gaps=0".parse::<Gate>().is_ok());
        for text in ["p99_ms", "p99_ms=fast", "p99_ms=NaN", "happiness=1"] {
            assert!(text.parse::<Gate>().is_err(), "{text}");
        }
    }
}
