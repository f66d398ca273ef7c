//! The report as one page of HTML that needs nothing else: the page in `assets/report.html` with the report in it.

use super::Report;

const PAGE: &str = include_str!("../../assets/report.html");
const PLACE: &str = "\"REPORT\"";

pub fn page(report: &Report) -> anyhow::Result<String> {
    // Inside a script element only this would end the data.
    let data = serde_json::to_string(report)?.replace('<', "\\u003c");
    Ok(PAGE.replacen(PLACE, &data, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_place_for_the_report_and_fetches_nothing() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        for fetching in ["src=", "@import", "url(", "fetch(", "<link"] {
            assert!(!PAGE.contains(fetching), "{fetching}");
        }
    }
}
