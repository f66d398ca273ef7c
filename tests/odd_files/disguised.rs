//! What is no video and says it is: texts that name other files, documents, pictures, programs, and files that are
//! two things at once.

use playhouse::media::FailureCode::{ContainerNotSupported, Damaged, NotAVideo};

use crate::{
    good::Good,
    table::{Odd, failed, ready},
};

pub fn texts(address: &str) -> Vec<Odd> {
    let playlist =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n");
    let mpd = format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>http://{address}/</BaseURL></MPD>"
    );
    let port = address.rsplit(':').next().unwrap_or("80");
    let sdp = format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video {port} RTP/AVP 96\r\n"
    );
    let html = format!("<!DOCTYPE html><html><video src=\"http://{address}/\"></video></html>");
    let svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"http://{address}/\"/></svg>");
    let smooth = format!(
        "<SmoothStreamingMedia MajorVersion=\"2\"><x url=\"http://{address}/\"/></SmoothStreamingMedia>"
    );
    let concat = format!("ffconcat version 1.0\nfile 'http://{address}/a.mp4'\n");
    let script = format!("#!/bin/sh\nexec 3<>/dev/tcp/{address}\n");
    let tagged = [b"ID3\x04\0\0\0\0\0\x04\0\0\0\0".as_slice(), playlist.as_bytes()].concat();
    vec![
        failed("playlist.mp4", ContainerNotSupported, "an HLS playlist", playlist),
        failed("tagged-playlist.mp3", ContainerNotSupported, "an HLS playlist behind an ID3 tag", tagged),
        failed("manifest.mp4", NotAVideo, "a DASH manifest", mpd),
        failed("smooth.mp4", NotAVideo, "a Smooth Streaming manifest", smooth),
        failed("session.mp4", NotAVideo, "an SDP session description", sdp),
        failed("concat.mp4", NotAVideo, "a list for ffmpeg's concat demuxer", concat),
        failed("script.mp4", NotAVideo, "a shell script", script),
        failed("page.mp4", NotAVideo, "an HTML page", html),
        failed("drawing.mp4", NotAVideo, "an SVG drawing", svg),
        failed(
            "letter.mp4",
            NotAVideo,
            "plain text",
            "Dear Sir,\nplease find my video attached.\n".to_owned(),
        ),
    ]
}

pub fn other_kinds(good: &Good) -> Vec<Odd> {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde";
    let jpeg = [b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".as_slice(), &[0; 500]].concat();
    let program = std::fs::read("/bin/true").expect("a program");
    let zip = [b"PK\x03\x04\x14\0\0\0\0\0".as_slice(), &good.mp4].concat();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta".to_vec();
    let asf =
        [b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c".as_slice(), &[0; 500]].concat();
    vec![
        failed("photo-png.mp4", ContainerNotSupported, "a PNG picture", png.to_vec()),
        failed("photo-jpeg.mp4", ContainerNotSupported, "a JPEG picture", jpeg),
        failed("animation.mp4", ContainerNotSupported, "a GIF", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
        failed("photo-webp.mp4", NotAVideo, "a WebP picture", b"RIFF\x24\0\0\0WEBPVP8 ".to_vec()),
        failed("photo-heic.mp4", Damaged, "a HEIC picture, which begins like an MP4", heic),
        failed("paper.mp4", ContainerNotSupported, "a PDF document", b"%PDF-1.7\n1 0 obj\n".to_vec()),
        failed("archive.mp4", ContainerNotSupported, "a ZIP archive with an MP4 in it", zip),
        failed("packed.mp4", NotAVideo, "a gzip file", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()),
        failed("program.mp4", NotAVideo, "an ELF program (/bin/true)", program),
        failed("windows.wmv", ContainerNotSupported, "Windows Media", asf),
        failed("zeros.mp4", NotAVideo, "a megabyte of zeros", vec![0; 1 << 20]),
    ]
}

/// Two things at once: a video for whoever asks for one. They are re-encoded, so nothing of the other half is served.
pub fn polyglots(good: &Good, address: &str) -> Vec<Odd> {
    let page = format!("<script>fetch('http://{address}/')</script>");
    let length = u32::try_from(page.len() + 8).expect("a short page");
    let free = [&length.to_be_bytes()[..], b"free", page.as_bytes()].concat();
    let mut transport = vec![b' '; 188 * 8];
    for packet in transport.chunks_exact_mut(188) {
        packet[0] = b'G';
    }
    let playlist = format!("\n#EXTM3U\nhttp://{address}/a.ts\n");
    transport[1..=playlist.len()].copy_from_slice(playlist.as_bytes());
    let list = format!("#EXTftypM3U\n#EXTM3U\n#EXTINF:4,\nhttp://{address}/a.ts\n");
    let pdf = [b"\0\0\0\x20ftyp%PDF-1.7\n1 0 obj <<>>".as_slice(), &good.mp4].concat();
    vec![
        ready(
            "page-in-free.mp4",
            "an MP4 that ends in a box with an HTML page",
            [&good.mp4[..], &free].concat(),
        ),
        ready(
            "archive-behind.mp4",
            "an MP4 with a ZIP archive behind it",
            [&good.mp4[..], b"PK\x03\x04", &[0; 400]].concat(),
        ),
        failed("pdf-ftyp.mp4", NotAVideo, "a PDF header inside the first box of an MP4", pdf),
        failed("list-ftyp.mp4", Damaged, "a playlist with `ftyp` at its fifth byte", list),
        failed("list-transport.ts", Damaged, "a playlist with a `G` at every 188th byte", transport),
    ]
}
