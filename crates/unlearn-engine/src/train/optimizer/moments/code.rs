//! Numbers from -1 to 1, or from 0 to 1, in 8 bits: dynamic tree quantisation (Dettmers, 2016, arXiv 1511.04561), in the
//! form of Dettmers et al., 2022: seven decades, each twice as fine as the one below it.

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

use super::{BLOCK, Range};

const DECADES: usize = 7;

static SIGNED: LazyLock<Code> = LazyLock::new(|| Code::new(Range::Signed));
static UNSIGNED: LazyLock<Code> = LazyLock::new(|| Code::new(Range::Unsigned));

/// What the codes stand for.
#[derive(Debug)]
pub(in super::super) struct Code {
    range: Range,
    /// In ascending order.
    values: [f32; 256],
    /// From the lowest; then 1 by itself.
    decades: [Decade; DECADES + 1],
}

/// Numbers that are the middles of equal cells.
#[derive(Debug, Clone, Copy)]
struct Decade {
    /// Above it, a number is this decade's or a higher one's: halfway to the greatest number of the one below.
    above: f32,
    /// Where the cells begin, and how many of them there are to 1.
    low: f32,
    per_unit: f32,
    /// The code of the first cell, and the number of the last.
    first: f32,
    last: f32,
}

impl Code {
    pub(super) fn of(range: Range) -> &'static Self {
        match range {
            Range::Signed => &SIGNED,
            Range::Unsigned => &UNSIGNED,
        }
    }

    fn new(range: Range) -> Self {
        let mut values = [0.0; 256];
        values.iter_mut().zip(numbers(range)).for_each(|(value, x)| *value = x);
        let halfway = |code: usize| ((f64::from(values[code - 1]) + f64::from(values[code])) / 2.0) as f32;
        let zero = zero(range) as usize;
        let decades = std::array::from_fn(|decade| {
            if decade == DECADES {
                return Decade { above: halfway(255), low: 0.0, per_unit: 0.0, first: 255.0, last: 0.0 };
            }
            let (parts, top) = parts(range, decade);
            let first = zero + 1 + (0..decade).map(|lower| self::parts(range, lower).0).sum::<usize>();
            Decade {
                above: halfway(first),
                low: (0.1 * top) as f32,
                per_unit: (parts as f64 / (0.9 * top)) as f32,
                first: first as f32,
                last: (parts - 1) as f32,
            }
        });
        Self { range, values, decades }
    }

    /// The code of 0.
    pub(super) fn zero(&self) -> u8 {
        zero(self.range)
    }

    /// The codes of numbers' sizes, with what is beyond a whole number yet to be cut off.
    #[inline(always)]
    fn of_sizes<S: Simd>(&self, simd: S, sizes: S::f32s) -> S::f32s {
        let all = |x: f32| simd.splat_f32s(x);
        let (mut low, mut per_unit, mut last) = (all(0.0), all(0.0), all(0.0));
        let mut first = all(f32::from(self.zero()));
        for decade in &self.decades {
            let higher = simd.greater_than_f32s(sizes, all(decade.above));
            low = simd.select_f32s(higher, all(decade.low), low);
            per_unit = simd.select_f32s(higher, all(decade.per_unit), per_unit);
            first = simd.select_f32s(higher, all(decade.first), first);
            last = simd.select_f32s(higher, all(decade.last), last);
        }
        let cell = simd.mul_f32s(simd.sub_f32s(sizes, low), per_unit);
        simd.add_f32s(first, simd.min_f32s(simd.max_f32s(cell, all(0.0)), last))
    }

    /// Writes the nearest codes of numbers, none of them greater than 1.
    #[inline(always)]
    fn nearest<S: Simd>(&self, simd: S, x: &[f32; BLOCK], codes: &mut [u8]) {
        let mut found = [0f32; BLOCK];
        let ((x_lanes, _), (lanes, _)) = (S::as_simd_f32s(x), S::as_mut_simd_f32s(&mut found));
        for (found, &x) in lanes.iter_mut().zip(x_lanes) {
            *found = self.of_sizes(simd, simd.abs_f32s(x));
        }
        match self.range {
            // Below 0, the mirror image, where there is none of 1.
            Range::Signed => {
                for ((to, &found), &x) in codes.iter_mut().zip(&found).zip(x) {
                    let code = found as i32;
                    let mirrored = if code > 254 { 0 } else { 254 - code };
                    *to = if x < 0.0 { mirrored } else { code } as u8;
                }
            }
            // What is not 0 is not lost.
            Range::Unsigned => {
                for ((to, &found), &x) in codes.iter_mut().zip(&found).zip(x) {
                    let code = found as i32;
                    *to = if code == 0 && x > 0.0 { 1 } else { code } as u8;
                }
            }
        }
    }

    /// Writes the codes of blocks, and their scales.
    pub(super) fn encode(&self, values: &[f32], codes: &mut [u8], scales: &mut [f32]) {
        Arch::new().dispatch(Encoding { code: self, values, codes, scales });
    }

    /// Writes the values of blocks.
    pub(super) fn decode(&self, codes: &[u8], scales: &[f32], values: &mut [f32]) {
        Arch::new().dispatch(Decoding { code: self, codes, scales, values });
    }
}

