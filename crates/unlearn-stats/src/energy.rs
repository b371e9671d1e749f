//! The energy distance of two samples of points, and the test that it makes: whether both come from one distribution.

use crate::bootstrap::mean;
use crate::clusters::alone;
use crate::permutation::{Alternative, Permutation, Tested};

/// Points of which every distance is known, such as the states of a model at some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    /// How many points stand together.
    sizes: Vec<usize>,
    /// Between two of them, the sum over all pairs.
    apart: Vec<f64>,
}

impl Distances {
    /// The Euclidean distances of row-major points of one width.
    ///
    /// `None` for points without width, where the length is no multiple of it, and where a value is not finite.
    pub fn of<T: Copy + Into<f64>>(values: &[T], width: usize) -> Option<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return None;
        }
        let rows: Vec<Vec<f64>> = values.chunks_exact(width).map(|r| r.iter().map(|&x| x.into()).collect()).collect();
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
        let all: Vec<f64> = rows.iter().flat_map(|a| rows.iter().map(move |b| apart(a, b))).collect();
        all.iter().all(|x| x.is_finite()).then(|| Self { sizes: vec![1; rows.len()], apart: all })
    }

    /// The same with points put together, so that each cluster counts as one point of its size.
    ///
    /// `None` where a cluster is empty or names a point that is not there.
    fn together(&self, clusters: &[&Vec<usize>]) -> Option<Self> {
        let size = |points: &&Vec<usize>| points.iter().map(|point| self.sizes.get(*point)).sum::<Option<usize>>();
        let sizes: Vec<usize> = clusters.iter().map(size).collect::<Option<_>>()?;
        let pairs = clusters.iter().flat_map(|a| clusters.iter().map(move |b| self.sum(a, b)));
        (!sizes.contains(&0)).then(|| Self { apart: pairs.collect(), sizes })
    }

    /// The sum of the distances of all pairs.
    fn sum(&self, a: &[usize], b: &[usize]) -> f64 {
        a.iter().map(|i| b.iter().map(|j| self.apart[i * self.sizes.len() + j]).sum::<f64>()).sum()
    }

    /// The energy distance 2 E‖X - Y‖ - E‖X - X′‖ - E‖Y - Y′‖ of two of its samples, given by their points' places;
    /// every mean is over all pairs, a point with itself included, so that it is never below 0.
    ///
    /// `None` where a sample is empty or names a point that is not there.
    ///
    /// # Source
    /// Székely and Rizzo, "Energy statistics: a class of statistics based on distances" (2013). Of points on a line it
    /// is the square of `scipy.stats.energy_distance`.
    pub fn energy(&self, a: &[usize], b: &[usize]) -> Option<f64> {
        let [across, within] = self.means(a, b)?;
        Some((2.0 * across - within).max(0.0))
    }

    /// The energy distance as a share of 2 E‖X - Y‖: 0 where the samples are the same, 1 where each is one point. It does
    /// not change where all points are scaled, shifted or rotated. Points that are all the same have 0.
    ///
    /// `None` as [`energy`](Self::energy).
    ///
    /// # Examples
    /// ```
    /// use unlearn_stats::energy::Distances;
    /// let points = Distances::of(&[0.0, 0.0, 3.0, 4.0], 2).unwrap();
    /// assert_eq!((points.energy(&[0], &[1]), points.share(&[0], &[1])), (Some(10.0), Some(1.0)));
    /// ```
    pub fn share(&self, a: &[usize], b: &[usize]) -> Option<f64> {
        let [across, within] = self.means(a, b)?;
        let share = (2.0 * across - within) / (2.0 * across);
        Some(if across > 0.0 { share.clamp(0.0, 1.0) } else { 0.0 })
    }

    /// E‖X - Y‖, and E‖X - X′‖ + E‖Y - Y′‖.
    fn means(&self, a: &[usize], b: &[usize]) -> Option<[f64; 2]> {
        if a.is_empty() || b.is_empty() || a.iter().chain(b).any(|point| *point >= self.sizes.len()) {
            return None;
        }
        let count = |places: &[usize]| places.iter().map(|place| self.sizes[*place]).sum::<usize>() as f64;
        let mean = |a: &[usize], b: &[usize]| self.sum(a, b) / (count(a) * count(b));
        Some([mean(a, b), mean(a, a) + mean(b, b)])
    }
}

/// Tests whether two samples of clusters of points come from one distribution, by their mean [share](Distances::share)
/// over several views of the same points (such as a model's blocks), with labels exchanged over whole clusters.
///
/// `None` without a view, where a sample has no cluster or a cluster no point, and where a view lacks a point.
pub fn test(views: &[Distances], a: &[Vec<usize>], b: &[Vec<usize>], permutation: Permutation) -> Option<Tested> {
    let clusters: Vec<&Vec<usize>> = a.iter().chain(b).collect();
    let views: Vec<Distances> = views.iter().map(|view| view.together(&clusters)).collect::<Option<_>>()?;
    let places = |values: &[f64]| values.iter().map(|&place| place as usize).collect::<Vec<_>>();
    let statistic = |a: &[f64], b: &[f64]| {
        let (a, b) = (places(a), places(b));
        mean(&views.iter().map(|view| view.share(&a, &b)).collect::<Option<Vec<f64>>>()?)
    };
    // What is exchanged are the clusters' places.
    let named = |places: std::ops::Range<usize>| alone(&places.map(|place| place as f64).collect::<Vec<_>>());
    let permutation = Permutation { alternative: Alternative::Greater, ..permutation };
    permutation.two_sample(&named(0..a.len()), &named(a.len()..clusters.len()), statistic)
}
