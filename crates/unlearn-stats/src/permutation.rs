//! Permutation tests: how often chance alone, by exchanging labels or signs, gives as much as was seen.
//!
//! Labels are exchanged over whole clusters (see [`clusters`](crate::clusters)), because the values of one cluster are
//! not exchangeable with those of another one by one; for values that stand alone there is
//! [`alone`](crate::clusters::alone). Every arrangement is tried where there are at most [`MOST_ARRANGEMENTS`], and the
//! p-value is the share that reaches what was seen. Otherwise m arrangements are drawn, and it is (b + 1) / (m + 1) for
//! the b that do, which holds its level whatever m is (Phipson and Smyth, 2010).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::bootstrap::mean;
use crate::random::shuffle_first;

/// As many arrangements are tried one by one; of more, some are drawn.
pub const MOST_ARRANGEMENTS: u64 = 20_000;

/// Statistics that differ by less than this share of the largest one are equal: they differ by rounding.
const ROUNDING: f64 = 1e-12;

/// Which way a statistic must go to speak against chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alternative {
    /// Away from 0, on either side. The statistic must be one that chance scatters around 0.
    TwoSided,
    /// Up.
    Greater,
    /// Down.
    Less,
}

/// How a test is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutation {
    /// Which way the statistic must go.
    pub alternative: Alternative,
    /// How many arrangements are drawn where not every one is tried.
    pub draws: usize,
    /// Where the draws begin.
    pub seed: u64,
}

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// The statistic as it was seen.
    pub statistic: f64,
    /// The probability of as much by chance.
    pub p_value: f64,
    /// Whether every arrangement was tried.
    pub exact: bool,
    /// The smallest probability that can come out, whatever the values: of few clusters there are few arrangements.
    pub least: f64,
}

impl Permutation {
    /// A two-sided test of 9999 draws.
    pub fn seeded(seed: u64) -> Self {
        Self { alternative: Alternative::TwoSided, draws: 9999, seed }
    }

    /// Tests the difference of means, mean(`a`) - mean(`b`) over all their values, with labels exchanged by cluster.
    ///
    /// `None` where a side has no cluster, a cluster no value, or a value is not finite.
    ///
    /// # Examples
    /// ```
    /// use unlearn_stats::{clusters::alone, permutation::Permutation};
    /// let tested = Permutation::seeded(0).difference_of_means(&alone(&[3.0, 4.0]), &alone(&[1.0, 2.0])).unwrap();
    /// assert_eq!((tested.statistic, tested.exact), (2.0, true));
    /// assert_eq!(tested.p_value, 2.0 / 6.0);
    /// ```
    pub fn difference_of_means(&self, a: &[Vec<f64>], b: &[Vec<f64>]) -> Option<Tested> {
        self.two_sample(a, b, |a, b| Some(mean(a)? - mean(b)?))
    }

    /// Tests any statistic of two samples of clusters, which sees the values of each side in one list.
    ///
    /// `None` where a side has no cluster, a cluster no value, a value is not finite, or the statistic of any
    /// arrangement is not defined (`None`) or not finite.
    pub fn two_sample(
        &self,
        a: &[Vec<f64>],
        b: &[Vec<f64>],
        statistic: impl Fn(&[f64], &[f64]) -> Option<f64>,
    ) -> Option<Tested> {
        if a.is_empty() || b.is_empty() || !usable(a) || !usable(b) {
            return None;
        }
        let clusters: Vec<&[f64]> = a.iter().chain(b).map(Vec::as_slice).collect();
        let of = |first: &[usize], second: &[usize]| {
            let values =
                |chosen: &[usize]| chosen.iter().flat_map(|index| clusters[*index]).copied().collect::<Vec<_>>();
            statistic(&values(first), &values(second)).filter(|statistic| statistic.is_finite())
        };
        let mut order: Vec<usize> = (0..clusters.len()).collect();
        let seen = of(&order[..a.len()], &order[a.len()..])?;
        let exact = combinations(clusters.len(), a.len()) <= MOST_ARRANGEMENTS;
        let others = if exact {
            every_choice(clusters.len(), a.len()).iter().map(|(first, second)| of(first, second)).collect::<Option<_>>()
        } else {
            let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
            let drawn = (0..self.draws).map(|_| {
                shuffle_first(&mut order, a.len(), &mut generator);
                of(&order[..a.len()], &order[a.len()..])
            });
            drawn.collect::<Option<Vec<f64>>>()
        };
        Some(self.judge(seen, &others?, exact))
    }

