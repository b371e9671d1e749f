//! Values to blocks of 256 in groups with a small scale of their own; the layouts are those of [`k`](super::k).
//!
//! The layouts say what a block means, not how its scales are found. Here they make `Σ w (x - x̂)²` small, with
//! `w = |x| + √(mean of x²)` in a group, the weight that ggml-quants.c gives where nothing is known of the inputs: first
//! each group by itself, then the block's 16-bit scales and the groups' small ones in turn. Each value gets the code
//! whose value is nearest. A value that is no number makes its block's scale none either.

mod affine;
mod super_block;

use half::f16;

use self::super_block::{GROUPS, SuperBlock};
use super::each_to;

/// Values in a block.
const VALUES: usize = 256;

/// Scale (2), minimum (2), 6-bit group scales and minima (12), 4-bit values (128).
pub(in crate::gguf) fn q4_k(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 144]| {
        let found = SuperBlock::of(source, 15);
        head(&found, &mut block[..16]);
        pack(&found.codes(source), &mut block[16..]);
    });
}

/// As [`q4_k`], with fifth bits (32) before the 4-bit values.
pub(in crate::gguf) fn q5_k(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 176]| {
        let found = SuperBlock::of(source, 31);
        let codes = found.codes(source);
        head(&found, &mut block[..16]);
        pack_fifth_bits(&codes, &mut block[16..48]);
        pack(&codes, &mut block[48..]);
    });
}

/// The first four groups' scales and minima in bytes 4 to 11, on top of them the two high bits of the last four's, whose
/// low bits are in bytes 12 to 15.
fn head(found: &SuperBlock, bytes: &mut [u8]) {
    bytes[..2].copy_from_slice(&found.scale.to_le_bytes());
    bytes[2..4].copy_from_slice(&found.minimum.to_le_bytes());
    for slot in 0..GROUPS / 2 {
        let ([scale, minimum], [later_scale, later_minimum]) = (found.small[slot], found.small[slot + GROUPS / 2]);
        bytes[4 + slot] = scale | later_scale >> 4 << 6;
        bytes[8 + slot] = minimum | later_minimum >> 4 << 6;
        bytes[12 + slot] = later_scale & 0x0f | later_minimum << 4;
    }
}

/// Two four-bit planes of 32 values to each 32 bytes.
fn pack(codes: &[u8; VALUES], bytes: &mut [u8]) {
    for (plane, bytes) in codes.chunks_exact(64).zip(bytes.chunks_exact_mut(32)) {
        let (low, high) = plane.split_at(32);
        bytes.iter_mut().zip(low.iter().zip(high)).for_each(|(byte, (low, high))| *byte = low & 0x0f | high << 4);
    }
}

/// Eight one-bit planes of 32 values to 32 bytes.
fn pack_fifth_bits(codes: &[u8; VALUES], bytes: &mut [u8]) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = (0..8).fold(0, |bits, plane| bits | (codes[plane * 32 + i] >> 4 & 1) << plane);
    }
}

/// What errors weigh in a group.
fn weights<const N: usize>(values: &[f32; N]) -> [f64; N] {
    let squares: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
    let usual = (squares / N as f64).sqrt();
    values.map(|x| usual + f64::from(x.abs()))
}

/// The nearest 16-bit float.
fn nearest(value: f64) -> f16 {
    f16::from_f64(value)
}

/// The smallest 16-bit float that is not below a value of at least 0: no small scale is then above its most.
fn at_least(value: f64) -> f16 {
    let near = nearest(value);
    if near.to_f64() < value { f16::from_bits(near.to_bits() + 1) } else { near }
}
