//! Medians of what `compare` measured, as a table for people, as JSON for programs, and against the targets.

use std::fs;

use anyhow::Context;
use serde_json::{Value, json};

use super::{Compare, Measured, Results, Rival, Row, fanout::Fanout, idle::Idle, storm::Storm};

/// What Playhouse has to reach in a row: a figure, against whose, and how.
struct Target {
    row: Row,
    what: &'static str,
    figure: fn(&Measured) -> f64,
    bound: Bound,
}

enum Bound {
    Most(f64),
    MostTimes(f64, Rival),
    LeastTimes(f64, Rival),
}

const TARGETS: &[Target] = &[
    Target { row: Row::Floor, what: CPU, figure: cpu, bound: Bound::MostTimes(1.05, Rival::Bun) },
    Target { row: Row::Floor, what: CPU, figure: cpu, bound: Bound::MostTimes(0.55, Rival::Centrifuge) },
    Target { row: Row::Batched, what: CPU, figure: cpu, bound: Bound::MostTimes(0.15, Rival::Bun) },
    Target { row: Row::Batched, what: CPU, figure: cpu, bound: Bound::MostTimes(0.1, Rival::Centrifuge) },
    Target { row: Row::Latency, what: P99, figure: last_p99, bound: Bound::Most(100.0) },
    Target { row: Row::Overload, what: P99, figure: last_p99, bound: Bound::Most(800.0) },
    Target { row: Row::Overload, what: "lost or cut", figure: harm, bound: Bound::Most(0.0) },
    Target { row: Row::Idle, what: "bytes a silent seat", figure: seat, bound: Bound::Most(1_536.0) },
    Target { row: Row::Idle, what: "bytes a seat awake", figure: awake, bound: Bound::Most(9_216.0) },
    Target {
        row: Row::Idle,
        what: "joins a second",
        figure: joins,
        bound: Bound::LeastTimes(0.8, Rival::Bun),
    },
    Target { row: Row::Storm, what: "settled after ms", figure: settled, bound: Bound::Most(5_000.0) },
    Target { row: Row::Storm, what: "errors", figure: storm_harm, bound: Bound::Most(0.0) },
];

const CPU: &str = "server CPU µs a delivery";
const P99: &str = "p99 to the last seat, ms";

fn of_fanout(measured: &Measured, figure: fn(&Fanout) -> f64) -> f64 {
    if let Measured::Fanout(fanout) = measured { figure(fanout) } else { f64::NAN }
}

fn of_idle(measured: &Measured, figure: fn(&Idle) -> f64) -> f64 {
    if let Measured::Idle(idle) = measured { figure(idle) } else { f64::NAN }
}

fn cpu(measured: &Measured) -> f64 {
    of_fanout(measured, |fanout| fanout.cpu_us_per_delivery)
}

fn last_p99(measured: &Measured) -> f64 {
    of_fanout(measured, |fanout| fanout.last_p99_ms)
}

fn harm(measured: &Measured) -> f64 {
    of_fanout(measured, |fanout| (fanout.lost + fanout.repeated + fanout.cut) as f64)
}

fn seat(measured: &Measured) -> f64 {
    of_idle(measured, |idle| idle.bytes_per_seat)
}

fn of_storm(measured: &Measured, figure: fn(&Storm) -> f64) -> f64 {
    if let Measured::Storm(storm) = measured { figure(storm) } else { f64::NAN }
}

fn settled(measured: &Measured) -> f64 {
    of_storm(measured, |storm| storm.settled_after_ms)
}

fn storm_harm(measured: &Measured) -> f64 {
    of_storm(measured, |storm| storm.errors as f64)
}

fn awake(measured: &Measured) -> f64 {
    of_idle(measured, |idle| idle.bytes_per_seat_awake.unwrap_or(f64::NAN))
}

fn joins(measured: &Measured) -> f64 {
    of_idle(measured, |idle| idle.connects_per_s)
}

