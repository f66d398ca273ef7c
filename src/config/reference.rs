//! Renders `docs/configuration.md` from `config/default.toml`, so that the reference cannot fall behind.
//! `make regen` writes it, and a test fails while it differs.

use super::DEFAULT_TOML;

const HEAD: &str = "# Configuration\n\n\
    <!-- Made from config/default.toml by `make regen`. Change it there. -->\n";

/// The whole page as Markdown.
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    let mut comment = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            page.push_str(&format!("\n## {section}\n\n| key | default | what it does |\n|---|---|---|\n"));
        } else if let Some((key, value)) = line.split_once(" = ") {
            page.push_str(&format!("| `{key}` | `{value}` | {} |\n", comment.join(" ").replace('|', "\\|")));
            comment.clear();
        } else if !comment.is_empty() {
            page.push_str(&format!("\n{}\n", comment.join("\n")));
            comment.clear();
        }
    }
    page
}