struct Encoding<'a> {
    code: &'a Code,
    values: &'a [f32],
    codes: &'a mut [u8],
    scales: &'a mut [f32],
}

impl WithSimd for Encoding<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { code, values, codes, scales } = self;
        let mut x = [0.0; BLOCK];
        for ((values, codes), scale) in values.chunks(BLOCK).zip(codes.chunks_mut(BLOCK)).zip(scales) {
            x[..values.len()].copy_from_slice(values);
            x[values.len()..].fill(0.0);
            let (lanes, _) = S::as_mut_simd_f32s(&mut x);
            let most = lanes.iter().fold(simd.splat_f32s(0.0), |most, &x| simd.max_f32s(most, simd.abs_f32s(x)));
            let most = simd.reduce_max_f32s(most);
            let inverse = 1.0 / most;
            let (found, inverse) = if inverse.is_finite() { (most, inverse) } else { (0.0, 0.0) };
            *scale = found;
            for x in lanes {
                *x = simd.mul_f32s(*x, simd.splat_f32s(inverse));
            }
            code.nearest(simd, &x, codes);
        }
    }
}

struct Decoding<'a> {
    code: &'a Code,
    codes: &'a [u8],
    scales: &'a [f32],
    values: &'a mut [f32],
}

impl WithSimd for Decoding<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { code, codes, scales, values } = self;
        for ((values, codes), &scale) in values.chunks_mut(BLOCK).zip(codes.chunks(BLOCK)).zip(scales) {
            for (x, &c) in values.iter_mut().zip(codes) {
                *x = code.values[c as usize] * scale;
            }
        }
    }
}

/// The code of 0: half of the others stand for numbers below, where there are such.
fn zero(range: Range) -> u8 {
    if range == Range::Signed { 127 } else { 0 }
}

/// Cells of a decade, and where it ends.
fn parts(range: Range, decade: usize) -> (usize, f64) {
    (1 << (decade + usize::from(range == Range::Unsigned)), 10f64.powi(decade as i32 + 1 - DECADES as i32))
}

/// Of each decade, the middles of equal parts of its upper nine tenths: one part of the lowest, twice as many of each that
/// follows, and twice that where a sign takes no bit; then 0, and 1.
fn numbers(range: Range) -> Vec<f32> {
    let mut all = vec![0.0, 1.0];
    for decade in 0..DECADES {
        let (parts, top) = parts(range, decade);
        for part in 0..parts {
            let value = ((0.1 + 0.9 * (part as f64 + 0.5) / parts as f64) * top) as f32;
            all.push(value);
            if range == Range::Signed {
                all.push(-value);
            }
        }
    }
    all.sort_by(f32::total_cmp);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_bitsandbytes() {
        let made: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../../testdata/optimisers/codes.json")).expect("JSON");
        for (range, name) in [(Range::Signed, "signed"), (Range::Unsigned, "unsigned")] {
            let theirs: Vec<f64> = serde_json::from_value(made[name].clone()).expect("numbers");
            let ours = &Code::of(range).values;
            assert_eq!((ours.len(), theirs.len()), (256, 256));
            for (x, y) in ours.iter().zip(&theirs) {
                assert!((f64::from(*x) - y).abs() <= 1e-6 * y.abs(), "{x} instead of {y}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_code_is_the_nearest(x in prop_oneof![-1f32..=1.0, -1e-3f32..1e-3, -1e-6f32..1e-6, Just(0.0), Just(1.0), Just(-1.0)]) {
            for (range, x) in [(Range::Signed, x), (Range::Unsigned, x.abs())] {
                let code = Code::of(range);
                let away = |c: usize| (f64::from(code.values[c]) - f64::from(x)).abs();
                let coded = |x: f32| {
                    let (mut codes, mut scales) = ([0; 2], [0.0]);
                    // Beside 1, it is its own share of the largest.
                    code.encode(&[1.0, x], &mut codes, &mut scales);
                    codes[1] as usize
                };
                let found = coded(x);
                let least = (0..256).map(away).fold(f64::MAX, f64::min);
                let kept = range == Range::Unsigned && found == 1 && x > 0.0;
                prop_assert!(away(found) <= least * (1.0 + 1e-4) + 1e-12 || kept, "{x}: {found}");
                prop_assert_eq!(coded(code.values[found]), found);
            }
        }
    }
}
