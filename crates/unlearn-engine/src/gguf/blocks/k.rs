//! Blocks of 256 values in groups of 16 or 32, each group with a small scale of its own (and a minimum).
//!
//! Low bits come in planes: `width` bits of 32 values that lie `32` apart share a byte of a 32-byte plane.

use super::{each, f16_at};

/// Values in a block.
const VALUES: usize = 256;

/// group scale and minimum (16 × 4 + 4 bits), 2-bit values (64), scale (2), minimum (2): `d · s · q - dmin · m`.
pub(in crate::gguf) fn q2_k(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 84], target: &mut [f32; VALUES]| {
        let (scale, minimum) = (f16_at(block, 80), f16_at(block, 82));
        for (group, target) in target.chunks_exact_mut(16).enumerate() {
            let group_scale = scale * f32::from(block[group] & 0x0f);
            let group_minimum = minimum * f32::from(block[group] >> 4);
            fill(target, group, |i| group_scale * f32::from(two_bits(&block[16..80], i)) - group_minimum);
        }
    });
}

/// third bits (32), 2-bit values (64), 6-bit group scales (12), scale (2): `d · (s - 32) · (q - 4)`.
pub(in crate::gguf) fn q3_k(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 110], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 108);
        for (group, target) in target.chunks_exact_mut(16).enumerate() {
            let group_scale = scale * (f32::from(q3_k_scale(&block[96..108], group)) - 32.0);
            fill(target, group, |i| {
                let quantised = two_bits(&block[32..96], i) | one_bit(&block[..32], i) << 2;
                group_scale * (f32::from(quantised) - 4.0)
            });
        }
    });
}

/// Sixteen 6-bit scales: low four bits in bytes 0 to 7, two high bits in bytes 8 to 11.
fn q3_k_scale(packed: &[u8], group: usize) -> u8 {
    let low = packed[group % 8] >> (group / 8 * 4) & 0x0f;
    let high = packed[8 + group % 4] >> (group / 4 * 2) & 0x03;
    low | high << 4
}

/// scale (2), minimum (2), 6-bit group scales and minima (12), 4-bit values (128): `d · s · q - dmin · m`.
pub(in crate::gguf) fn q4_k(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 144], target: &mut [f32; VALUES]| {
        let (scale, minimum) = (f16_at(block, 0), f16_at(block, 2));
        for (group, target) in target.chunks_exact_mut(32).enumerate() {
            let (group_scale, group_minimum) = scale_and_minimum(&block[4..16], group);
            let (group_scale, group_minimum) = (scale * group_scale, minimum * group_minimum);
            fill(target, group, |i| group_scale * f32::from(four_bits(&block[16..], i)) - group_minimum);
        }
    });
}

/// As [`q4_k`], with fifth bits (32) before the 4-bit values.
pub(in crate::gguf) fn q5_k(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 176], target: &mut [f32; VALUES]| {
        let (scale, minimum) = (f16_at(block, 0), f16_at(block, 2));
        for (group, target) in target.chunks_exact_mut(32).enumerate() {
            let (group_scale, group_minimum) = scale_and_minimum(&block[4..16], group);
            let (group_scale, group_minimum) = (scale * group_scale, minimum * group_minimum);
            fill(target, group, |i| {
                let quantised = four_bits(&block[48..], i) | one_bit(&block[16..48], i) << 4;
                group_scale * f32::from(quantised) - group_minimum
            });
        }
    });
}

/// Eight scales and eight minima of six bits: the first four of each in bytes 0 to 7, where the two high bits of
/// the last four sit on top; the low bits of the last four in bytes 8 to 11.
fn scale_and_minimum(packed: &[u8], group: usize) -> (f32, f32) {
    let slot = group % 4;
    if group < 4 {
        return (f32::from(packed[slot] & 0x3f), f32::from(packed[4 + slot] & 0x3f));
    }
    let scale = packed[8 + slot] & 0x0f | packed[slot] >> 6 << 4;
    let minimum = packed[8 + slot] >> 4 | packed[4 + slot] >> 6 << 4;
    (f32::from(scale), f32::from(minimum))
}

/// low 4 bits (128), high 2 bits (64), signed group scales (16), scale (2): `d · s · (q - 32)`.
pub(in crate::gguf) fn q6_k(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 210], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 208);
        for (group, target) in target.chunks_exact_mut(16).enumerate() {
            let group_scale = scale * f32::from(block[192 + group].cast_signed());
            fill(target, group, |i| {
                let low = block[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 0x0f;
                let quantised = low | two_bits(&block[128..192], i) << 4;
                group_scale * (f32::from(quantised) - 32.0)
            });
        }
    });
}

/// 2-bit values (64), scale (2): `d · (q - 1)`.
pub(in crate::gguf) fn tq2_0(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 66], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 64);
        fill(target, 0, |i| scale * (f32::from(two_bits(&block[..64], i)) - 1.0));
    });
}

/// base-3 digits of values 0 to 159 (32), 160 to 239 (16) and 240 to 255 (4), scale (2): `d · (q - 1)`.
pub(in crate::gguf) fn tq1_0(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 54], target: &mut [f32; VALUES]| {
        let scale = f16_at(block, 52);
        fill(target, 0, |i| scale * (f32::from(base_three(&block[..52], i)) - 1.0));
    });
}

/// scale (4, a 32-bit float), signed bytes (256), sums of 16 (2 × 16, not needed): `d · q`, as `dequantize_row_q8_K`
/// of ggml does it (ggml-quants.c).
pub(in crate::gguf) fn q8_k(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 292], target: &mut [f32; VALUES]| {
        let scale = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
        fill(target, 0, |i| scale * f32::from(block[4 + i].cast_signed()));
    });
}

/// Fills a group; `value` is given the value's position in the whole block.
fn fill(group_values: &mut [f32], group: usize, value: impl Fn(usize) -> f32) {
    let first = group * group_values.len();
    group_values.iter_mut().enumerate().for_each(|(i, slot)| *slot = value(first + i));
}

/// Value `i` of eight one-bit planes in 32 bytes.
fn one_bit(packed: &[u8], i: usize) -> u8 {
    packed[i % 32] >> (i / 32) & 1
}

/// Value `i` of four two-bit planes in each 32 bytes.
fn two_bits(packed: &[u8], i: usize) -> u8 {
    packed[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3
}

/// Value `i` of two four-bit planes in each 32 bytes.
fn four_bits(packed: &[u8], i: usize) -> u8 {
    packed[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 0x0f
}

/// Value `i` of the planes of base-3 digits that share bytes, the first digit the highest. A byte is the number that
/// its digits make, as a fraction of 243, in units of 1/256.
fn base_three(packed: &[u8], i: usize) -> u8 {
    const POWERS: [u8; 5] = [1, 3, 9, 27, 81];
    let (byte, plane) = match i {
        0..160 => (i % 32, i / 32),
        160..240 => (32 + i % 16, (i - 160) / 16),
        _ => (48 + i % 4, (i - 240) / 4),
    };
    let fraction = packed[byte].wrapping_mul(POWERS[plane]);
    ((u16::from(fraction) * 3) >> 8) as u8
}
