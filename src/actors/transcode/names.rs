//! Renditions are named by the run, or the plan, that made them, so that a URL never changes its content.

use crate::media::RenditionId;

/// Names a rendition as this run makes it: `v720` of run 4 is `v720r4`.
pub fn of_run(rendition: &RenditionId, run: u32) -> RenditionId {
    RenditionId::parse(&format!("{rendition}r{run}")).unwrap_or_else(|_| rendition.clone())
}

/// `v720r4` is `v720`.
pub fn without_run(rendition: &RenditionId) -> &str {
    let name = rendition.as_str();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.strip_suffix('r').filter(|_| stem.len() < name.len()).unwrap_or(name)
}

/// `v720r4` is of run 4.
pub fn run_of(rendition: &RenditionId) -> Option<u32> {
    let stem = without_run(rendition);
    rendition.as_str().strip_prefix(stem)?.strip_prefix('r')?.parse().ok()
}
