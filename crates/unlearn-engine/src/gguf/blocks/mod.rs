//! Decoding of stored blocks to 32-bit floats, one function per tensor type.
//!
//! Every function takes whole blocks and a target of as many values as they hold. The order of the operations is
//! part of the format: it decides the last bit of the result.

pub(super) mod floats;
pub(super) mod k;
pub(super) mod nonlinear;
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
