//! Polls: what a question and its options must be.

use super::text::{self, Invalid};

pub const OPTIONS_MAX: usize = 10;

pub fn question(input: &str) -> Result<String, Invalid> {
    text::line(input, 1, 200).ok_or(Invalid("has 1 to 200 visible characters"))
}

/// Two to ten, no two alike.
pub fn options(inputs: &[String]) -> Result<Vec<String>, Invalid> {
    const ADVICE: Invalid = Invalid("are 2 to 10 of 1 to 80 visible characters, no two alike");
    let mut options: Vec<String> = Vec::new();
    for input in inputs {
        let option = text::line(input, 1, 80).ok_or(ADVICE)?;
        if options.contains(&option) {
            return Err(ADVICE);
        }
        options.push(option);
    }
    if (2..=OPTIONS_MAX).contains(&options.len()) { Ok(options) } else { Err(ADVICE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_few_short_and_different() {
        let of = |texts: &[&str]| options(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[" a ", "b"]), Ok(vec!["a".into(), "b".into()]));
        for wrong in [&["a"][..], &["a", "a "], &["a", ""], &["x"; 11]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
        assert!(of(&["a", &"x".repeat(81)]).is_err());
    }
}
