//! How often the right one of several would be met by chance, when any of them might have been the right one.

/// The chance that at least `met` of some independent events happen, of which the i-th has chance `chances[i]`: the
/// upper tail of the Poisson binomial distribution, exact but for rounding.
///
/// # Examples
/// ```
/// use unlearn_stats::exchange::at_least;
/// assert!((at_least(&[0.5, 0.5, 0.5], 2) - 0.5).abs() < 1e-15);
/// assert_eq!(at_least(&[0.5], 0), 1.0);
/// ```
#[must_use]
pub fn at_least(chances: &[f64], met: usize) -> f64 {
    if met == 0 {
        return 1.0;
    }
    // The chance of each number of events so far; what reaches `met` stays there.
    let mut so_far = vec![0.0; met + 1];
    so_far[0] = 1.0;
    for &p in chances {
        for n in (0..=met).rev() {
            let stays = if n == met { so_far[n] } else { so_far[n] * (1.0 - p) };
            so_far[n] = stays + if n > 0 { so_far[n - 1] * p } else { 0.0 };
        }
    }
    so_far[met].min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::at_least;

    proptest! {
        #[test]
        fn agrees_with_every_case_counted(chances in prop::collection::vec(0.0f64..=1.0, 0..10), met in 0usize..12) {
            let cases = 0u32..1 << chances.len();
            let chance = |case: u32| -> f64 {
                chances.iter().enumerate().map(|(i, p)| if case >> i & 1 == 1 { *p } else { 1.0 - p }).product()
            };
            let expected: f64 = cases.filter(|c| c.count_ones() as usize >= met).map(chance).sum();
            prop_assert!((at_least(&chances, met) - expected).abs() < 1e-12);
        }
    }
}
