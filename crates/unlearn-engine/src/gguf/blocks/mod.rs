//! Stored blocks to 32-bit floats and back, one function per tensor type and direction.
//!
//! Every function takes whole blocks, or the values of whole blocks, and a target of exactly the right length. The order
//! of the operations is part of the format: it decides the last bit of the result.

pub(super) mod floats;
pub(super) mod k;
pub(super) mod nonlinear;
pub(super) mod quantise;
pub(super) mod quantise_k;
pub(super) mod small;

/// Calls `decode` with each block of `BYTES` bytes and its `VALUES` values.
fn each<const BYTES: usize, const VALUES: usize>(
    bytes: &[u8],
    values: &mut [f32],
    decode: impl Fn(&[u8; BYTES], &mut [f32; VALUES]),
) {
    let blocks = bytes.as_chunks::<BYTES>().0;
    let targets = values.as_chunks_mut::<VALUES>().0;
    blocks.iter().zip(targets).for_each(|(block, target)| decode(block, target));
}

/// The 16-bit float at a position of a block.
fn f16_at(block: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Calls `encode` with the `VALUES` values of each block and its `BYTES` bytes.
fn each_to<const VALUES: usize, const BYTES: usize>(
    values: &[f32],
    bytes: &mut [u8],
    encode: impl Fn(&[f32; VALUES], &mut [u8; BYTES]),
) {
    let sources = values.as_chunks::<VALUES>().0;
    let blocks = bytes.as_chunks_mut::<BYTES>().0;
    sources.iter().zip(blocks).for_each(|(source, block)| encode(source, block));
}

/// Puts a 16-bit float at a position of a block, rounded to nearest, ties to even.
fn put_f16(block: &mut [u8], at: usize, value: f32) {
    block[at..at + 2].copy_from_slice(&half::f16::from_f32(value).to_le_bytes());
}
