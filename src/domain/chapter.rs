//! Chapters of a video: read out of its description, or those its file brought along.

use serde::{Deserialize, Serialize};

use super::text;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    pub start_ms: u64,
    pub title: String,
}

pub const CHAPTERS_MAX: usize = 100;
const TITLE_LEN_MAX: usize = 80;
/// A description says chapters only if there are so many.
const CHAPTERS_MIN: usize = 3;
const LENGTH_MIN_MS: u64 = 10_000;

/// Lines that begin with a time, as YouTube reads them: at least three, the first at 0:00, ascending, each at least ten
/// seconds long and within the video. One that breaks a rule means that there are none.
pub fn of_description(description: &str, duration_ms: Option<u64>) -> Vec<Chapter> {
    let chapters: Vec<Chapter> = description.lines().filter_map(chapter_of_line).collect();
    let starts = chapters.iter().map(|chapter| chapter.start_ms);
    let ends = starts.clone().skip(1).chain([duration_ms.unwrap_or(u64::MAX)]);
    let each_is_long =
        starts.zip(ends).all(|(start_ms, end_ms)| end_ms >= start_ms.saturating_add(LENGTH_MIN_MS));
    let begins_at_once = chapters.first().is_some_and(|first| first.start_ms == 0);
    let count_fits = (CHAPTERS_MIN..=CHAPTERS_MAX).contains(&chapters.len());
    if count_fits && begins_at_once && each_is_long { chapters } else { Vec::new() }
}

/// Chapters of a file, which may say anything: those with a title and within the video, in order, each time once.
pub fn of_file(chapters: &[Chapter], duration_ms: Option<u64>) -> Vec<Chapter> {
    let clean =
        |chapter: &Chapter| Some(Chapter { start_ms: chapter.start_ms, title: title(&chapter.title)? });
    let mut clean: Vec<Chapter> = chapters.iter().filter_map(clean).collect();
    clean.retain(|chapter| chapter.start_ms < duration_ms.unwrap_or(u64::MAX));
    clean.sort_by_key(|chapter| chapter.start_ms);
    clean.dedup_by_key(|chapter| chapter.start_ms);
    clean.truncate(CHAPTERS_MAX);
    clean
}

/// One line of at most eighty characters.
pub fn title(text: &str) -> Option<String> {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let short: String = line.trim().chars().take(TITLE_LEN_MAX).collect();
    text::line(&short, 1, TITLE_LEN_MAX)
}

/// `1:02 Title`, `[1:02:03] - Title`, `• 01:02 – Title`.
fn chapter_of_line(line: &str) -> Option<Chapter> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "-–—*•([".contains(c));
    let end = line.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(line.len());
    let (time, rest) = line.split_at(end);
    let start_ms = time_ms(time)?;
    let title = title(rest.trim_start_matches(|c: char| c.is_whitespace() || "-–—:|)].".contains(c)))?;
    Some(Chapter { start_ms, title })
}

/// `m:ss` or `h:mm:ss`.
fn time_ms(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [minutes, seconds] => ("0", minutes, seconds),
        [hours, minutes, seconds] if minutes.len() == 2 => (hours, minutes, seconds),
        _ => return None,
    };
    if seconds.len() != 2 || !(1..=2).contains(&minutes.len()) || hours.len() > 3 {
        return None;
    }
    let number = |text: &str| text.parse::<u64>().ok();
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    (minutes < 60 && seconds < 60).then_some(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(description: &str) -> Vec<u64> {
        of_description(description, Some(7_200_000)).iter().map(|chapter| chapter.start_ms / 1000).collect()
    }

    #[test]
    fn a_description_with_three_good_times_has_chapters() {
        let text =
            "About it\n0:00 Begin\n* 0:30 – The \"middle\" <b>\n(1:00:05) - End | all\nsee 1:20 for more\n";
        let chapters = of_description(text, Some(7_200_000));
        let titles: Vec<&str> = chapters.iter().map(|chapter| chapter.title.as_str()).collect();
        assert_eq!(titles, ["Begin", "The \"middle\" <b>", "End | all"]);
        assert_eq!(starts(text), [0, 30, 3_605]);
        assert_eq!(starts("00:00 a\n00:10 b\n00:20 c"), [0, 10, 20]);
    }

    #[test]
    fn one_broken_rule_means_no_chapters() {
        for text in [
            "",
            "0:00 a\n0:30 b",
            "0:01 a\n0:30 b\n1:00 c",
            "0:00 a\n1:00 b\n0:30 c",
            "0:00 a\n0:09 b\n0:30 c",
            "0:00 a\n0:30 b\n0:30 c",
            "0:00 a\n0:30 b\n1:59:51 too short to the end",
            "0:00 a\n0:30 b\n3:00:00 beyond the end",
            "0:00\n0:30 b\n1:00 c",
            "0:00 a\n0:3 b\n0:99 c\n1:2:3 d",
        ] {
            assert_eq!(starts(text), Vec::<u64>::new(), "{text}");
        }
        let many: String = (0..101).map(|at| format!("{}:{:02} x\n", at / 2, at % 2 * 30)).collect();
        assert!(of_description(&many, None).is_empty());
    }

    #[test]
    fn what_a_file_says_is_put_in_order_and_cleaned() {
        let chapter = |start_ms, title: &str| Chapter { start_ms, title: title.into() };
        let given = [
            chapter(5_000, "b\0\nb"),
            chapter(0, &"x".repeat(500)),
            chapter(5_000, "again"),
            chapter(6_000, " "),
            chapter(99_000, "beyond"),
        ];
        let chapters = of_file(&given, Some(60_000));
        assert_eq!(chapters, [chapter(0, &"x".repeat(80)), chapter(5_000, "b  b")]);
    }
}
