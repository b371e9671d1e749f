//! How long a text is once zlib has compressed it: a measure of how much there is in it.
//!
//! The length depends on every choice that the compressor makes, so this is zlib's own way (its level 6), step by step,
//! without the bytes: other compressors, and faster ones under zlib's name, come out at other lengths.

mod block;
mod matches;
mod tree;

const HEADER_BYTES: u64 = 2;
const CHECKSUM_BYTES: u64 = 4;

/// The number of bytes of `zlib.compress(text)` in Python, with the default level, for the text's UTF-8 bytes.
///
/// It is that of stock zlib (compared with 1.2.13), header and checksum included, at every length. Time grows with the
/// length; a megabyte takes well under a second.
///
/// # Source
/// Deutsch, RFC 1950 and 1951; the algorithm is that of `deflate.c` and `trees.c` in zlib by Gailly and Adler: level 6,
/// window 15, memory level 8, default strategy.
///
/// # Examples
/// ```
/// use unlearn_stats::zlib::compressed_len;
/// assert_eq!(compressed_len(b""), 8);
/// assert_eq!(compressed_len("ab".repeat(500).as_bytes()), 18);
/// ```
pub fn compressed_len(text: &[u8]) -> usize {
    let mut stream = block::Stream::starting_at(HEADER_BYTES);
    matches::compress(text, &mut stream);
    (stream.bytes() + CHECKSUM_BYTES) as usize
}
