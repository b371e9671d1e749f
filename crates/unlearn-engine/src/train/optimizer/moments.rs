//! What an optimiser keeps of each value that is trained: in float32, or in 8 bits with a scale for each block of values
//! (Dettmers et al., 2022, arXiv 2110.02861).

mod code;

use rayon::prelude::*;
use unlearn_core::recipe::TrainSection;

use super::super::state::Saved;
use super::CHUNK;
use crate::Parameters;
use code::Code;

/// Values that share a scale.
const BLOCK: usize = 256;
/// A tensor of fewer values stays in float32: little is won there, and norms are sensitive.
const LEAST: usize = 4096;

/// One number for each value that is trained.
#[derive(Debug, Clone)]
pub struct Moments(Vec<Kept>);

/// A parameter's; nothing of one that is not trained.
#[derive(Debug, Clone)]
enum Kept {
    Plain(Vec<f32>),
    Blocks { codes: Vec<u8>, scales: Vec<f32>, code: &'static Code },
}

/// The numbers that may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// Of either sign.
    Signed,
    /// Not below 0; what is above stays above, so that nothing is divided by it too far.
    Unsigned,
}

impl Moments {
    /// Nothing, of no parameter.
    pub(super) fn none(parameters: &Parameters) -> Self {
        Self(vec![Kept::Plain(Vec::new()); parameters.specs().len()])
    }

    /// Zeros, kept as `train.optimizer_bits` says.
    pub(super) fn zeros(train: &TrainSection, range: Range, parameters: &Parameters) -> Self {
        let mut all = Self::none(parameters);
        for i in parameters.trained() {
            all.0[i] = Kept::zeros(parameters.specs()[i].len(), train.optimizer_bits, range);
        }
        all
    }

    /// Bytes that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |kept: &Kept| match kept {
            Kept::Plain(values) => 4 * values.len(),
            Kept::Blocks { codes, scales, .. } => codes.len() + 4 * scales.len(),
        };
        self.0.iter().map(of).sum()
    }

    /// A parameter's numbers in parts of [`CHUNK`].
    pub(super) fn parts(&mut self, i: usize) -> Vec<Part<'_>> {
        match &mut self.0[i] {
            Kept::Plain(values) => values.chunks_mut(CHUNK).map(Part::Plain).collect(),
            Kept::Blocks { codes, scales, code } => {
                let parts = codes.chunks_mut(CHUNK).zip(scales.chunks_mut(CHUNK / BLOCK));
                parts.map(|(codes, scales)| Part::Blocks { codes, scales, code }).collect()
            }
        }
    }

    /// Changes each number by another one of its parameter.
    pub(super) fn join(&mut self, others: &[Vec<f32>], change: impl Fn(&mut f32, f32) + Sync) {
        for (i, others) in others.iter().enumerate() {
            self.parts(i).into_par_iter().zip(others.par_chunks(CHUNK)).for_each(|(part, others)| {
                part.with(|values| values.iter_mut().zip(others).for_each(|(x, &other)| change(x, other)));
            });
        }
    }
}

impl Saved for Moments {
    fn stored_len(&self, i: usize) -> usize {
        match &self.0[i] {
            Kept::Plain(values) => values.len(),
            Kept::Blocks { codes, scales, .. } => codes.len() + scales.len(),
        }
    }

    /// In 8 bits, the codes, then the scales.
    fn stored(&self, i: usize) -> Vec<f32> {
        match &self.0[i] {
            Kept::Plain(values) => values.clone(),
            Kept::Blocks { codes, scales, .. } => {
                codes.iter().copied().map(f32::from).chain(scales.iter().copied()).collect()
            }
        }
    }

    fn restore(&mut self, i: usize, stored: Vec<f32>) {
        match &mut self.0[i] {
            Kept::Plain(values) => *values = stored,
            Kept::Blocks { codes, scales, .. } => {
                let (saved, rest) = stored.split_at(codes.len());
                codes.iter_mut().zip(saved).for_each(|(code, &x)| *code = x as u8);
                scales.copy_from_slice(rest);
            }
        }
    }
}

/// Bytes that are kept for a value, beside the 4 of a float32.
pub(super) fn share_of_float32(train: &TrainSection) -> f64 {
    if train.optimizer_bits == 8 { (1.0 + 4.0 / BLOCK as f64) / 4.0 } else { 1.0 }
}

impl Kept {
    fn zeros(n: usize, bits: usize, range: Range) -> Self {
        if bits != 8 || n < LEAST {
            return Self::Plain(vec![0.0; n]);
        }
        let code = Code::of(range);
        Self::Blocks { codes: vec![code.zero(); n], scales: vec![0.0; n.div_ceil(BLOCK)], code }
    }
}

/// Some of a parameter's numbers.
pub(super) enum Part<'a> {
    Plain(&'a mut [f32]),
    Blocks { codes: &'a mut [u8], scales: &'a mut [f32], code: &'static Code },
}

impl Part<'_> {
    /// Does something with them, in float32.
    pub(super) fn with(self, work: impl FnOnce(&mut [f32])) {
        match self {
            Self::Plain(values) => work(values),
            Self::Blocks { codes, scales, code } => {
                let mut values = vec![0.0; codes.len()];
                code.decode(codes, scales, &mut values);
                work(&mut values);
                code.encode(&values, codes, scales);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_comes_back_to_the_bit() {
        for (bits, range) in [(32, Range::Signed), (8, Range::Signed), (8, Range::Unsigned)] {
            for n in [1, LEAST - 1, LEAST, CHUNK + 3 * BLOCK + 7] {
                let mut moments = Moments(vec![Kept::zeros(n, bits, range)]);
                let new: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) * (i % 13) as f32 / 7.0).collect();
                moments.join(&[new.iter().map(|x| x.abs()).collect()], |x, new| *x += new);
                let most = if bits == 8 && n >= LEAST { 1.02 } else { 4.0 };
                assert!(moments.bytes() as f64 <= most * n as f64 + 4.0, "{} bytes for {n}", moments.bytes());
                let mut again = Moments(vec![Kept::zeros(n, bits, range)]);
                assert_eq!(moments.stored(0).len(), moments.stored_len(0));
                again.restore(0, moments.stored(0));
                let values = |moments: &mut Moments| {
                    let mut all = Vec::new();
                    moments.parts(0).into_iter().for_each(|part| part.with(|values| all.extend_from_slice(values)));
                    all
                };
                let (was, is) = (values(&mut moments), values(&mut again));
                assert_eq!((was.len(), &was), (n, &is));
                // In 8 bits, a number is off by 7.1 % at most, or, below a tenth of the largest beside it, by 0.15 % of that.
                for (block, right) in was.chunks(BLOCK).zip(new.chunks(BLOCK)) {
                    let most = right.iter().fold(0f32, |m, x| m.max(x.abs()));
                    for (x, right) in block.iter().zip(right) {
                        let exact = bits == 32 || n < LEAST;
                        let near = if right.abs() >= 0.1 * most { 0.071 * right.abs() } else { 0.0015 * most };
                        let near = if exact { 0.0 } else { near };
                        assert!((x - right.abs()).abs() <= near, "{x} for {right}");
                    }
                }
            }
        }
    }
}
