//! What a cue says: text with the few tags that mean something to every player. It is written for the player that
//! puts it into a page as it is, wrong as that is: nothing kept can become an attribute or a script there.

use std::fmt;

use super::time;

/// How the text that is read was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    WebVtt,
    /// With `{\an8}` and `<font>`, which are left out.
    SubRip,
}

/// WebVTT cue text: escaped, its tags out of a known set and closed, no empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CueText(String);

const LENGTH_MAX: usize = 4_000;
const DEPTH_MAX: usize = 16;
const CLASSES_MAX: usize = 8;
const CLASS_LEN_MAX: usize = 32;
const ANNOTATION_LEN_MAX: usize = 100;

impl CueText {
    /// `None` when nothing is left to show, or there is too much of it.
    pub fn read(raw: &str, dialect: Dialect) -> Option<Self> {
        if raw.len() > LENGTH_MAX {
            return None;
        }
        let mut cleaner = Cleaner { dialect, out: String::new(), open: Vec::new(), shows: false };
        cleaner.run(raw);
        cleaner.close_down_to(0);
        let lines = cleaner.out.split('\n').map(|line| line.trim_matches([' ', '\t']));
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let text = lines.join("\n");
        (cleaner.shows && text.len() <= LENGTH_MAX).then_some(Self(text))
    }

    /// Text without any tag, as one line.
    pub fn plain(text: &str) -> Option<Self> {
        let line: String =
            text.chars().take(LENGTH_MAX / 8).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut escaped = String::new();
        line.trim().chars().for_each(|c| escape(&mut escaped, c));
        (!escaped.is_empty()).then_some(Self(escaped))
    }
}

impl fmt::Display for CueText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Cleaner {
    dialect: Dialect,
    out: String,
    open: Vec<&'static str>,
    shows: bool,
}

impl Cleaner {
    fn run(&mut self, raw: &str) {
        let mut rest = raw;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            rest = match c {
                '<' => self.tag(after),
                '&' => {
                    let (c, after) = reference(after);
                    self.character(c);
                    after
                }
                '{' if self.dialect == Dialect::SubRip => self.override_block(after),
                c => {
                    self.character(c);
                    after
                }
            };
        }
    }

    fn character(&mut self, c: char) {
        match c {
            '\n' => self.out.push('\n'),
            '\t' => self.out.push(' '),
            c if c.is_control() => {}
            c => {
                self.shows |= !c.is_whitespace();
                escape(&mut self.out, c);
            }
        }
    }

    /// `{\an8}` and its like; a brace that begins none is text.
    fn override_block<'a>(&mut self, after: &'a str) -> &'a str {
        match after.strip_prefix('\\').and_then(|inner| inner.split_once('}')) {
            Some((_, rest)) => rest,
            None => {
                self.character('{');
                after
            }
        }
    }

    /// What follows a `<`. What is no known tag is text, its bracket escaped.
    fn tag<'a>(&mut self, after: &'a str) -> &'a str {
        let known = after.find(['<', '>']).filter(|end| after[*end..].starts_with('>'));
        let known = known.and_then(|end| {
            let inner = &after[..end];
            let taken = match inner.strip_prefix('/') {
                Some(name) => self.end_tag(name.trim()),
                None => self.time_tag(inner) || self.start_tag(inner),
            };
            taken.then_some(&after[end + 1..])
        });
        known.unwrap_or_else(|| {
            self.character('<');
            after
        })
    }

    fn time_tag(&mut self, inner: &str) -> bool {
        let at_ms = time::parse(inner).filter(|_| self.dialect == Dialect::WebVtt);
        at_ms.into_iter().for_each(|at_ms| self.out.push_str(&format!("<{}>", time::clock(at_ms))));
        at_ms.is_some()
    }

    /// Whether it was a known one. One that closes nothing is left out.
    fn end_tag(&mut self, name: &str) -> bool {
        let Some(name) = known(name) else { return is_ignored(name) };
        if let Some(at) = self.open.iter().rposition(|open| *open == name) {
            self.close_down_to(at);
        }
        true
    }

    fn start_tag(&mut self, inner: &str) -> bool {
        let (head, annotation) = inner.split_once([' ', '\t', '\n']).unwrap_or((inner, ""));
        let (name, classes) = head.split_once('.').unwrap_or((head, ""));
        let Some(name) = known(name) else {
            if name.trim_end_matches('/').eq_ignore_ascii_case("br") {
                self.out.push('\n');
            }
            return is_ignored(name.trim_end_matches('/'));
        };
        let annotation = match name {
            "v" => speaker(annotation),
            "lang" => language(annotation),
            _ => Some(String::new()),
        };
        let outside_ruby = name == "rt" && self.open.last() != Some(&"ruby");
        // A tag without what it needs is left out, and its end then closes nothing.
        if let Some(annotation) = annotation.filter(|_| self.open.len() < DEPTH_MAX && !outside_ruby) {
            self.out.push_str(&format!("<{name}{}{annotation}>", class_list(classes)));
            self.open.push(name);
        }
        true
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            self.open.pop().into_iter().for_each(|name| self.out.push_str(&format!("</{name}>")));
        }
    }
}

/// SubRip files have them in capitals.
fn known(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 8] = ["b", "i", "u", "c", "v", "lang", "ruby", "rt"];
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Tags that change only looks: they go, what they stand around stays.
fn is_ignored(name: &str) -> bool {
    ["font", "br", "s", "strike"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn class_list(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let classes =
        text.split('.').map(|class| class.chars().filter(plain).take(CLASS_LEN_MAX).collect::<String>());
    classes.filter(|class| !class.is_empty()).take(CLASSES_MAX).map(|class| format!(".{class}")).collect()
}

/// Without what could make an attribute of it.
fn speaker(annotation: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = annotation;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let (c, after) = if c == '&' { reference(after) } else { (c, after) };
        match c {
            '<' | '>' | '&' | '"' | '=' | '/' | '`' => {}
            '\'' => name.push('\u{2019}'),
            c if c.is_whitespace() || c.is_control() => name.push(' '),
            c => name.push(c),
        }
        rest = after;
    }
    let words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
    let name: String = words.join(" ").chars().take(ANNOTATION_LEN_MAX).collect();
    (!name.is_empty()).then(|| format!(" {}", name.trim_end()))
}

fn language(annotation: &str) -> Option<String> {
    let tag = annotation.trim();
    let plain =
        (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| format!(" {tag}"))
}

/// The character that follows an `&`, and what follows it. An `&` that begins no reference is one itself.
fn reference(after: &str) -> (char, &str) {
    const NAMED: [(&str, char); 8] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", '\u{A0}'),
        ("lrm", '\u{200E}'),
        ("rlm", '\u{200F}'),
    ];
    let Some((name, rest)) = after.split_once(';').filter(|(name, _)| name.len() <= 8) else {
        return ('&', after);
    };
    let numeric = name.strip_prefix('#').and_then(|number| {
        let hexadecimal = number.strip_prefix(['x', 'X']);
        hexadecimal.map_or_else(|| number.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
    });
    let named = || NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    match numeric.and_then(char::from_u32).or_else(named) {
        Some(c) => (c, rest),
        None => ('&', after),
    }
}

fn escape(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\u{A0}' => out.push_str("&nbsp;"),
        '\u{200E}' => out.push_str("&lrm;"),
        '\u{200F}' => out.push_str("&rlm;"),
        c => out.push(c),
    }
}
