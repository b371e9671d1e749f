//! A group by itself: `x ≈ step · q - minimum`, with codes from 0 and no minimum below 0.

/// Values in a group.
pub(super) const GROUP: usize = 32;
/// Steps that the group's range is divided into at first: so many tenths fewer and more than there are.
const TENTHS: std::ops::RangeInclusive<i32> = -10..=10;
/// Turns of choosing codes for a line and a line for codes.
const TURNS: usize = 3;

/// Where the codes of a group lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) step: f64,
    pub(super) minimum: f64,
    /// The largest code.
    pub(super) top: f64,
}

impl Line {
    /// The nearest code to each value.
    pub(super) fn codes(self, values: &[f32; GROUP]) -> [f64; GROUP] {
        let inverse = if self.step > 0.0 { 1.0 / self.step } else { 0.0 };
        let halfway_up = |x: f32| (f64::from(x) + self.minimum) * inverse + 0.5;
        values.map(|x| f64::from(halfway_up(x).clamp(0.0, self.top) as i32))
    }

    /// `Σ w (x - x̂)²` with the nearest codes.
    pub(super) fn error(self, values: &[f32; GROUP], weights: &[f64; GROUP]) -> f64 {
        let codes = self.codes(values);
        let of = |((&x, w), q): ((&f32, &f64), f64)| w * (self.step * q - self.minimum - f64::from(x)).powi(2);
        values.iter().zip(weights).zip(codes).map(of).sum()
    }

    /// The line of least error for given codes; none where they are all the same, or fall as the values rise.
    fn through(codes: &[f64; GROUP], values: &[f32; GROUP], weights: &[f64; GROUP], top: f64) -> Option<Self> {
        let [mut w_, mut q_, mut qq, mut x_, mut xq] = [0.0; 5];
        for ((&q, &x), &w) in codes.iter().zip(values).zip(weights) {
            let x = f64::from(x);
            w_ += w;
            q_ += w * q;
            qq += w * q * q;
            x_ += w * x;
            xq += w * x * q;
        }
        let spread = w_ * qq - q_ * q_;
        let free = Self { step: (w_ * xq - q_ * x_) / spread, minimum: (q_ * xq - qq * x_) / spread, top };
        let line = if free.minimum < 0.0 { Self { step: xq / qq, minimum: 0.0, top } } else { free };
        (spread > 0.0 && line.step > 0.0).then_some(line)
    }

    /// The best of some lines, each moved to where its error is least.
    pub(super) fn of(values: &[f32; GROUP], weights: &[f64; GROUP], top: u8) -> Self {
        let top = f64::from(top);
        let lowest = values.iter().fold(0.0f32, |least, &x| x.min(least));
        let highest = values.iter().fold(f32::NEG_INFINITY, |most, &x| x.max(most));
        let (minimum, range) = (-f64::from(lowest), f64::from(highest) - f64::from(lowest));
        let plain = Self { step: range / top, minimum, top };
        let mut best = (plain.error(values, weights), plain);
        let mut keep_better = |line: Self| {
            let error = line.error(values, weights);
            let is_better = error < best.0;
            if is_better {
                best = (error, line);
            }
            is_better
        };
        for tenths in TENTHS {
            let mut line = Self { step: range / (top + f64::from(tenths) / 10.0), minimum, top };
            for _ in 0..TURNS {
                match Self::through(&line.codes(values), values, weights, top) {
                    Some(next) if keep_better(next) => line = next,
                    _ => break,
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient of the error vanishes where the codes are held and the minimum is free.
    #[test]
    fn the_line_through_codes_has_the_least_error() {
        let values: [f32; GROUP] =
            std::array::from_fn(|i| ((i * 37 % 32) as f32 - 14.3) * 0.11 + (i as f32).sin() * 0.1);
        let weights: [f64; GROUP] = std::array::from_fn(|i| 0.5 + (i % 5) as f64);
        let codes = Line { step: 0.25, minimum: 1.6, top: 15.0 }.codes(&values);
        let line = Line::through(&codes, &values, &weights, 15.0).unwrap();
        assert!(line.minimum > 0.0);
        let error = |step: f64, minimum: f64| -> f64 {
            let of = |((&x, w), q): ((&f32, &f64), &f64)| w * (step * q - minimum - f64::from(x)).powi(2);
            values.iter().zip(&weights).zip(&codes).map(of).sum()
        };
        let least = error(line.step, line.minimum);
        for (step, minimum) in [(1e-4, 0.0), (-1e-4, 0.0), (0.0, 1e-4), (0.0, -1e-4), (1e-4, 1e-3)] {
            assert!(error(line.step + step, line.minimum + minimum) > least);
        }
    }

    #[test]
    fn without_range_the_line_is_the_value() {
        let line = |x: f32| Line::of(&[x; GROUP], &super::super::weights(&[x; GROUP]), 15);
        for x in [0.0, -0.7, 0.7, -1e-40, 3e38] {
            let line = line(x);
            assert!(line.minimum >= 0.0 && line.step >= 0.0);
            let error = line.error(&[x; GROUP], &[1.0; GROUP]).sqrt();
            assert!(error <= 1e-12 * f64::from(x.abs()), "{x}: {line:?}");
        }
    }
}
