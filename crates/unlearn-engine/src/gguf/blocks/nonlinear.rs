//! Blocks whose four-bit parts are indices into a table of levels.

use super::small::nibble;
use super::{each, f16_at};

/// The sixteen levels of the `IQ4` types.
const IQ4_LEVELS: [f32; 16] =
    [-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0];

/// The sixteen values of a float with two exponent bits and one mantissa bit, doubled.
const E2M1_DOUBLED: [f32; 16] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 0.0, -1.0, -2.0, -3.0, -4.0, -6.0, -8.0, -12.0];

/// scale (2), indices (16): `scale · level`.
pub(in crate::gguf) fn iq4_nl(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 18], target: &mut [f32; 32]| {
        fill(target, &block[2..], f16_at(block, 0), &IQ4_LEVELS);
    });
}

/// scale (2), high 2 bits of group scales (2), low 4 bits of group scales (4), indices (128): `d · (s - 32) · level`.
pub(in crate::gguf) fn iq4_xs(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 136], target: &mut [f32; 256]| {
        let scale = f16_at(block, 0);
        let groups = target.chunks_exact_mut(32).zip(block[8..].chunks_exact(16));
        for (group, (target, indices)) in groups.enumerate() {
            let high = block[2 + group / 4] >> (group % 4 * 2) & 0x03;
            let low = block[4 + group / 2] >> (group % 2 * 4) & 0x0f;
            fill(target, indices, scale * (f32::from(low | high << 4) - 32.0), &IQ4_LEVELS);
        }
    });
}

/// exponent (1), indices (16): `2^(exponent - 128) · level`.
pub(in crate::gguf) fn mxfp4(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |block: &[u8; 17], target: &mut [f32; 32]| {
        fill(target, &block[1..], power_of_two(block[0]), &E2M1_DOUBLED);
    });
}

/// `2^(exponent - 128)`, where the two smallest are subnormal.
fn power_of_two(exponent: u8) -> f32 {
    let exponent = u32::from(exponent);
    f32::from_bits(if exponent < 2 { 0x0020_0000 << exponent } else { (exponent - 1) << 23 })
}

fn fill(target: &mut [f32], indices: &[u8], scale: f32, levels: &[f32; 16]) {
    target.iter_mut().enumerate().for_each(|(i, slot)| *slot = scale * levels[usize::from(nibble(indices, i))]);
}