/// The median of `figure` over the rounds of a row; nothing when it was not measured.
fn median(results: &Results, row: Row, rival: Rival, figure: impl Fn(&Measured) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = results.get(&(row, rival))?.iter().map(figure).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

pub fn write(compare: &Compare, results: &Results) -> anyhow::Result<()> {
    let folder = &compare.report;
    fs::create_dir_all(folder).with_context(|| format!("--report: {} cannot be made", folder.display()))?;
    let rounds: Vec<Value> = results
        .iter()
        .map(|((row, rival), rounds)| json!({"row": name(*row), "rival": rival.name(), "rounds": rounds}))
        .collect();
    let all = json!({"label": compare.label, "results": rounds});
    fs::write(folder.join("compare.json"), serde_json::to_vec_pretty(&all)?).context("compare.json")?;
    fs::write(folder.join("compare.md"), markdown(compare, results)).context("compare.md")
}

fn name(row: Row) -> &'static str {
    match row {
        Row::Floor => "5,000 seats, 10/s, tick 0",
        Row::Batched => "500 seats, 200/s",
        Row::Latency => "5,000 seats, 5/s",
        Row::Overload => "10,000 seats, 20/s",
        Row::Idle => "10,000 silent seats",
        Row::Joins => "10,000 joins, 50 comments in the room",
        Row::Storm => "10,000 come back at once, 20/s",
    }
}

pub fn markdown(compare: &Compare, results: &Results) -> String {
    let mut page = format!(
        "{}: {} cores shared by server and client, loopback, no TLS, 100-byte texts, {} s measured, median of {}.\n",
        if compare.label.is_empty() { "Fan-out" } else { &compare.label },
        std::thread::available_parallelism().map_or(0, usize::from),
        compare.duration.as_secs_f64(),
        compare.rounds,
    );
    if compare.divide_seats > 1 {
        page.push_str(&format!("Only a trial: seats divided by {}.\n", compare.divide_seats));
    }
    page.push_str(&fanouts(results));
    page.push_str(&idles(results));
    page.push_str(&storms(results));
    page.push_str(&targets(results));
    page
}

fn fanouts(results: &Results) -> String {
    if !results.keys().any(|(row, _)| *row < Row::Idle) {
        return String::new();
    }
    let mut page = String::from(
        "\n| row | server | CPU µs a delivery | × Playhouse | to the last seat p50 / p99 ms | any seat p99 ms | lost | cut \
         | messages a frame / read | server / client / all cores |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (row, rival) in results.keys().filter(|(row, _)| *row < Row::Idle) {
        let figure = |figure: fn(&Fanout) -> f64| {
            median(results, *row, *rival, |measured| of_fanout(measured, figure)).unwrap_or(f64::NAN)
        };
        let own = figure(|fanout| fanout.cpu_us_per_delivery);
        let ratio =
            median(results, *row, Rival::Playhouse, cpu).map_or(f64::NAN, |playhouse| own / playhouse);
        page.push_str(&format!(
            "| {} | {} | {own:.2} | {ratio:.2} | {:.1} / {:.1} | {:.1} | {:.0} | {:.0} | {:.1} / {:.1} | {:.2} / {:.2} / {:.2} |\n",
            name(*row),
            rival.name(),
            figure(|fanout| fanout.last_p50_ms),
            figure(|fanout| fanout.last_p99_ms),
            figure(|fanout| fanout.any_p99_ms),
            figure(|fanout| fanout.lost as f64),
            figure(|fanout| fanout.cut as f64),
            figure(|fanout| fanout.messages_per_frame),
            figure(|fanout| fanout.messages_per_read),
            figure(|fanout| fanout.server_cores),
            figure(|fanout| fanout.client_cores),
            figure(|fanout| fanout.machine_cores),
        ));
    }
    page.push_str(
        "\nLost: not there 20 s after the last message. Latency counts from when a message was due.\n",
    );
    page
}

