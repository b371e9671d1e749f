//! Frozen matrices in less memory than float32 takes.

use half::{bf16, f16};
use pulp::{Arch, Simd, WithSimd};
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
        self.range(0, self.len())
    }

    /// Unpacks `len` values from the one at `from` on.
    #[must_use]
    pub fn range(&self, from: usize, len: usize) -> Vec<f32> {
        let mut out = vec![0.0; len];
        self.unpack(from, &mut out);
        out
    }

    /// Unpacks into `out` the values from the one at `from` on.
    pub fn unpack(&self, from: usize, out: &mut [f32]) {
        let part = from..from + out.len();
        match self {
            Self::F32(values) => out.copy_from_slice(&values[part]),
            Self::F16(bits) => convert(&bits[part], out, |b| f16::from_bits(b).to_f32()),
            Self::Bf16(bits) => widen(&bits[part], out),
            Self::Q8 { values, scales } if from.is_multiple_of(BLOCK) => {
                blocks(&values[part], &scales[from / BLOCK..], out);
            }
            // A row that begins inside a block.
            Self::Q8 { .. } => out.copy_from_slice(&self.rows(&part.collect::<Vec<_>>(), 1)),
        }
    }

    /// Values in it.
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(bits) | Self::Bf16(bits) => bits.len(),
            Self::Q8 { values, .. } => values.len(),
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

/// Values of 8-bit blocks, the first of which begins at the first value.
fn blocks(values: &[i8], scales: &[u16], out: &mut [f32]) {
    let parts = out.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
    parts.zip(scales.par_chunks(CHUNK / BLOCK)).for_each(|((out, values), scales)| {
        for ((out, values), &scale) in out.chunks_mut(BLOCK).zip(values.chunks(BLOCK)).zip(scales) {
            let scale = f16::from_bits(scale).to_f32();
            out.iter_mut().zip(values).for_each(|(x, &v)| *x = f32::from(v) * scale);
        }
    });
}

/// Upper halves of 32-bit floats, made whole.
fn widen(bits: &[u16], out: &mut [f32]) {
    let arch = Arch::new();
    let parts = out.par_chunks_mut(CHUNK).zip(bits.par_chunks(CHUNK));
    parts.for_each(|(out, bits)| arch.dispatch(Widening(bits, out)));
}

struct Widening<'a>(&'a [u16], &'a mut [f32]);

impl WithSimd for Widening<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (out, &bits) in self.1.iter_mut().zip(self.0) {
            *out = f32::from_bits(u32::from(bits) << 16);
        }
    }
}

fn convert(bits: &[u16], out: &mut [f32], one: impl Fn(u16) -> f32 + Sync) {
    let parts = out.par_chunks_mut(CHUNK).zip(bits.par_chunks(CHUNK));
    parts.for_each(|(out, bits)| out.iter_mut().zip(bits).for_each(|(x, &b)| *x = one(b)));
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
            let packed = Packed::new(Packing::Q8, &values);
            prop_assert_eq!(&packed.rows(&[0], values.len()), &back);
            for from in [0, 1, 32, 45].into_iter().filter(|from| *from < values.len()) {
                prop_assert_eq!(&packed.range(from, values.len() - from), &back[from..]);
            }
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
