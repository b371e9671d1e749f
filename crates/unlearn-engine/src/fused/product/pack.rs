//! Matrices rounded to bfloat16, in the order in which the kernel reads them.

use pulp::{Arch, Simd, WithSimd};

use super::super::entry::Entry;
use super::View;

pub(super) use line::Line;

mod line {
    #![allow(unsafe_code)]

    use bytemuck::{Pod, Zeroable};

    /// Sixteen pairs, so placed that no load meets two lines of a cache.
    #[repr(C, align(64))]
    #[derive(Debug, Clone, Copy, Pod, Zeroable)]
    pub struct Line(pub [u32; 16]);
}

/// Two from their places as the kernel reads them: the first in the lower half.
#[inline(always)]
fn pair<E: Entry, const WEIGHTS: bool>([x, y]: [E; 2], places: [usize; 2]) -> u32 {
    if WEIGHTS { x.dithered(places[0]) | y.dithered(places[1]) << 16 } else { x.rounded() | y.rounded() << 16 }
}

/// Entries `along.0` to `along.1` of `WIDTH` rows from `first` on, of `rows` in all, as one panel `[pairs][WIDTH]`: zeros
/// stand for rows that are not there and for what lacks in the last pair.
pub(super) struct Panel<'a, E, const WIDTH: usize> {
    pub(super) view: View<'a, E>,
    pub(super) rows: usize,
    pub(super) first: usize,
    pub(super) along: (usize, usize),
    pub(super) out: &'a mut [u32],
}

impl<E: Entry, const WIDTH: usize> Panel<'_, E, WIDTH> {
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
            let (x, y) = (row(k), if k + 1 < to { row(k + 1) } else { &[E::zeroed(); WIDTH] });
            for (i, ((out, &x), &y)) in line.iter_mut().zip(x).zip(y).enumerate() {
                *out = pair::<E, WEIGHTS>([x, y], [start(k) + i, start(k + 1) + i]);
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
                        *out = pair::<E, WEIGHTS>(two, [start + k + 2 * i, start + k + 2 * i + 1]);
                    }
                    if let &[x] = rest {
                        pairs[count / 2] = pair::<E, WEIGHTS>([x, E::zeroed()], [place(count - 1), 0]);
                    }
                } else {
                    let at = |i: usize| if i < count { values[place(i)] } else { E::zeroed() };
                    for (i, out) in pairs[..count.div_ceil(2)].iter_mut().enumerate() {
                        *out = pair::<E, WEIGHTS>([at(2 * i), at(2 * i + 1)], [place(2 * i), place(2 * i + 1)]);
                    }
                }
                for (line, &pair) in part.chunks_exact_mut(WIDTH).zip(&pairs) {
                    line[i] = pair;
                }
            }
        }
    }
}

impl<E: Entry, const WIDTH: usize> WithSimd for Panel<'_, E, WIDTH> {
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
