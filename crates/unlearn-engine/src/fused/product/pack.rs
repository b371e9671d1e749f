//! Matrices rounded to bfloat16, in the order in which the kernel reads them.

use pulp::{Arch, Simd, WithSimd};

/// A matrix in memory: entry `[i, k]` stands at `i * steps[0] + k * steps[1]`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct View<'a> {
    pub(in super::super) values: &'a [f32],
    pub(in super::super) steps: [usize; 2],
    /// Whether these are weights, which are rounded up as often as they are above what is below them.
    ///
    /// To the nearest, a weight would stay what it was until the optimiser has moved it by half of what two bfloat16 are
    /// apart, and most weights begin right on one: small steps would change nothing for a long time.
    pub(in super::super) weights: bool,
}

impl View<'_> {
    /// The same with rows for columns.
    pub(super) fn turned(self) -> Self {
        Self { steps: [self.steps[1], self.steps[0]], ..self }
    }
}

pub(super) use line::Line;

mod line {
    #![allow(unsafe_code)]

    use bytemuck::{Pod, Zeroable};

    /// Sixteen pairs, so placed that no load meets two lines of a cache.
    #[repr(C, align(64))]
    #[derive(Debug, Clone, Copy, Pod, Zeroable)]
    pub struct Line(pub [u32; 16]);
}

/// The nearest bfloat16, ties to even; not-a-number stays that.
#[inline(always)]
pub(super) fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let near = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    if x.is_nan() { (bits >> 16) | 0x40 } else { near }
}

/// One of the two bfloat16 around, the upper one as often as the number is near it: by its place in memory, so that a
/// weight is the same number in every product. Places are spread evenly by the golden ratio (Weyl's sequence).
#[inline(always)]
pub(super) fn dithered(x: f32, place: usize) -> u32 {
    let bits = x.to_bits();
    let one = bits.wrapping_add((place as u32).wrapping_mul(0x9e37_79b9) >> 16) >> 16;
    if x.is_nan() { (bits >> 16) | 0x40 } else { one }
}

/// Two from their places as the kernel reads them: the first in the lower half.
#[inline(always)]
fn pair<const WEIGHTS: bool>([x, y]: [f32; 2], places: [usize; 2]) -> u32 {
    if WEIGHTS { dithered(x, places[0]) | dithered(y, places[1]) << 16 } else { rounded(x) | rounded(y) << 16 }
}

/// Entries `along.0` to `along.1` of `WIDTH` rows from `first` on, of `rows` in all, as one panel `[pairs][WIDTH]`: zeros
/// stand for rows that are not there and for what lacks in the last pair.
pub(super) struct Panel<'a, const WIDTH: usize> {
    pub(super) view: View<'a>,
    pub(super) rows: usize,
    pub(super) first: usize,
    pub(super) along: (usize, usize),
    pub(super) out: &'a mut [u32],
}

impl<const WIDTH: usize> Panel<'_, WIDTH> {
    pub(super) fn fill(self) {
        Arch::new().dispatch(self);
    }

    /// Where neighbours in memory belong to different rows.
    #[inline(always)]
    fn across<const WEIGHTS: bool>(self) {
        let (View { values, steps, .. }, (from, to)) = (self.view, self.along);
        for (line, k) in self.out.chunks_exact_mut(WIDTH).zip((from..to).step_by(2)) {
            let start = |k: usize| self.first + k * steps[1];
            let row = |k: usize| &values[start(k)..][..WIDTH];
            let (x, y) = (row(k), if k + 1 < to { row(k + 1) } else { &[0.0; WIDTH] });
            for (i, ((out, &x), &y)) in line.iter_mut().zip(x).zip(y).enumerate() {
                *out = pair::<WEIGHTS>([x, y], [start(k) + i, start(k + 1) + i]);
            }
        }
    }

    /// Anything else, row by row.
    #[inline(always)]
    fn along<const WEIGHTS: bool>(self) {
        let (View { values, steps, .. }, (from, to)) = (self.view, self.along);
        let there = WIDTH.min(self.rows.saturating_sub(self.first));
        if there < WIDTH {
            self.out.fill(0);
        }
        let mut pairs = [0; 64];
        for i in 0..there {
            let start = (self.first + i) * steps[0];
            for (part, k) in self.out.chunks_mut(64 * WIDTH).zip((from..to).step_by(128)) {
                let count = (to - k).min(128);
                let place = |i: usize| start + (k + i) * steps[1];
                if steps[1] == 1 {
                    let row = &values[start + k..][..count];
                    let (whole, rest) = row.as_chunks::<2>();
                    for (i, (out, &two)) in pairs.iter_mut().zip(whole).enumerate() {
                        *out = pair::<WEIGHTS>(two, [start + k + 2 * i, start + k + 2 * i + 1]);
                    }
                    if let &[x] = rest {
                        pairs[count / 2] = pair::<WEIGHTS>([x, 0.0], [place(count - 1), 0]);
                    }
                } else {
                    let at = |i: usize| if i < count { values[place(i)] } else { 0.0 };
                    for (i, out) in pairs[..count.div_ceil(2)].iter_mut().enumerate() {
                        *out = pair::<WEIGHTS>([at(2 * i), at(2 * i + 1)], [place(2 * i), place(2 * i + 1)]);
                    }
                }
                for (line, &pair) in part.chunks_exact_mut(WIDTH).zip(&pairs) {
                    line[i] = pair;
                }
            }
        }
    }
}

impl<const WIDTH: usize> WithSimd for Panel<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let whole = self.view.steps[0] == 1 && self.first + WIDTH <= self.rows;
        match (whole, self.view.weights) {
            (true, false) => self.across::<false>(),
            (true, true) => self.across::<true>(),
            (false, false) => self.along::<false>(),
            (false, true) => self.along::<true>(),
        }
    }
}
