//! Affine maps by least squares.

use faer::prelude::Solve;
use faer::{Mat, Par, Side, set_global_parallelism};

use crate::EngineError;

/// Sums over pairs of vectors, from which the affine map between them is found without keeping the pairs.
#[derive(Debug, Clone)]
pub struct Moments {
    /// `[in, in]`, of products.
    xx: Mat<f64>,
    /// `[in, out]`, of products.
    xy: Mat<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    /// Of the outputs' squares.
    yy: f64,
    n: usize,
}

/// `y = x M + b`, in float32.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// `[in, out]`, row by row.
    pub matrix: Vec<f32>,
    /// Mean of the inputs.
    pub from: Vec<f64>,
    /// Mean of the outputs.
    pub to: Vec<f64>,
}

impl Moments {
    /// Of nothing yet.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize) -> Self {
        let (xx, xy) = (Mat::zeros(inputs, inputs), Mat::zeros(inputs, outputs));
        Self { xx, xy, x: vec![0.0; inputs], y: vec![0.0; outputs], yy: 0.0, n: 0 }
    }

    /// Pairs that were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Adds pairs: inputs `[n, in]` and outputs `[n, out]`, row by row.
    pub fn add(&mut self, inputs: &[f32], outputs: &[f32]) {
        set_global_parallelism(Par::Seq);
        let n = inputs.len() / self.x.len();
        let of = |values: &[f32], width: usize| Mat::from_fn(n, width, |r, c| f64::from(values[r * width + c]));
        let (x, y) = (of(inputs, self.x.len()), of(outputs, self.y.len()));
        self.xx += x.transpose() * &x;
        self.xy += x.transpose() * &y;
        let sum = |sums: &mut [f64], values: &[f32]| {
            values.chunks(sums.len()).for_each(|row| sums.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v)));
        };
        sum(&mut self.x, inputs);
        sum(&mut self.y, outputs);
        self.yy += outputs.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>();
        self.n += n;
    }

    /// Adds pairs that were added elsewhere.
    pub fn join(&mut self, other: &Self) {
        self.xx += &other.xx;
        self.xy += &other.xy;
        self.x.iter_mut().zip(&other.x).for_each(|(a, b)| *a += b);
        self.y.iter_mut().zip(&other.y).for_each(|(a, b)| *a += b);
        self.yy += other.yy;
        self.n += other.n;
    }

    /// The map with the least squared error plus `ridge` times the inputs' mean variance, for each pair, times its own
    /// squared entries: `M = (X'X + λ I)⁻¹ X'Y` of centred pairs (Hoerl and Kennard, 1970).
    ///
    /// # Errors
    /// When what was added is not finite.
    pub fn solve(&self, ridge: f64) -> Result<Affine, EngineError> {
        set_global_parallelism(Par::Seq);
        let n = self.n.max(1) as f64;
        let mean = |sums: &[f64]| sums.iter().map(|s| s / n).collect::<Vec<f64>>();
        let (from, to) = (mean(&self.x), mean(&self.y));
        let width = from.len();
        let mut xx = Mat::from_fn(width, width, |r, c| self.xx[(r, c)] - n * from[r] * from[c]);
        let xy = Mat::from_fn(width, to.len(), |r, c| self.xy[(r, c)] - n * from[r] * to[c]);
        let variance = (0..width).map(|i| xx[(i, i)]).sum::<f64>() / width.max(1) as f64;
        if variance.partial_cmp(&0.0).is_none() {
            return Err(failed());
        }
        // Where nothing varies, nothing is mapped.
        let weight = if variance > 0.0 { ridge * variance } else { 1.0 };
        (0..width).for_each(|i| xx[(i, i)] += weight);
        let solved = xx.llt(Side::Lower).map_err(|_| failed())?.solve(&xy);
        let flat = (0..width).flat_map(|r| (0..to.len()).map(move |c| (r, c)));
        let matrix: Vec<f32> = flat.map(|at| solved[at] as f32).collect();
        if matrix.iter().any(|x| !x.is_finite()) {
            return Err(failed());
        }
        Ok(Affine { matrix, from, to })
    }

    /// The share of the outputs' variance around their mean that a map found from these pairs leaves; 0 where nothing
    /// varies.
    #[must_use]
    pub fn left(&self, map: &Affine) -> f64 {
        set_global_parallelism(Par::Seq);
        let (n, width, outputs) = (self.n.max(1) as f64, self.x.len(), self.y.len());
        let m = Mat::from_fn(width, outputs, |r, c| f64::from(map.matrix[r * outputs + c]));
        let xx = Mat::from_fn(width, width, |r, c| self.xx[(r, c)] - self.x[r] * self.x[c] / n);
        let mapped = &xx * &m;
        let all = self.yy - self.y.iter().map(|y| y * y).sum::<f64>() / n;
        // Of |y - x M|²: the outputs' own, twice what they share with what they are mapped to, and that alone.
        let mut squares = all;
        for r in 0..width {
            for c in 0..outputs {
                let shared = self.xy[(r, c)] - self.x[r] * self.y[c] / n;
                squares += m[(r, c)] * (mapped[(r, c)] - 2.0 * shared);
            }
        }
        if all > 0.0 { (squares / all).max(0.0) } else { 0.0 }
    }
}

