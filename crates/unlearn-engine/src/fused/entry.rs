//! How the entries of a matrix are kept.

use bytemuck::Pod;
use half::bf16;
use pulp::Simd;

/// Values that the widest vector holds.
const WIDEST: usize = 16;

/// An entry of a matrix: a float32, or the upper half of one.
pub(super) trait Entry: Pod + Send + Sync {
    /// Its value.
    fn float(self) -> f32;

    /// The nearest bfloat16, ties to even; not-a-number stays that.
    fn rounded(self) -> u32;

    /// One of the two bfloat16 around, the upper one as often as the number is near it: by its place in memory, so that a
    /// weight is the same number in every product. Places are spread evenly by the golden ratio (Weyl's sequence).
    fn dithered(self, place: usize) -> u32;

    /// A vector of them.
    fn load<S: Simd>(simd: S, values: &[Self]) -> S::f32s;
}

impl Entry for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }

    #[inline(always)]
    fn rounded(self) -> u32 {
        let bits = self.to_bits();
        let near = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
        if self.is_nan() { (bits >> 16) | 0x40 } else { near }
    }

    #[inline(always)]
    fn dithered(self, place: usize) -> u32 {
        let bits = self.to_bits();
        let one = bits.wrapping_add((place as u32).wrapping_mul(0x9e37_79b9) >> 16) >> 16;
        if self.is_nan() { (bits >> 16) | 0x40 } else { one }
    }

    #[inline(always)]
    fn load<S: Simd>(_: S, values: &[Self]) -> S::f32s {
        S::as_simd_f32s(&values[..S::F32_LANES]).0[0]
    }
}

impl Entry for bf16 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn rounded(self) -> u32 {
        u32::from(self.to_bits())
    }

    #[inline(always)]
    fn dithered(self, _: usize) -> u32 {
        u32::from(self.to_bits())
    }

    #[inline(always)]
    fn load<S: Simd>(_: S, values: &[Self]) -> S::f32s {
        let mut wide = [0.0; WIDEST];
        for (wide, &x) in wide[..S::F32_LANES].iter_mut().zip(&values[..S::F32_LANES]) {
            *wide = x.float();
        }
        S::as_simd_f32s(&wide[..S::F32_LANES]).0[0]
    }
}
