//! A look into a payload without reading it as JSON: a receiver of ten thousand has no time for more. It relies on
//! quotes inside strings being escaped, so a `"key":` outside a string is a key.

use memchr::memmem;

/// Between two of these in a text stands the number of a message.
pub const MARK: &[u8] = b"~~";

/// The text of message `number`, `len` bytes long.
pub fn marked_text(number: usize, len: usize) -> String {
    let mut text = format!("~~{number:08}~ hello everyone, ");
    while text.len() < len {
        text.push(char::from(b'a' + (text.len() % 26) as u8));
    }
    text.truncate(len.max(11));
    text
}

/// The numbers of all marked messages in `payload`, in their order.
pub fn marks(payload: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memmem::find_iter(payload, MARK).filter_map(|at| {
        let digits = payload.get(at + 2..at + 10)?;
        digits
            .iter()
            .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + usize::from(digit - b'0')))
    })
}

/// The unsigned number after the first `key`, which is written with its quotes and colon.
pub fn number_after(payload: &[u8], key: &[u8]) -> Option<u64> {
    let at = memmem::find(payload, key)? + key.len();
    let digits = payload[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let mut number: Option<u64> = None;
    for digit in digits {
        number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit - b'0'))?);
    }
    number
}

/// How often `needle` stands in `payload`.
pub fn count(payload: &[u8], needle: &[u8]) -> u64 {
    memmem::find_iter(payload, needle).count() as u64
}

pub fn holds(payload: &[u8], needle: &[u8]) -> bool {
    memmem::find(payload, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_carries_its_number_and_has_its_length() {
        for len in [100, 11, 500] {
            let text = marked_text(1234, len);
            assert_eq!(text.len(), len);
            assert_eq!(marks(text.as_bytes()).collect::<Vec<_>>(), [1234]);
        }
        let two =
            format!("[{{\"text\":\"{}\"}},{{\"text\":\"{}\"}}]", marked_text(7, 40), marked_text(9, 40));
        assert_eq!(marks(two.as_bytes()).collect::<Vec<_>>(), [7, 9]);
        assert_eq!(marks(b"~~ not one ~~1234567").count(), 0);
    }

    #[test]
    fn a_number_is_found_by_its_key() {
        let frame = br#"{"ev":"comments","text":"\"offset\":9","offset":42,"items":[]}"#;
        assert_eq!(number_after(frame, b"\"offset\":"), Some(42));
        assert_eq!(number_after(frame, b"\"epoch\":"), None);
        assert_eq!(number_after(b"\"re\":null", b"\"re\":"), None);
    }
}
