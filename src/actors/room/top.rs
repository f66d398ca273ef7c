//! A fair sample of comments for those who asked for no more: each of those that came has the same chance. What was
//! left out is counted. Everything else of the stream is kept.

use playhouse_protocol::realtime::Event;

/// Keeps at most `len_max` comments of `events`.
pub fn sample(events: Vec<Event>, len_max: usize) -> Vec<Event> {
    let mut left: usize = events.iter().map(comments_len).sum();
    let mut wanted = len_max.min(left);
    let keep = |event: Event| match event {
        Event::Comments { room, offset, items, .. } => {
            let came = items.len();
            // Knuth, The Art of Computer Programming 3.4.2, algorithm S.
            let chosen = items.into_iter().filter(|_| {
                let take = rand::random_range(0..left) < wanted;
                left -= 1;
                wanted -= usize::from(take);
                take
            });
            let items: Vec<_> = chosen.collect();
            let left_out = (came - items.len()) as u64;
            Event::Comments { room, offset, items, left_out }
        }
        other => other,
    };
    events.into_iter().map(keep).collect()
}

fn comments_len(event: &Event) -> usize {
    match event {
        Event::Comments { items, .. } => items.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use playhouse_protocol::rest::{Author, Comment};

    use super::*;

    fn comments(offsets: std::ops::RangeInclusive<u64>) -> Event {
        let offset = *offsets.end();
        let comment = |offset: u64| Comment {
            id: format!("v-{offset}"),
            video_id: "v".into(),
            user: Author { id: "u".into(), username: "u".into(), display_name: "U".into(), avatar_url: None },
            text: "x".into(),
            at_ms: None,
            parent_id: None,
            created_at: String::new(),
            edited_at: None,
            likes: 0,
            replies: 0,
        };
        Event::Comments { room: "v".into(), offset, items: offsets.map(comment).collect(), left_out: 0 }
    }

    #[test]
    fn the_sample_is_fair_and_says_what_it_left_out() {
        let removed = Event::Removed { room: "v".into(), offset: 11, ids: vec!["v-3".into()] };
        let mut chosen = [0_u32; 21];
        for _ in 0..2_000 {
            let sampled = sample(vec![comments(1..=10), removed.clone(), comments(12..=20)], 5);
            let mut kept = 0;
            for event in &sampled {
                let Event::Comments { items, left_out, .. } = event else { continue };
                kept += items.len();
                assert!(matches!(items.len() as u64 + left_out, 9 | 10));
                for item in items {
                    chosen[item.id[2..].parse::<usize>().unwrap()] += 1;
                }
            }
            assert_eq!((kept, &sampled[1]), (5, &removed));
        }
        // Each of 19 is expected 526 times, give or take a standard deviation of 20.
        for (offset, count) in chosen.iter().enumerate().filter(|(offset, _)| ![0, 11].contains(offset)) {
            assert!((400..=650).contains(count), "{offset} was chosen {count} times");
        }
    }

    #[test]
    fn few_are_all_kept() {
        let events = vec![comments(1..=3)];
        assert_eq!(sample(events.clone(), 5), events);
        let Event::Comments { items, offset, left_out, .. } = &sample(events, 0)[0] else { panic!() };
        assert_eq!((items.len(), *offset, *left_out), (0, 3, 3));
    }
}
