//! Numbers from -1 to 1, or from 0 to 1, in 8 bits: dynamic tree quantisation (Dettmers, 2016, arXiv 1511.04561), in the
//! form of Dettmers et al., 2022: seven decades, each twice as fine as the one below it.

use std::sync::LazyLock;

use super::Range;

const DECADES: i32 = 7;
/// The upper half of 1.0.
const ONE: usize = 0x3f80;

static SIGNED: LazyLock<Code> = LazyLock::new(|| Code::new(Range::Signed));
static UNSIGNED: LazyLock<Code> = LazyLock::new(|| Code::new(Range::Unsigned));

/// What the codes stand for.
#[derive(Debug)]
pub(in super::super) struct Code {
    range: Range,
    /// In ascending order.
    values: Vec<f32>,
    /// By the upper half of a number that is not negative, the code nearest to the least number that has it: the numbers
    /// that have it are so close together that the code of any of them is this one or the next.
    near: Vec<u8>,
    /// Halfway from each code's number to the next one's.
    halfway: Vec<f32>,
}

impl Code {
    pub(super) fn of(range: Range) -> &'static Self {
        match range {
            Range::Signed => &SIGNED,
            Range::Unsigned => &UNSIGNED,
        }
    }

    fn new(range: Range) -> Self {
        let values = values(range);
        let mut halfway: Vec<f32> =
            values.windows(2).map(|w| ((f64::from(w[0]) + f64::from(w[1])) / 2.0) as f32).collect();
        halfway.push(f32::INFINITY);
        let zero = values.iter().position(|&x| x == 0.0).unwrap_or(0);
        let nearest = |x: f32| zero + halfway[zero..].iter().take_while(|&&half| x > half).count();
        let near = (0..=ONE).map(|upper| nearest(f32::from_bits((upper as u32) << 16)) as u8).collect();
        Self { range, values, near, halfway }
    }

    /// The code of 0.
    pub(super) fn zero(&self) -> u8 {
        self.near[0]
    }

    /// The nearest code.
    #[inline(always)]
    fn code(&self, x: f32) -> u8 {
        let size = x.abs().min(1.0);
        let mut code = self.near[(size.to_bits() >> 16) as usize];
        code += u8::from(size > self.halfway[code as usize]);
        match self.range {
            // What is not 0 is not lost.
            Range::Unsigned => code.max(u8::from(x > 0.0)),
            Range::Signed if x >= 0.0 => code,
            // Below 0, the mirror image, where there is none of 1.
            Range::Signed => u8::MAX - 1 - code.min(u8::MAX - 1),
        }
    }

    /// Writes the codes of a block; returns its scale.
    pub(super) fn encode(&self, values: &[f32], codes: &mut [u8]) -> f32 {
        let most = values.iter().fold(0f32, |most, x| most.max(x.abs()));
        let inverse = 1.0 / most;
        if !inverse.is_finite() {
            codes.fill(self.zero());
            return 0.0;
        }
        for (code, x) in codes.iter_mut().zip(values) {
            *code = self.code(x * inverse);
        }
        most
    }

    pub(super) fn decode(&self, codes: &[u8], scale: f32, values: &mut [f32]) {
        for (x, &code) in values.iter_mut().zip(codes) {
            *x = self.values[code as usize] * scale;
        }
    }
}

/// Of each decade, the middles of equal parts of its upper nine tenths: one part of the lowest, twice as many of each that
/// follows, and twice that where a sign takes no bit; then 0, and 1.
fn values(range: Range) -> Vec<f32> {
    let mut all = vec![0.0, 1.0];
    for decade in 0..DECADES {
        let parts = 1 << (decade + i32::from(range == Range::Unsigned));
        for part in 0..parts {
            let middle = 0.1 + 0.9 * (f64::from(part) + 0.5) / f64::from(parts);
            let value = (middle * 10f64.powi(decade + 1 - DECADES)) as f32;
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
                let found = code.code(x) as usize;
                let least = (0..256).map(away).fold(f64::MAX, f64::min);
                let kept = range == Range::Unsigned && found == 1 && x > 0.0;
                prop_assert!(away(found) <= least * (1.0 + 1e-6) + 1e-12 || kept, "{x}: {found}");
                prop_assert_eq!(code.code(code.values[found]) as usize, found);
            }
        }
    }
}
