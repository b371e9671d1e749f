//! The bootstrap (Efron, 1979): how far a statistic would move had the same number of values been drawn again.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::random::{index_below, quantile};

const RESAMPLES: usize = 1000;
const LEVELS: [f64; 2] = [0.025, 0.975];

/// The 95 % percentile bootstrap interval of the mean of `values`: 1000 resamples, the same for the same `seed`.
///
/// `None` for fewer than two values, which say nothing about their spread, and where a value is not finite.
/// Percentiles between two resamples are interpolated linearly.
///
/// # Examples
/// ```
/// use unlearn_stats::bootstrap::mean_interval;
/// assert_eq!(mean_interval(&[0.5; 8], 0), Some([0.5, 0.5]));
/// assert_eq!(mean_interval(&[0.5], 0), None);
/// ```
pub fn mean_interval(values: &[f64], seed: u64) -> Option<[f64; 2]> {
    Bootstrap::seeded(seed).interval(values, bounded_mean(values))
}

/// [`mean_interval`] of clustered values: whole clusters are drawn, as [`Bootstrap::cluster_interval`] does.
///
/// Where every cluster holds one value, it is the same interval. `None` for fewer than two clusters.
///
/// # Examples
/// ```
/// use unlearn_stats::bootstrap::cluster_mean_interval;
/// assert_eq!(cluster_mean_interval(&[vec![0.0, 0.0], vec![1.0, 1.0]], 7), Some([0.0, 1.0]));
/// assert_eq!(cluster_mean_interval(&[vec![0.0, 1.0]], 7), None);
/// ```
pub fn cluster_mean_interval(clusters: &[Vec<f64>], seed: u64) -> Option<[f64; 2]> {
    Bootstrap::seeded(seed).cluster_interval(clusters, bounded_mean(clusters.iter().flatten()))
}

/// The mean as a statistic of resamples of `values`: rounding must not carry it past every value it is the mean of.
fn bounded_mean<'a>(values: impl IntoIterator<Item = &'a f64>) -> impl Fn(&[f64]) -> Option<f64> {
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    let (lowest, highest) = values.into_iter().fold(ends, |(low, high), x| (low.min(*x), high.max(*x)));
    move |resample| mean(resample).map(|mean| mean.max(lowest).min(highest))
}

/// The percentile bootstrap: how many resamples are drawn, from which seed, and how wide the interval is.
///
/// Every method gives the same interval for the same seed. It gives `None` where there are fewer than two values (or
/// pairs, or clusters) to draw from, where a value is not finite, and where the statistic of any resample is not
/// defined (`None`) or not finite. Percentiles between two resamples are interpolated linearly.
///
/// A percentile interval is too narrow for few values (below about 20), and empty of meaning where all are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How many resamples are drawn, at least 1.
    pub resamples: usize,
    /// The shares of resamples below the lower and below the upper end, ascending, in [0, 1].
    pub levels: [f64; 2],
    /// Where the draws begin.
    pub seed: u64,
}

impl Bootstrap {
    /// 1000 resamples and a 95 % interval.
    pub fn seeded(seed: u64) -> Self {
        Self { resamples: RESAMPLES, levels: LEVELS, seed }
    }

