//! Eight groups whose steps and minima are 6-bit numbers, each kind times a 16-bit float of the block.

use half::f16;

use super::affine::{GROUP, Line};
use super::{VALUES, at_least, nearest, weights};

/// Groups in a block.
pub(super) const GROUPS: usize = VALUES / GROUP;
/// The largest of six-bit numbers.
const MOST: f64 = 63.0;
/// Turns of choosing the small numbers for the block's, and the block's for the small ones.
const TURNS: usize = 3;

/// What a block holds beside its codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SuperBlock {
    pub(super) scale: f16,
    pub(super) minimum: f16,
    /// Of each group, the step in units of `scale` and the minimum in units of `minimum`.
    pub(super) small: [[u8; 2]; GROUPS],
    top: u8,
}

/// The values of a block, group by group, with their weights.
type Weighted<'a> = [(&'a [f32; GROUP], [f64; GROUP]); GROUPS];

impl SuperBlock {
    /// For codes from 0 to `top`.
    pub(super) fn of(values: &[f32; VALUES], top: u8) -> Self {
        if !values.iter().all(|x| x.is_finite()) {
            return Self { scale: f16::NAN, minimum: f16::NAN, small: [[0; 2]; GROUPS], top };
        }
        let groups = weighted(values);
        let lines = groups.map(|(values, weights)| Line::of(values, &weights, top));
        let most = |of: fn(&Line) -> f64| at_least(lines.iter().map(of).fold(0.0, f64::max) / MOST);
        let (scale, minimum) = (most(|line| line.step), most(|line| line.minimum));
        let mut best = Self { scale, minimum, small: [[0; 2]; GROUPS], top };
        if !scale.is_finite() || !minimum.is_finite() {
            return best;
        }
        let mut error = best.choose(&groups, |group| lines[group]);
        for _ in 0..TURNS {
            let Some(mut next) = best.rescaled(&groups) else { break };
            let found = next.choose(&groups, |group| best.line(group));
            if found >= error {
                break;
            }
            (best, error) = (next, found);
        }
        best
    }

    /// The nearest code to each value.
    pub(super) fn codes(&self, values: &[f32; VALUES]) -> [u8; VALUES] {
        let mut codes = [0; VALUES];
        let groups = codes.as_chunks_mut::<GROUP>().0.iter_mut().zip(values.as_chunks::<GROUP>().0);
        for (group, (codes, values)) in groups.enumerate() {
            *codes = self.line(group).codes(values).map(|code| code as u8);
        }
        codes
    }

    /// A group's line, of products that are rounded as a reader of the file rounds them.
    fn line(&self, group: usize) -> Line {
        let [step, minimum] = self.small[group];
        let times = |scale: f16, small: u8| f64::from(scale.to_f32() * f32::from(small));
        Line { step: times(self.scale, step), minimum: times(self.minimum, minimum), top: f64::from(self.top) }
    }

    /// Sets the small numbers of every group: those nearest to the line that is wanted, or their neighbours if the error
    /// is less there. Returns the error.
    fn choose(&mut self, groups: &Weighted<'_>, wanted: impl Fn(usize) -> Line) -> f64 {
        let mut all = 0.0;
        for (group, (values, weights)) in groups.iter().enumerate() {
            let line = wanted(group);
            let mut best = (f64::INFINITY, [0; 2]);
            for step in around(line.step, self.scale) {
                for minimum in around(line.minimum, self.minimum) {
                    self.small[group] = [step, minimum];
                    let error = self.line(group).error(values, weights);
                    if error < best.0 {
                        best = (error, [step, minimum]);
                    }
                }
            }
            self.small[group] = best.1;
            all += best.0;
        }
        all
    }

    /// The block's two scales of least error for the small numbers and the codes as they are; none where nothing
    /// depends on them, or they would be negative.
    fn rescaled(&self, groups: &Weighted<'_>) -> Option<Self> {
        let [mut ss, mut sm, mut mm, mut xs, mut xm] = [0.0; 5];
        for (group, (values, weights)) in groups.iter().enumerate() {
            let [step, minimum] = self.small[group].map(f64::from);
            let codes = self.line(group).codes(values);
            for ((&x, w), q) in values.iter().zip(weights).zip(codes) {
                let (x, s) = (f64::from(x), step * q);
                ss += w * s * s;
                sm += w * s * minimum;
                mm += w * minimum * minimum;
                xs += w * x * s;
                xm += w * x * minimum;
            }
        }
        let spread = ss * mm - sm * sm;
        let [scale, minimum] = match (ss > 0.0, mm > 0.0) {
            (true, true) if spread > 0.0 => [(xs * mm - xm * sm) / spread, (xs * sm - xm * ss) / spread],
            (true, false) => [xs / ss, 0.0],
            (false, true) => [0.0, -xm / mm],
            _ => return None,
        };
        let rescaled = Self { scale: nearest(scale), minimum: nearest(minimum), ..*self };
        (scale >= 0.0 && minimum >= 0.0 && rescaled.scale.is_finite() && rescaled.minimum.is_finite())
            .then_some(rescaled)
    }
}

fn weighted(values: &[f32; VALUES]) -> Weighted<'_> {
    let groups = values.as_chunks::<GROUP>().0;
    std::array::from_fn(|group| (&groups[group], weights(&groups[group])))
}

/// The small number whose product with a scale is nearest to what is wanted, and its neighbours.
fn around(wanted: f64, scale: f16) -> impl Iterator<Item = u8> + Clone {
    let near = if scale.to_f64() > 0.0 { (wanted / scale.to_f64()).round().min(MOST) } else { 0.0 } as u8;
    near.saturating_sub(1)..=(near + 1).min(MOST as u8)
}