    /// Tests whether paired differences scatter around 0, by their mean: under chance each cluster of differences could
    /// as well have had the other sign.
    ///
    /// `None` without clusters, where a cluster has no value, and where a value is not finite.
    ///
    /// # Examples
    /// ```
    /// use unlearn_stats::{clusters::alone, permutation::Permutation};
    /// let tested = Permutation::seeded(0).mean_of_differences(&alone(&[1.0, 2.0, 1.5])).unwrap();
    /// assert_eq!(tested.p_value, 2.0 / 8.0);
    /// ```
    pub fn mean_of_differences(&self, differences: &[Vec<f64>]) -> Option<Tested> {
        self.sign_flip(differences, mean)
    }

    /// Tests any statistic of paired differences by flipping the signs of whole clusters.
    ///
    /// `None` as in [`mean_of_differences`](Self::mean_of_differences), and where the statistic of any arrangement is
    /// not defined (`None`) or not finite.
    pub fn sign_flip(&self, differences: &[Vec<f64>], statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Tested> {
        if differences.is_empty() || !usable(differences) {
            return None;
        }
        let of = |flipped: &dyn Fn(usize) -> bool| {
            let signed = differences.iter().enumerate().flat_map(|(index, cluster)| {
                let sign = if flipped(index) { -1.0 } else { 1.0 };
                cluster.iter().map(move |value| sign * value)
            });
            statistic(&signed.collect::<Vec<_>>()).filter(|statistic| statistic.is_finite())
        };
        let seen = of(&|_| false)?;
        let arrangements = u32::try_from(differences.len()).ok().and_then(|count| 1_u64.checked_shl(count));
        let few = arrangements.filter(|arrangements| *arrangements <= MOST_ARRANGEMENTS);
        let others = if let Some(arrangements) = few {
            (0..arrangements).map(|signs| of(&|index| signs >> index & 1 == 1)).collect::<Option<Vec<f64>>>()
        } else {
            let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
            let drawn = (0..self.draws).map(|_| {
                let signs: Vec<bool> = differences.iter().map(|_| generator.next_u64() >> 63 == 1).collect();
                of(&|index| signs[index])
            });
            drawn.collect()
        };
        Some(self.judge(seen, &others?, few.is_some()))
    }

    fn judge(&self, statistic: f64, others: &[f64], exact: bool) -> Tested {
        let tolerance = ROUNDING * others.iter().fold(statistic.abs(), |largest, other| largest.max(other.abs()));
        let towards = |value: f64| match self.alternative {
            Alternative::TwoSided => value.abs(),
            Alternative::Greater => value,
            Alternative::Less => -value,
        };
        let reaching = others.iter().filter(|other| towards(**other) >= towards(statistic) - tolerance).count();
        let itself = usize::from(!exact);
        let all = (others.len() + itself) as f64;
        // Against an alternative on either side, the opposite of an arrangement counts as much as itself.
        let least = if exact && self.alternative == Alternative::TwoSided { 2.0 } else { 1.0 };
        Tested { statistic, p_value: (reaching + itself) as f64 / all, exact, least: (least / all).min(1.0) }
    }
}

fn usable(clusters: &[Vec<f64>]) -> bool {
    clusters.iter().all(|cluster| !cluster.is_empty() && cluster.iter().all(|value| value.is_finite()))
}

/// n choose k, or a number above [`MOST_ARRANGEMENTS`] where it is above that.
fn combinations(n: usize, k: usize) -> u64 {
    let mut count: u64 = 1;
    for taken in 0..k.min(n - k) as u64 {
        // The product is divisible: it is (taken + 1) times a binomial coefficient.
        count = count * (n as u64 - taken) / (taken + 1);
        if count > MOST_ARRANGEMENTS {
            break;
        }
    }
    count
}

/// Every way to part 0..n into `k` and the rest, both in ascending order.
fn every_choice(n: usize, k: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut choices = Vec::new();
    let mut chosen: Vec<usize> = (0..k).collect();
    loop {
        choices.push((chosen.clone(), (0..n).filter(|index| chosen.binary_search(index).is_err()).collect()));
        let Some(place) = (0..k).rev().find(|place| chosen[*place] < n - k + place) else { return choices };
        let next = chosen[place] + 1;
        for (offset, index) in chosen[place..].iter_mut().enumerate() {
            *index = next + offset;
        }
    }
}
