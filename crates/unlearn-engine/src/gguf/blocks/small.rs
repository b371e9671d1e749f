//! Blocks of 32 values with one scale, and an offset where the name ends in `_1`.
//!
//! Four-bit parts are packed so that byte `i` holds value `i` in its low half and value `i + 16` in its high half.
//! The fifth bits lie apart, value `i`'s at bit `i` of four bytes.

use super::{each, f16_at};

/// Values in a block.
const VALUES: usize = 32;

/// scale (2 bytes), 4-bit parts (16): `scale · (q - 8)`.
pub(in crate::gguf) fn q4_0(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 18], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 0);
        fill(target, |i| scale * (f32::from(nibble(&block[2..], i)) - 8.0));
    });
}

/// scale (2), offset (2), 4-bit parts (16): `scale · q + offset`.
pub(in crate::gguf) fn q4_1(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 20], target: &mut [f32; VALUES]| {
        let (scale, offset) = (f16_at(block, 0), f16_at(block, 2));
        fill(target, |i| scale * f32::from(nibble(&block[4..], i)) + offset);
    });
}

/// scale (2), fifth bits (4), 4-bit parts (16): `scale · (q - 16)`.
pub(in crate::gguf) fn q5_0(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 22], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 0);
        fill(target, |i| scale * (f32::from(nibble(&block[6..], i) | fifth_bit(&block[2..], i)) - 16.0));
    });
}

/// scale (2), offset (2), fifth bits (4), 4-bit parts (16): `scale · q + offset`.
pub(in crate::gguf) fn q5_1(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 24], target: &mut [f32; VALUES]| {
        let (scale, offset) = (f16_at(block, 0), f16_at(block, 2));
        fill(target, |i| scale * f32::from(nibble(&block[8..], i) | fifth_bit(&block[4..], i)) + offset);
    });
}

/// scale (2), signed bytes (32): `scale · q`.
pub(in crate::gguf) fn q8_0(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 34], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 0);
        fill(target, |i| scale * f32::from(block[2 + i].cast_signed()));
    });
}

fn fill(target: &mut [f32; VALUES], value: impl Fn(usize) -> f32) {
    target.iter_mut().enumerate().for_each(|(i, slot)| *slot = value(i));
}

/// The four-bit part of value `i`.
pub(super) fn nibble(packed: &[u8], i: usize) -> u8 {
    packed[i % 16] >> (i / 16 * 4) & 0x0f
}

/// The fifth bit of value `i`, at its place.
fn fifth_bit(packed: &[u8], i: usize) -> u8 {
    (packed[i / 8] >> (i % 8) & 1) << 4
}