    /// The interval of any statistic of one sample.
    ///
    /// # Examples
    /// ```
    /// use unlearn_stats::{bootstrap::Bootstrap, hmean::harmonic_mean};
    /// assert_eq!(Bootstrap::seeded(0).interval(&[0.5; 4], harmonic_mean), Some([0.5, 0.5]));
    /// ```
    pub fn interval(&self, values: &[f64], statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<[f64; 2]> {
        if values.len() < 2 || !all_finite(values) {
            return None;
        }
        let mut resample = Vec::with_capacity(values.len());
        self.of(|generator| {
            draw_again(values, &mut resample, generator);
            statistic(&resample)
        })
    }

    /// The interval of mean(`a`) - mean(`b`), where `a[i]` and `b[i]` were measured on the same item.
    ///
    /// Items are drawn, so that what an item adds to both cancels. `None` too where the lengths differ.
    pub fn paired_difference_interval(&self, a: &[f64], b: &[f64]) -> Option<[f64; 2]> {
        self.paired_interval(a, b, |a, b| mean(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()))
    }

    /// The interval of any statistic of two equally long lists, `a[i]` and `b[i]` being drawn together.
    ///
    /// `None` too where the lengths differ.
    pub fn paired_interval(
        &self,
        a: &[f64],
        b: &[f64],
        statistic: impl Fn(&[f64], &[f64]) -> Option<f64>,
    ) -> Option<[f64; 2]> {
        if a.len() != b.len() || a.len() < 2 || !all_finite(a) || !all_finite(b) {
            return None;
        }
        let (mut drawn_a, mut drawn_b) = (a.to_vec(), b.to_vec());
        self.of(|generator| {
            for place in 0..a.len() {
                let index = index_below(a.len(), generator);
                (drawn_a[place], drawn_b[place]) = (a[index], b[index]);
            }
            statistic(&drawn_a, &drawn_b)
        })
    }

    /// The interval of mean(`a`) - mean(`b`) of two samples that have nothing to do with each other.
    pub fn difference_interval(&self, a: &[f64], b: &[f64]) -> Option<[f64; 2]> {
        self.two_sample_interval(a, b, |a, b| Some(mean(a)? - mean(b)?))
    }

    /// The interval of any statistic of two samples, each drawn again from itself.
    pub fn two_sample_interval(
        &self,
        a: &[f64],
        b: &[f64],
        statistic: impl Fn(&[f64], &[f64]) -> Option<f64>,
    ) -> Option<[f64; 2]> {
        if a.len() < 2 || b.len() < 2 || !all_finite(a) || !all_finite(b) {
            return None;
        }
        let (mut drawn_a, mut drawn_b) = (Vec::with_capacity(a.len()), Vec::with_capacity(b.len()));
        self.of(|generator| {
            draw_again(a, &mut drawn_a, generator);
            draw_again(b, &mut drawn_b, generator);
            statistic(&drawn_a, &drawn_b)
        })
    }

    /// The interval of a statistic of clustered values: whole clusters are drawn, as many as there are.
    ///
    /// Values of one cluster (the questions about one person) depend on each other; drawn one by one they would make
    /// the interval too narrow. The statistic sees all values of the drawn clusters in one list, whose length varies
    /// where clusters differ in size. Clusters come from [`by_cluster`](crate::clusters::by_cluster); none may be
    /// empty.
    ///
    /// # Examples
    /// ```
    /// use unlearn_stats::{bootstrap::{Bootstrap, mean}, clusters::by_cluster};
    /// let clusters = by_cluster(&[0.0, 0.0, 1.0, 1.0], &["ann", "ann", "bo", "bo"]).unwrap();
    /// assert_eq!(Bootstrap::seeded(0).cluster_interval(&clusters, mean), Some([0.0, 1.0]));
    /// ```
    pub fn cluster_interval(
        &self,
        clusters: &[Vec<f64>],
        statistic: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<[f64; 2]> {
        if !can_be_drawn(clusters) {
            return None;
        }
        let mut resample = Vec::new();
        self.of(|generator| {
            draw_clusters(clusters, &mut resample, generator);
            statistic(&resample)
        })
    }

    /// The interval of any statistic of two samples of clusters, each drawn again from itself, cluster by cluster.
    ///
    /// Where every cluster holds one value, it is [`two_sample_interval`](Self::two_sample_interval).
    pub fn two_sample_cluster_interval(
        &self,
        a: &[Vec<f64>],
        b: &[Vec<f64>],
        statistic: impl Fn(&[f64], &[f64]) -> Option<f64>,
    ) -> Option<[f64; 2]> {
        if !can_be_drawn(a) || !can_be_drawn(b) {
            return None;
        }
        let (mut drawn_a, mut drawn_b) = (Vec::new(), Vec::new());
        self.of(|generator| {
            draw_clusters(a, &mut drawn_a, generator);
            draw_clusters(b, &mut drawn_b, generator);
            statistic(&drawn_a, &drawn_b)
        })
    }

    fn of(&self, mut resampled: impl FnMut(&mut ChaCha8Rng) -> Option<f64>) -> Option<[f64; 2]> {
        let [lower, upper] = self.levels;
        if self.resamples == 0 || !(0.0 <= lower && lower <= upper && upper <= 1.0) {
            return None;
        }
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let draw = |_| resampled(&mut generator).filter(|statistic| statistic.is_finite());
        let mut statistics = (0..self.resamples).map(draw).collect::<Option<Vec<f64>>>()?;
        statistics.sort_unstable_by(f64::total_cmp);
        Some(self.levels.map(|level| quantile(&statistics, level)))
    }
}

/// The mean, as a statistic; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn all_finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

fn can_be_drawn(clusters: &[Vec<f64>]) -> bool {
    clusters.len() >= 2 && clusters.iter().all(|cluster| !cluster.is_empty() && all_finite(cluster))
}

fn draw_clusters(clusters: &[Vec<f64>], resample: &mut Vec<f64>, generator: &mut ChaCha8Rng) {
    resample.clear();
    for _ in clusters {
        resample.extend_from_slice(&clusters[index_below(clusters.len(), generator)]);
    }
}

fn draw_again(values: &[f64], resample: &mut Vec<f64>, generator: &mut ChaCha8Rng) {
    resample.clear();
    resample.extend(values.iter().map(|_| values[index_below(values.len(), generator)]));
}
