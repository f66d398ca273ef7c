//! The report as Markdown: what was asked, how it ended, and the figures.

use std::fmt::Write;

use super::Report;

pub fn page(report: &Report) -> String {
    let mut page = String::new();
    fill(&mut page, report).expect("writing to a string does not fail");
    page
}

fn fill(page: &mut String, report: &Report) -> std::fmt::Result {
    let scenario = format!("{:?}", report.scenario).to_lowercase();
    writeln!(page, "# Load test `{scenario}`: {}\n", report.verdict.words())?;
    writeln!(
        page,
        "{} users ({} with an account) in {} rooms for {} s against {}, seed {}, no TLS, {} client process{} with {:.2} cores in use\n",
        report.users,
        report.speakers,
        report.rooms,
        report.duration_s,
        report.target,
        report.seed,
        report.processes,
        if report.processes == 1 { "" } else { "es" },
        report.client_cores,
    )?;
    writeln!(page, "| gate | asked | found | |\n|---|---|---|---|")?;
    for gate in &report.gates {
        let found = gate.found.map_or("not measured".to_owned(), |found| format!("{found:.1}"));
        let held = if gate.held { "held" } else { "**fell**" };
        writeln!(page, "| {} | {} | {found} | {held} |", gate.name, gate.asked)?;
    }
    writeln!(page, "\n| timed | count | p50 ms | p90 | p99 | p99.9 | max |\n|---|---|---|---|---|---|---|")?;
    for timed in &report.timers {
        writeln!(
            page,
            "| {}: {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            timed.name,
            timed.meaning,
            timed.count,
            timed.p50_ms,
            timed.p90_ms,
            timed.p99_ms,
            timed.p999_ms,
            timed.max_ms
        )?;
    }
    writeln!(page, "\n| counted | | a second |\n|---|---|---|")?;
    for counted in &report.counters {
        writeln!(
            page,
            "| {}: {} | {} | {:.1} |",
            counted.name, counted.meaning, counted.value, counted.per_s
        )?;
    }
    if !report.problems.is_empty() {
        writeln!(page, "\n| went wrong | how often |\n|---|---|")?;
    }
    for (words, count) in &report.problems {
        writeln!(page, "| {} | {count} |", words.replace('|', "/"))?;
    }
    Ok(())
}
