//! A look into a payload without reading it as JSON: a receiver of ten thousand has no time for more. It relies on
//! quotes inside strings being escaped, so a `"key":` outside a string is a key.

use memchr::memmem;

/// Before the number of a message; after it stands a single one of its characters.
pub const MARK: &[u8] = b"~~";

/// The text of message `number`, `len` bytes long or a little more.
pub fn marked_text(number: u64, len: usize) -> String {
    let mut text = format!("~~{number}~ hello everyone, ");
    while text.len() < len {
        text.push(char::from(b'a' + (text.len() % 26) as u8));
    }
    text
}

/// The numbers of all marked messages in `payload`, in their order.
pub fn marks(payload: &[u8]) -> impl Iterator<Item = u64> + '_ {
    memmem::find_iter(payload, MARK).filter_map(|at| {
        let (number, rest) = digits(&payload[at + MARK.len()..]);
        number.filter(|_| rest.first() == Some(&b'~'))
    })
}

/// The unsigned number after the first `key`, which is written with its quotes and colon.
pub fn number_after(payload: &[u8], key: &[u8]) -> Option<u64> {
    let at = memmem::find(payload, key)? + key.len();
    digits(&payload[at..]).0
}

/// The number at the start, and what follows it.
fn digits(bytes: &[u8]) -> (Option<u64>, &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    let number =
        digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    (number.filter(|_| end > 0), rest)
}

/// The string after the first `key`, as it is written; nothing when it holds an escape.
pub fn text_after<'a>(payload: &'a [u8], key: &[u8]) -> Option<&'a str> {
    let at = memmem::find(payload, key)? + key.len();
    let text = payload[at..].strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', text)?;
    std::str::from_utf8(&text[..end]).ok().filter(|_| text[end] == b'"')
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
        for len in [100, 30, 500] {
            let text = marked_text(1234, len);
            assert_eq!(text.len(), len);
            assert_eq!(marks(text.as_bytes()).collect::<Vec<_>>(), [1234]);
        }
        let two =
            format!("[{{\"text\":\"{}\"}},{{\"text\":\"{}\"}}]", marked_text(7, 40), marked_text(9, 40));
        assert_eq!(marks(two.as_bytes()).collect::<Vec<_>>(), [7, 9]);
        assert_eq!(marks(b"~~ not one ~~~ ~~1234567").count(), 0);
    }

    #[test]
    fn a_string_is_found_by_its_key_unless_it_is_escaped() {
        let frame = br#"{"re":1,"ok":{"epoch":"0198-a","x":"a\"b"}}"#;
        assert_eq!(text_after(frame, br#""epoch":"#), Some("0198-a"));
        assert_eq!(text_after(frame, br#""x":"#), None);
        assert_eq!(text_after(frame, br#""re":"#), None);
    }

    #[test]
    fn a_number_is_found_by_its_key() {
        let frame = br#"{"ev":"comments","text":"\"offset\":9","offset":42,"items":[]}"#;
        assert_eq!(number_after(frame, b"\"offset\":"), Some(42));
        assert_eq!(number_after(frame, b"\"epoch\":"), None);
        assert_eq!(number_after(b"\"re\":null", b"\"re\":"), None);
    }
}
