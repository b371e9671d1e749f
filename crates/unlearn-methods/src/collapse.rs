//! What vectors have in common: their mean and principal components, and projecting it out.

use unlearn_engine::EngineError;
use unlearn_engine::linalg::svd;
use unlearn_engine::tensor::{Device, matrix, values};

/// Sums over vectors of one width, from which their mean and covariance come.
pub(crate) struct Moments {
    width: usize,
    count: usize,
    sum: Vec<f64>,
    /// `Σ x xᵀ`, row by row.
    products: Vec<f64>,
}

/// Unit vectors that are taken out one after the other.
pub(crate) struct Directions {
    width: usize,
    vectors: Vec<Vec<f32>>,
}

impl Moments {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, count: 0, sum: vec![0.0; width], products: vec![0.0; width * width] }
    }

    /// Adds vectors, `[n, width]` row by row.
    pub(crate) fn add(&mut self, vectors: &[f32]) {
        let n = vectors.len() / self.width;
        self.count += n;
        for v in vectors.chunks(self.width) {
            self.sum.iter_mut().zip(v).for_each(|(s, x)| *s += f64::from(*x));
        }
        let all = matrix(vectors.to_vec(), n, self.width, &Device::flex());
        let products = values(all.clone().transpose().matmul(all));
        self.products.iter_mut().zip(products).for_each(|(p, x)| *p += f64::from(x));
    }

    /// The mean and the `n − 1` leading principal components, each of unit length.
    pub(crate) fn directions(&self, n: usize, seed: u64) -> Result<Directions, EngineError> {
        let (width, count) = (self.width, self.count.max(1) as f64);
        let mean: Vec<f64> = self.sum.iter().map(|s| s / count).collect();
        let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut vectors = Vec::new();
        if n > 0 && length > 0.0 {
            vectors.push(mean.iter().map(|x| (x / length) as f32).collect());
        }
        if n > 1 {
            let entry = |(i, p): (usize, &f64)| (p / count - mean[i / width] * mean[i % width]) as f32;
            let covariance: Vec<f32> = self.products.iter().enumerate().map(entry).collect();
            vectors.extend(svd(&covariance, [width, width], n - 1, seed)?.v);
        }
        Ok(Directions { width, vectors })
    }
}

impl Directions {
    /// Takes them out of vectors, `[n, width]` row by row.
    pub(crate) fn take_out(&self, vectors: &mut [f32]) {
        for x in vectors.chunks_mut(self.width) {
            for v in &self.vectors {
                let along: f32 = x.iter().zip(v).map(|(x, v)| x * v).sum();
                x.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlearn_core::seed;

    #[test]
    fn the_last_one_is_gone_exactly_and_the_others_almost() {
        let width = 12;
        // Vectors that mostly lie in a plane, off the origin.
        let (p, q, n) = (seed::normal(1, "p", width), seed::normal(1, "q", width), seed::normal(1, "n", 400 * width));
        let all: Vec<f32> = (0..400)
            .flat_map(|i| {
                let (s, t) = ((i as f64 * 0.7).sin() * 3.0, (i as f64 * 0.3).cos() * 2.0);
                (0..width).map(move |d| (i, d, s, t)).collect::<Vec<_>>()
            })
            .map(|(i, d, s, t)| (1.0 + s * p[d] + t * q[d] + 0.01 * n[i * width + d]) as f32)
            .collect();
        let mut moments = Moments::new(width);
        moments.add(&all[..width * 100]);
        moments.add(&all[width * 100..]);
        let directions = moments.directions(3, 0).expect("decomposes");
        assert_eq!(directions.vectors.len(), 3);
        let mut left = all.clone();
        directions.take_out(&mut left);
        let last = &directions.vectors[2];
        for x in left.chunks(width) {
            let along: f32 = x.iter().zip(last).map(|(x, v)| x * v).sum();
            assert!(along.abs() < 1e-5, "{along}");
        }
        let size = |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        // The mean is not orthogonal to the components that are taken out after it, so that some of it comes back.
        assert!(size(&left) < 0.1 * size(&all), "{} of {}", size(&left), size(&all));
    }
}
