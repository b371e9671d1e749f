//! Exact inference about shares and pairs of shares.

const BISECTIONS: usize = 200;

/// The Clopper–Pearson interval of a share, `successes` of `trials`: it holds the true share with at least the
/// probability `level`, whatever the share is.
///
/// Ends are accurate to about 1e-12. Time grows with `trials`. `None` without trials, with more successes than trials
/// and where `level` is not in (0, 1).
///
/// # Source
/// Clopper and Pearson (1934): the quantiles (1 - level) / 2 of Beta(s, n - s + 1) and (1 + level) / 2 of
/// Beta(s + 1, n - s).
///
/// # Examples
/// ```
/// let [lower, upper] = unlearn_stats::binomial::clopper_pearson(0, 10, 0.95).unwrap();
/// assert_eq!(lower, 0.0);
/// assert!((upper - (1.0 - 0.025_f64.powf(0.1))).abs() < 1e-15);
/// ```
pub fn clopper_pearson(successes: u64, trials: u64, level: f64) -> Option<[f64; 2]> {
    let one_sided = 1.0 - (1.0 - level) / 2.0;
    Some([lower_bound(successes, trials, one_sided)?, upper_bound(successes, trials, one_sided)?])
}

/// The share that the true one is below with at least the probability `level`, given `successes` of `trials`.
///
/// It is the share at which so few successes have the probability 1 - level; for none of n exactly
/// 1 - (1 - level)^(1/n), which is close to 3 / n at 95 %. Errors as [`clopper_pearson`].
///
/// # Examples
/// ```
/// let upper = unlearn_stats::binomial::upper_bound(0, 100, 0.95).unwrap();
/// assert!((upper - 0.0295).abs() < 1e-4);
/// ```
pub fn upper_bound(successes: u64, trials: u64, level: f64) -> Option<f64> {
    if trials == 0 || successes > trials || !(level > 0.0 && level < 1.0) {
        return None;
    }
    if successes == trials {
        return Some(1.0);
    }
    if successes == 0 {
        return Some(-((1.0 - level).ln() / trials as f64).exp_m1());
    }
    let tail = Tail::new(successes, trials);
    let (mut low, mut high) = (successes as f64 / trials as f64, 1.0);
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if tail.at_most(middle) > 1.0 - level { low = middle } else { high = middle }
    }
    Some(high)
}

/// The share that the true one is above with at least the probability `level`, given `successes` of `trials`.
///
/// Errors as [`clopper_pearson`].
pub fn lower_bound(successes: u64, trials: u64, level: f64) -> Option<f64> {
    if successes == trials && trials > 0 && level > 0.0 && level < 1.0 {
        return Some(((1.0 - level).ln() / trials as f64).exp());
    }
    Some(1.0 - upper_bound(trials.checked_sub(successes)?, trials, level)?)
}

/// The p-value of McNemar's exact test: of the items that two subjects answer differently, `only_first` and
/// `only_second` are right in one alone, and chance would part them like fair coins. Two-sided.
///
/// 1 where they differ in none. Time grows with the smaller number.
///
/// # Source
/// McNemar (1947) in its exact form, min(1, 2 P(X ≤ min(b, c))) for X ~ Binomial(b + c, 1/2).
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::binomial::mcnemar_exact(0, 4), 0.125);
/// ```
pub fn mcnemar_exact(only_first: u64, only_second: u64) -> f64 {
    if only_first == only_second {
        return 1.0;
    }
    let fewer = only_first.min(only_second);
    (2.0 * Tail::new(fewer, only_first + only_second).at_most(0.5)).min(1.0)
}

/// p-values as Holm adjusts them for their number: those below a level are significant together at that level.
///
/// The smallest of m is multiplied by m, the next by m - 1 and so on; none is below one before it, none above 1. The
/// order of the result is that of the input. `None` where a p-value is not in [0, 1].
///
/// # Source
/// Holm, "A simple sequentially rejective multiple test procedure" (1979).
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::binomial::holm(&[0.5, 0.125]), Some(vec![0.5, 0.25]));
/// ```
pub fn holm(p_values: &[f64]) -> Option<Vec<f64>> {
    if p_values.iter().any(|p_value| !(0.0..=1.0).contains(p_value)) {
        return None;
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.iter().enumerate() {
        largest = largest.max((p_values[*index] * (p_values.len() - rank) as f64).min(1.0));
        adjusted[*index] = largest;
    }
    Some(adjusted)
}

/// The lower tail P(X ≤ successes) of Binomial(trials, share), as a function of the share.
struct Tail {
    successes: u64,
    trials: u64,
    /// ln C(n, k) and ln C(n, k + 1).
    ln_choices: [f64; 2],
}

impl Tail {
    fn new(successes: u64, trials: u64) -> Self {
        Self { successes, trials, ln_choices: [successes, successes + 1].map(|taken| ln_choose(trials, taken)) }
    }

    /// Terms are summed from the largest outwards, on the side of the mean where they fall.
    fn at_most(&self, share: f64) -> f64 {
        let (k, n) = (self.successes, self.trials);
        let odds = share / (1.0 - share);
        let term = |successes: u64, ln_choices: f64| {
            (ln_choices + successes as f64 * share.ln() + (n - successes) as f64 * (-share).ln_1p()).exp()
        };
        if (k as f64) < n as f64 * share {
            let ratio = |taken: u64| taken as f64 / (n - taken + 1) as f64 / odds;
            falling_sum(term(k, self.ln_choices[0]), (1..=k).rev().map(ratio))
        } else {
            let ratio = |taken: u64| (n - taken) as f64 / (taken + 1) as f64 * odds;
            1.0 - falling_sum(term(k + 1, self.ln_choices[1]), (k + 1..n).map(ratio))
        }
    }
}

fn falling_sum(first: f64, ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut term, mut sum) = (first, first);
    for ratio in ratios {
        term *= ratio;
        if term < sum * f64::EPSILON * 1e-3 {
            break;
        }
        sum += term;
    }
    sum
}

fn ln_choose(n: u64, k: u64) -> f64 {
    let fewer = k.min(n.saturating_sub(k));
    (1..=fewer).map(|taken| ((n - fewer + taken) as f64 / taken as f64).ln()).sum()
}
