//! Values to blocks of 32 with one scale, and an offset where the name ends in `_1`; the layouts are those of
//! [`small`](super::small).
//!
//! The formulas and their order are those of the `gguf` package of PyPI (`gguf/quants.py`), which follow
//! `quantize_row_*_ref` in ggml-quants.c. What those leave to the machine, products that are not finite because the step's
//! inverse is infinite, is stored as the package stores it on x86-64; the scale rounds to zero then, and so do the values.

use super::{each_to, put_f16};

/// Values in a block.
const VALUES: usize = 32;

/// `d` = the value of the largest magnitude (the first of them) / -8; `q` = `x / d + 8`, rounded, at most 15.
pub(in crate::gguf) fn q4_0(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 18]| {
        let (scale, quantised) = symmetric(source, 8.0, 15);
        put_f16(block, 0, scale);
        pack(&quantised, &mut block[2..]);
    });
}

/// As [`q4_0`] with 16 for 8 and at most 31.
pub(in crate::gguf) fn q5_0(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 22]| {
        let (scale, quantised) = symmetric(source, 16.0, 31);
        put_f16(block, 0, scale);
        pack_fifth_bits(&quantised, &mut block[2..6]);
        pack(&quantised, &mut block[6..]);
    });
}

/// `d` = (largest - smallest) / 15, `m` = the smallest; `q` = `(x - m) / d`, rounded.
pub(in crate::gguf) fn q4_1(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 20]| {
        let (scale, offset, quantised) = affine(source, 15);
        put_f16(block, 0, scale);
        put_f16(block, 2, offset);
        pack(&quantised, &mut block[4..]);
    });
}

/// As [`q4_1`] with 31 for 15.
pub(in crate::gguf) fn q5_1(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 24]| {
        let (scale, offset, quantised) = affine(source, 31);
        put_f16(block, 0, scale);
        put_f16(block, 2, offset);
        pack_fifth_bits(&quantised, &mut block[4..8]);
        pack(&quantised, &mut block[8..]);
    });
}

/// `d` = the largest magnitude / 127; `q` = `x / d`, rounded to nearest, ties away from zero.
pub(in crate::gguf) fn q8_0(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |source: &[f32; VALUES], block: &mut [u8; 34]| {
        let scale = source.iter().fold(0.0, |most, value| value.abs().max(most)) / 127.0;
        let inverse = inverse(scale);
        put_f16(block, 0, scale);
        for (slot, value) in block[2..].iter_mut().zip(source) {
            let quantised = (value * inverse).round();
            *slot = if quantised.is_finite() { (quantised as i8).cast_unsigned() } else { 0 };
        }
    });
}

fn symmetric(source: &[f32; VALUES], half: f32, most: u8) -> (f32, [u8; VALUES]) {
    let largest = source.iter().fold(source[0], |best, &value| if value.abs() > best.abs() { value } else { best });
    let scale = largest / -half;
    let inverse = inverse(scale);
    (scale, source.map(|value| truncated(value * inverse + (half + 0.5)).min(most)))
}

fn affine(source: &[f32; VALUES], most: u8) -> (f32, f32, [u8; VALUES]) {
    let largest = source.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let smallest = source.iter().copied().fold(f32::INFINITY, f32::min);
    let scale = (largest - smallest) / f32::from(most);
    let inverse = inverse(scale);
    (scale, smallest, source.map(|value| truncated((value - smallest) * inverse + 0.5).min(most)))
}

/// One multiplication by the inverse for all values, not one division each: that is what the formats' authors do.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

fn truncated(value: f32) -> u8 {
    if value.is_finite() { value as u8 } else { 0 }
}

/// Two four-bit parts to a byte: value `i` low, value `i + 16` high.
fn pack(quantised: &[u8; VALUES], bytes: &mut [u8]) {
    let (low, high) = quantised.split_at(VALUES / 2);
    bytes.iter_mut().zip(low.iter().zip(high)).for_each(|(byte, (low, high))| *byte = low & 0x0f | high << 4);
}

/// The fifth bit of value `i` at bit `i` of four bytes.
fn pack_fifth_bits(quantised: &[u8; VALUES], bytes: &mut [u8]) {
    for (byte, eight) in bytes.iter_mut().zip(quantised.chunks_exact(8)) {
        *byte = eight.iter().enumerate().fold(0, |bits, (i, value)| bits | (value >> 4 & 1) << i);
    }
}
