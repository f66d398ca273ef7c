//! What a player reads of an HLS playlist: enough to fetch segments as fast as they would be shown, and no more.

use std::time::Duration;

/// A media playlist: what to fetch first, and then one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Playlist {
    pub init: Option<String>,
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub path: String,
    pub lasts: Duration,
    /// A byte range of the file at `path`, as the `Range` header has it.
    pub range: Option<String>,
}

/// The paths of the variants in a master playlist that was fetched from `base`.
pub fn variants(base: &str, text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("#EXT-X-STREAM-INF") {
            found.extend(lines.next().map(|uri| join(base, uri.trim())));
        }
    }
    found
}

pub fn playlist(base: &str, text: &str) -> Playlist {
    let mut playlist = Playlist::default();
    let (mut lasts, mut range, mut after) = (Duration::ZERO, None, 0);
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#EXTINF:") {
            let seconds = rest.split(',').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            lasts = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        } else if let Some(rest) = line.strip_prefix("#EXT-X-MAP:") {
            playlist.init = quoted(rest, "URI=\"").map(|uri| join(base, uri));
        } else if let Some(rest) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            let (length, start) = rest.split_once('@').unwrap_or((rest, ""));
            let length: u64 = length.parse().unwrap_or(0);
            let start = start.parse().unwrap_or(after);
            after = start + length;
            range = Some(format!("bytes={start}-{}", after.saturating_sub(1)));
        } else if !line.is_empty() && !line.starts_with('#') {
            let path = join(base, line);
            playlist.segments.push(Segment { path, lasts, range: range.take() });
        }
    }
    playlist
}

fn quoted<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.split_once('"').map(|(value, _)| value)
}

/// A reference relative to the path it was found at.
fn join(base: &str, reference: &str) -> String {
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    let base = base.split('?').next().unwrap_or_default();
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{reference}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_playlist_names_its_variants() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a/index.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv90/index.m3u8\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=2\n/other/index.m3u8\n";
        assert_eq!(
            variants("/media/v/1/master.m3u8?t=x", text),
            ["/media/v/1/v90/index.m3u8", "/other/index.m3u8"]
        );
    }

    #[test]
    fn a_media_playlist_names_its_segments_and_how_long_they_last() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.0,\n0.m4s\n#EXTINF:1.5,x\n#EXT-X-BYTERANGE:10@5\n1.m4s\n\
                    #EXTINF:1,\n#EXT-X-BYTERANGE:7\n1.m4s\n#EXT-X-ENDLIST\n";
        let playlist = playlist("/m/v/index.m3u8", text);
        assert_eq!(playlist.init.as_deref(), Some("/m/v/init.mp4"));
        let segments: Vec<_> = playlist
            .segments
            .iter()
            .map(|segment| (segment.path.as_str(), segment.lasts.as_millis(), segment.range.as_deref()))
            .collect();
        assert_eq!(
            segments,
            [
                ("/m/v/0.m4s", 4_000, None),
                ("/m/v/1.m4s", 1_500, Some("bytes=5-14")),
                ("/m/v/1.m4s", 1_000, Some("bytes=15-21"))
            ]
        );
    }
}