impl Affine {
    /// What vectors `[n, in]` are mapped to, less the mean of the outputs: `[n, out]`.
    #[must_use]
    pub fn centred(&self, inputs: &[f32]) -> Vec<f32> {
        let (width, outputs) = (self.from.len(), self.to.len());
        set_global_parallelism(Par::Seq);
        let n = inputs.len() / width.max(1);
        let x = Mat::from_fn(n, width, |r, c| (f64::from(inputs[r * width + c]) - self.from[c]) as f32);
        let map = Mat::from_fn(width, outputs, |r, c| self.matrix[r * outputs + c]);
        let y = x * map;
        (0..n).flat_map(|r| (0..outputs).map(move |c| (r, c))).map(|at| y[at]).collect()
    }

    /// What vectors `[n, in]` are mapped to: `[n, out]`.
    #[must_use]
    pub fn apply(&self, inputs: &[f32]) -> Vec<f32> {
        let mut y = self.centred(inputs);
        y.chunks_mut(self.to.len().max(1)).for_each(|row| {
            row.iter_mut().zip(&self.to).for_each(|(y, mean)| *y += *mean as f32);
        });
        y
    }
}

fn failed() -> EngineError {
    EngineError::Tensor { message: "a least-squares fit failed: a state is not finite".into() }
}

#[cfg(test)]
mod tests {
    use unlearn_core::seed;

    use super::*;

    const SHAPE: [usize; 3] = [60, 7, 3];

    fn draw(name: &str, n: usize) -> Vec<f32> {
        seed::normal(3, name, n).into_iter().map(|x| x as f32).collect()
    }

    /// Inputs, and what a known map makes of them.
    fn pairs() -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let [n, inputs, outputs] = SHAPE;
        let (x, map) = (draw("x", n * inputs), draw("map", inputs * outputs));
        let y = x.chunks(inputs).flat_map(|row| {
            let map = &map;
            (0..outputs).map(move |c| 2.0 + row.iter().enumerate().map(|(r, v)| v * map[r * outputs + c]).sum::<f32>())
        });
        (x.clone(), y.collect(), map)
    }

    #[test]
    fn a_map_is_found_again_whatever_the_parts() {
        let [_, inputs, outputs] = SHAPE;
        let (x, y, map) = pairs();
        let mut whole = Moments::new(inputs, outputs);
        whole.add(&x, &y);
        let (mut first, mut rest) = (Moments::new(inputs, outputs), Moments::new(inputs, outputs));
        first.add(&x[..10 * inputs], &y[..10 * outputs]);
        rest.add(&x[10 * inputs..], &y[10 * outputs..]);
        first.join(&rest);
        assert_eq!((whole.len(), first.len()), (60, 60));
        for moments in [whole, first] {
            let found = moments.solve(1e-9).expect("a map");
            assert!(found.matrix.iter().zip(&map).all(|(a, b)| (a - b).abs() < 1e-4));
            assert!(found.apply(&x).iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-3));
            assert!(moments.left(&found) < 1e-6);
        }
    }

    #[test]
    fn the_gradient_of_what_is_least_is_nought() {
        let [n, inputs, outputs] = SHAPE;
        let (x, ridge) = (draw("x", n * inputs), 0.3);
        let y = draw("other", n * outputs);
        let mut moments = Moments::new(inputs, outputs);
        moments.add(&x, &y);
        let found = moments.solve(ridge).expect("a map");
        let centred = |r: usize, i: usize| f64::from(x[r * inputs + i]) - found.from[i];
        let variance: f64 =
            (0..n).flat_map(|r| (0..inputs).map(move |i| (r, i))).map(|(r, i)| centred(r, i).powi(2)).sum::<f64>()
                / inputs as f64;
        let predicted = found.apply(&x);
        let square = |y: &[f32], z: &dyn Fn(usize) -> f64| -> f64 {
            y.iter().enumerate().map(|(i, y)| (f64::from(*y) - z(i)).powi(2)).sum()
        };
        let left = square(&y, &|i| f64::from(predicted[i])) / square(&y, &|i| found.to[i % outputs]);
        assert!((moments.left(&found) - left).abs() < 1e-5, "{} and {left}", moments.left(&found));
        for i in 0..inputs {
            for o in 0..outputs {
                let error = |r: usize| f64::from(predicted[r * outputs + o]) - f64::from(y[r * outputs + o]);
                let slope: f64 = (0..n).map(|r| centred(r, i) * error(r)).sum();
                let penalty = ridge * variance * f64::from(found.matrix[i * outputs + o]);
                assert!((slope + penalty).abs() < 1e-3, "{slope} and {penalty}");
            }
        }
    }

    #[test]
    fn what_does_not_vary_is_mapped_to_the_mean_and_no_number_is_an_error() {
        let mut still = Moments::new(2, 1);
        still.add(&[1.0, 2.0, 1.0, 2.0], &[3.0, 5.0]);
        assert_eq!(still.solve(0.1).expect("a map").apply(&[7.0, 7.0]), vec![4.0]);
        let mut broken = Moments::new(1, 1);
        broken.add(&[f32::NAN], &[1.0]);
        assert!(broken.solve(0.1).is_err());
    }
}
