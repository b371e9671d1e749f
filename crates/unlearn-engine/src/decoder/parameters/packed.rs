//! Frozen matrices in less memory than float32 takes.

use half::{bf16, f16};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Values that share a scale.
const BLOCK: usize = 32;
/// Values that one task unpacks; a multiple of [`BLOCK`].
const CHUNK: usize = 1 << 14;

/// How a frozen matrix is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// 32-bit floats.
    F32,
    /// 16-bit floats: exact for a checkpoint in that format.
    F16,
    /// The upper halves of 32-bit floats: exact for a checkpoint in that format.
    Bf16,
    /// Blocks of 32 8-bit integers with a 16-bit scale, as GGUF's `Q8_0`.
    Q8,
}

/// A packed matrix. It is unpacked where it is used, and not for longer.
#[derive(Debug, Clone, PartialEq)]
pub enum Packed {
    /// Bits of 16-bit floats.
    F16(Vec<u16>),
    /// Upper halves of 32-bit floats.
    Bf16(Vec<u16>),
    /// Integers and, for each 32 of them, a scale.
    Q8 {
        /// Value over scale, rounded.
        values: Vec<i8>,
        /// Largest magnitude of the block over 127.
        scales: Vec<u16>,
    },
    /// As it was.
    F32(Vec<f32>),
}

impl Packed {
    /// Packs; rounds to nearest.
    #[must_use]
    pub fn new(packing: Packing, values: &[f32]) -> Self {
        match packing {
            Packing::F32 => Self::F32(values.to_vec()),
            Packing::F16 => Self::F16(values.par_iter().map(|&x| f16::from_f32(x).to_bits()).collect()),
            Packing::Bf16 => Self::Bf16(values.par_iter().map(|&x| bf16::from_f32(x).to_bits()).collect()),
            Packing::Q8 => {
                let (mut packed, mut scales) = (vec![0; values.len()], vec![0; values.len().div_ceil(BLOCK)]);
                let parts = packed.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
                parts.zip(scales.par_chunks_mut(CHUNK / BLOCK)).for_each(|((packed, values), scales)| {
                    let blocks = packed.chunks_mut(BLOCK).zip(values.chunks(BLOCK)).zip(scales);
                    blocks.for_each(|((packed, values), scale)| *scale = pack(values, packed));
                });
                Self::Q8 { scales, values: packed }
            }
        }
    }

    /// Unpacks some rows of `width` values each.
    #[must_use]
    pub fn rows(&self, rows: &[usize], width: usize) -> Vec<f32> {
        let one = |i: usize| match self {
            Self::F32(values) => values[i],
            Self::F16(bits) => f16::from_bits(bits[i]).to_f32(),
            Self::Bf16(bits) => bf16::from_bits(bits[i]).to_f32(),
            Self::Q8 { values, scales } => f32::from(values[i]) * f16::from_bits(scales[i / BLOCK]).to_f32(),
        };
        rows.iter().flat_map(|row| (row * width..(row + 1) * width).map(one)).collect()
    }

    /// Unpacks.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        match self {
            Self::F32(values) => values.clone(),
            Self::F16(bits) => convert(bits, |b| f16::from_bits(b).to_f32()),
            Self::Bf16(bits) => convert(bits, |b| bf16::from_bits(b).to_f32()),
            Self::Q8 { values, scales } => {
                let mut out = vec![0.0; values.len()];
                let parts = out.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
                parts.zip(scales.par_chunks(CHUNK / BLOCK)).for_each(|((out, values), scales)| {
                    let blocks = out.chunks_mut(BLOCK).zip(values.chunks(BLOCK)).zip(scales);
                    for ((out, values), &scale) in blocks {
                        let scale = f16::from_bits(scale).to_f32();
                        out.iter_mut().zip(values).for_each(|(x, &v)| *x = f32::from(v) * scale);
                    }
                });
                out
            }
        }
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::F32(v) => 4 * v.len(),
            Self::F16(v) | Self::Bf16(v) => 2 * v.len(),
            Self::Q8 { values, scales } => values.len() + 2 * scales.len(),
        }
    }
}

fn convert(bits: &[u16], one: impl Fn(u16) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; bits.len()];
    let parts = out.par_chunks_mut(CHUNK).zip(bits.par_chunks(CHUNK));
    parts.for_each(|(out, bits)| out.iter_mut().zip(bits).for_each(|(x, &b)| *x = one(b)));
    out
}

/// Fills a block; returns its scale.
fn pack(values: &[f32], packed: &mut [i8]) -> u16 {
    let largest = values.iter().fold(0f32, |m, x| m.max(x.abs()));
    let scale = f16::from_f32(largest / 127.0);
    let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
    for (to, x) in packed.iter_mut().zip(values) {
        *to = (x * inverse).round().clamp(-127.0, 127.0) as i8;
    }
    scale.to_bits()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_of_8_bits_are_off_by_half_a_step_at_most(values in prop::collection::vec(-3f32..3.0, 1..200)) {
            let back = Packed::new(Packing::Q8, &values).values();
            prop_assert_eq!(back.len(), values.len());
            prop_assert_eq!(&Packed::new(Packing::Q8, &values).rows(&[0], values.len()), &back);
            for (block, was) in back.chunks(BLOCK).zip(values.chunks(BLOCK)) {
                let largest = was.iter().fold(0f32, |m, x| m.max(x.abs()));
                for (x, y) in block.iter().zip(was) {
                    // Half a step, and the scale's own rounding to 11 bits, 127 times at most.
                    prop_assert!((x - y).abs() <= largest / 254.0 + largest / 2048.0 + 1e-6, "{x} {y}");
                }
            }
        }

        #[test]
        fn halves_that_were_halves_are_exact(bits in prop::collection::vec(0u16..0x7c00, 1..100)) {
            let of = |f: fn(u16) -> f32| bits.iter().map(|&b| f(b)).collect::<Vec<f32>>();
            for (packing, values) in [
                (Packing::F16, of(|b| f16::from_bits(b).to_f32())),
                (Packing::Bf16, of(|b| bf16::from_bits(b).to_f32())),
            ] {
                prop_assert_eq!(Packed::new(packing, &values).values(), values);
            }
        }
    }
}