fn idles(results: &Results) -> String {
    if !results.keys().any(|(row, _)| matches!(row, Row::Idle | Row::Joins)) {
        return String::new();
    }
    let mut page = String::from(
        "\n| row | server | joins a second | CPU µs a join | bytes a seat at once | after the silence | awake again | cut |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (row, rival) in results.keys().filter(|(row, _)| matches!(row, Row::Idle | Row::Joins)) {
        let figure = |figure: fn(&Idle) -> f64| {
            median(results, *row, *rival, |measured| of_idle(measured, figure)).unwrap_or(f64::NAN)
        };
        page.push_str(&format!(
            "| {} | {} | {:.0} | {:.1} | {:.0} | {:.0} | {} | {:.0} |\n",
            name(*row),
            rival.name(),
            figure(|idle| idle.connects_per_s),
            figure(|idle| idle.cpu_us_per_connect),
            figure(|idle| idle.bytes_per_seat_at_once),
            figure(|idle| idle.bytes_per_seat),
            whole(figure(|idle| idle.bytes_per_seat_awake.unwrap_or(f64::NAN))),
            figure(|idle| idle.cut as f64),
        ));
    }
    page
}

fn storms(results: &Results) -> String {
    let mut page = String::new();
    for (row, rival) in results.keys().filter(|(row, _)| *row == Row::Storm) {
        let figure = |figure: fn(&Storm) -> f64| {
            median(results, *row, *rival, |measured| of_storm(measured, figure)).unwrap_or(f64::NAN)
        };
        page.push_str(&format!(
            "\n| row | server | settled p50 / p99 / all ms | comments replayed | errors | server CPU s |\n\
             |---|---|---|---|---|---|\n| {} | {} | {:.0} / {:.0} / {:.0} | {:.0} | {:.0} | {:.1} |\n",
            name(*row),
            rival.name(),
            figure(|storm| storm.settled_p50_ms),
            figure(|storm| storm.settled_p99_ms),
            figure(|storm| storm.settled_after_ms),
            figure(|storm| storm.replayed as f64),
            figure(|storm| storm.errors as f64),
            figure(|storm| storm.server_cpu_s),
        ));
    }
    page
}

/// Nothing where there is no such figure.
fn whole(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.0}") }
}

fn targets(results: &Results) -> String {
    let mut page = String::from("\n| target | asked | found | |\n|---|---|---|---|\n");
    for target in TARGETS {
        let of = |rival| median(results, target.row, rival, target.figure);
        let Some(own) = of(Rival::Playhouse).filter(|own| !own.is_nan()) else { continue };
        let (asked, found, held) = match target.bound {
            Bound::Most(most) => (format!("≤ {most}"), own, own <= most),
            Bound::MostTimes(most, rival) => {
                let Some(other) = of(rival) else { continue };
                (format!("≤ {most} × {}", rival.name()), own / other, own / other <= most)
            }
            Bound::LeastTimes(least, rival) => {
                let Some(other) = of(rival) else { continue };
                (format!("≥ {least} × {}", rival.name()), own / other, own / other >= least)
            }
        };
        let verdict = if held { "held" } else { "**missed**" };
        page.push_str(&format!(
            "| {}: {} | {asked} | {found:.2} | {verdict} |\n",
            name(target.row),
            target.what
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(cpu: &[f64]) -> Vec<Measured> {
        let fanout = |cpu| Fanout { cpu_us_per_delivery: cpu, ..Fanout::default() };
        cpu.iter().map(|cpu| Measured::Fanout(fanout(*cpu))).collect()
    }

    #[test]
    fn targets_are_held_against_the_medians_of_the_same_run() {
        let mut results = Results::new();
        results.insert((Row::Floor, Rival::Playhouse), rounds(&[10.0, 99.0, 9.0]));
        assert!(!targets(&results).contains("held"), "nothing to hold it against");
        results.insert((Row::Floor, Rival::Bun), rounds(&[1.0, 10.0, 12.0]));
        results.insert((Row::Floor, Rival::Centrifuge), rounds(&[15.0]));
        let page = targets(&results);
        assert!(page.contains("≤ 1.05 × bun 1.4.5 | 1.00 | held"), "{page}");
        assert!(page.contains("≤ 0.55 × centrifuge 0.40.1 | 0.67 | **missed**"), "{page}");
    }

    #[test]
    fn a_page_has_no_table_without_rows() {
        let mut results = Results::new();
        results.insert((Row::Idle, Rival::Bun), vec![Measured::Idle(Idle::default())]);
        assert_eq!(fanouts(&results), "");
        assert!(idles(&results).contains("| 10,000 silent seats | bun 1.4.5 | 0 | 0.0 | 0 | 0 | - | 0 |"));
    }
}
