//! An image that somebody uploads, made into a poster: decoded, shrunk to at most 1280x720 and written anew as JPEG, so
//! that nothing its camera or its editor put into the file reaches a viewer. What an image may cost is known from its
//! head, before any of it is decoded. Called by http on the blocking pool.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, metadata::Orientation};
use jpeg_encoder::{ColorType, Encoder};

/// A file has at most so many bytes.
pub const BYTES_MAX: usize = 8 << 20;
const SIDE_MAX: u32 = 8_192;
const PIXELS_MAX: u64 = 40_000_000;
/// What an image may take while it is decoded.
const MEMORY_BYTES_MAX: u64 = 200 << 20;
const WIDTH_MAX: u32 = 1_280;
const HEIGHT_MAX: u32 = 720;
const QUALITY: u8 = 85;

/// Why an image is not taken, in words its uploader understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is not a JPEG, PNG or WebP image")]
    NotAnImage,
    #[error("is {width}x{height}; at most {SIDE_MAX} a side and 40 million pixels are taken")]
    TooLarge { width: u32, height: u32 },
    #[error("is damaged, or needs more memory than is given to one image")]
    Damaged,
}

pub fn poster(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let format = image::guess_format(bytes).map_err(|_| Fault::NotAnImage)?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) {
        return Err(Fault::NotAnImage);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| Fault::Damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    // Sixteen bits a sample may double what the pixels let expect.
    let fits = pixels <= PIXELS_MAX && decoder.total_bytes() <= MEMORY_BYTES_MAX;
    if width.max(height) > SIDE_MAX || !fits || pixels == 0 {
        return Err(Fault::TooLarge { width, height });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| Fault::Damaged)?;
    // Shrunk first, so that turning it costs little.
    if width > WIDTH_MAX * 2 || height > WIDTH_MAX * 2 {
        picture = picture.thumbnail(WIDTH_MAX * 2, WIDTH_MAX * 2);
    }
    picture.apply_orientation(orientation);
    if picture.width() > WIDTH_MAX || picture.height() > HEIGHT_MAX {
        picture = picture.thumbnail(WIDTH_MAX, HEIGHT_MAX);
    }
    jpeg(&picture).ok_or(Fault::Damaged)
}

/// What is transparent stands on black.
fn jpeg(picture: &DynamicImage) -> Option<Vec<u8>> {
    let rgba = picture.to_rgba8();
    let shade =
        |value: u8, alpha: u8| u8::try_from(u16::from(value) * u16::from(alpha) / 255).unwrap_or(u8::MAX);
    let pixels = rgba.pixels().flat_map(|pixel| {
        let [red, green, blue, alpha] = pixel.0;
        [shade(red, alpha), shade(green, alpha), shade(blue, alpha)]
    });
    let pixels: Vec<u8> = pixels.collect();
    let (width, height) = (u16::try_from(rgba.width()).ok()?, u16::try_from(rgba.height()).ok()?);
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, QUALITY).encode(&pixels, width, height, ColorType::Rgb).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use image::{ImageEncoder, Rgba, RgbaImage};

    use super::*;

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture =
            DynamicImage::ImageRgba8(RgbaImage::from_pixel(width, height, Rgba([200, 40, 40, 255])));
        let picture = DynamicImage::ImageRgb8(picture.to_rgb8());
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        let picture = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap();
        (picture.width(), picture.height())
    }

    #[test]
    fn each_kind_is_taken_and_shrunk_within_its_shape() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            assert_eq!(size(&poster(&encoded(320, 180, format)).unwrap()), (320, 180));
            assert_eq!(size(&poster(&encoded(3_000, 1_000, format)).unwrap()), (1_280, 427));
            assert_eq!(size(&poster(&encoded(400, 1_440, format)).unwrap()), (200, 720));
        }
    }

    #[test]
    fn what_is_no_image_and_what_is_too_much_is_refused() {
        for bytes in
            [&b""[..], b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM", b"\0\0\0\x18ftypavif"]
        {
            assert_eq!(poster(bytes), Err(Fault::NotAnImage));
        }
        let png = encoded(64, 64, ImageFormat::Png);
        assert_eq!(poster(&png[..png.len() / 2]), Err(Fault::Damaged));
    }

    /// A few bytes that say they are forty thousand pixels a side.
    #[test]
    fn a_bomb_is_refused_by_its_head() {
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.write_image(&[0; 3], 1, 1, image::ExtendedColorType::Rgb8).unwrap();
        // The width and height of IHDR, and its checksum.
        let side = 40_000_u32.to_be_bytes();
        bytes[16..20].copy_from_slice(&side);
        bytes[20..24].copy_from_slice(&side);
        let checksum = crc32fast::hash(&bytes[12..29]).to_be_bytes();
        bytes[29..33].copy_from_slice(&checksum);
        assert_eq!(poster(&bytes), Err(Fault::TooLarge { width: 40_000, height: 40_000 }));
    }

    #[test]
    fn what_a_camera_wrote_into_its_image_is_gone() {
        let mut bytes = encoded(64, 64, ImageFormat::Jpeg);
        let secret = b"Exif\0\0MM\0*\0\0\0\x08GPS 48.1371N 11.5754E by ACME Phone";
        let length = u16::try_from(secret.len() + 2).unwrap().to_be_bytes();
        let segment = [&[0xFF, 0xE1][..], &length, secret].concat();
        bytes.splice(2..2, segment);
        let written = poster(&bytes).unwrap();
        assert!(!written.windows(4).any(|window| window == b"ACME" || window == b"Exif"));
    }
}
