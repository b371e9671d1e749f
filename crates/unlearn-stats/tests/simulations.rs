//! What is promised on average must come about on average: coverage, false alarms, closed forms. All seeded.

#![allow(clippy::unwrap_used)]

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use unlearn_stats::auc::{bootstrap_interval, delong, roc_auc};
use unlearn_stats::binomial::clopper_pearson;
use unlearn_stats::bootstrap::{Bootstrap, mean};
use unlearn_stats::clusters::alone;
use unlearn_stats::divergence::{SampledAnswer, alignment};
use unlearn_stats::ks;
use unlearn_stats::membership::{lira_offline, lira_online, rmia_ratio, rmia_score};
use unlearn_stats::normal::{Gaussian, cdf};
use unlearn_stats::permutation::Permutation;
use unlearn_stats::sampling::{distribution_band, exceedance_bound, leakage_bound, mean_bounds};
use unlearn_stats::similarity::{debiased_linear_cka, linear_cka};

struct Chance(ChaCha8Rng);

impl Chance {
    fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }

    fn normals(&mut self, count: usize, mean: f64) -> Vec<f64> {
        (0..count).map(|_| mean + self.normal()).collect()
    }

    /// Clusters of values that share most of what they are.
    fn clusters(&mut self, count: usize, size: usize) -> Vec<Vec<f64>> {
        (0..count)
            .map(|_| {
                let shared = self.normal();
                (0..size).map(|_| shared + 0.5 * self.normal()).collect()
            })
            .collect()
    }
}

fn share(trials: usize, mut holds: impl FnMut(usize) -> bool) -> f64 {
    (0..trials).filter(|trial| holds(*trial)).count() as f64 / trials as f64
}

fn holds([lower, upper]: [f64; 2], truth: f64) -> bool {
    lower <= truth && truth <= upper
}

#[test]
fn clopper_pearson_covers() {
    let mut chance = Chance::seeded(1);
    for truth in [0.01, 0.1, 0.5] {
        let mut successes = || (0..50).filter(|_| chance.uniform() < truth).count() as u64;
        let two_sided = share(2000, |_| holds(clopper_pearson(successes(), 50, 0.95).unwrap(), truth));
        assert!(two_sided >= 0.94, "{two_sided} at {truth}");
        let one_sided = share(2000, |_| truth <= leakage_bound(successes(), 50, 0.9).unwrap());
        assert!(one_sided >= 0.885, "{one_sided} at {truth}");
    }
}

/// Scores with the distribution function √x: mean 1/3, and P(X > 1/4) = 1/2.
#[test]
fn dkw_bounds_cover() {
    let mut chance = Chance::seeded(2);
    let mut draws = || (0..40).map(|_| chance.uniform().powi(2)).collect::<Vec<_>>();
    let lower = share(2000, |_| mean_bounds(&draws(), 0.9).unwrap()[0] <= 1.0 / 3.0);
    let upper = share(2000, |_| mean_bounds(&draws(), 0.9).unwrap()[1] >= 1.0 / 3.0);
    let exceedance = share(2000, |_| exceedance_bound(&draws(), 0.25, 0.9).unwrap() >= 0.5);
    let band = share(2000, |_| {
        let steps = distribution_band(&draws(), 0.9).unwrap();
        // From each step up to the next the true function rises; the upper edge is tight just before it.
        let nexts = steps.iter().skip(1).map(|step| step.score).chain([1.0]);
        steps.iter().zip(nexts).all(|(step, next)| step.lower <= step.score.sqrt() && next.sqrt() <= step.upper)
    });
    assert!([lower, upper, exceedance].iter().all(|share| *share >= 0.885), "{lower} {upper} {exceedance}");
    assert!(band >= 0.88, "{band}");
}

#[test]
fn permutation_tests_hold_their_level_over_clusters() {
    let mut chance = Chance::seeded(3);
    let test = Permutation { draws: 199, ..Permutation::seeded(9) };
    let false_alarms = share(600, |_| {
        let (a, b) = (chance.clusters(12, 5), chance.clusters(12, 5));
        test.difference_of_means(&a, &b).unwrap().p_value <= 0.1
    });
    assert!((0.065..=0.14).contains(&false_alarms), "{false_alarms}");
    let exact = share(600, |_| {
        let (a, b) = (chance.clusters(4, 3), chance.clusters(4, 3));
        test.difference_of_means(&a, &b).unwrap().p_value <= 0.1
    });
    assert!((0.05..=0.14).contains(&exact), "{exact}");
    let flips = share(600, |_| test.mean_of_differences(&chance.clusters(20, 4)).unwrap().p_value <= 0.1);
    assert!((0.065..=0.14).contains(&flips), "{flips}");
    let one_by_one = share(200, |_| {
        let [a, b] = [chance.clusters(12, 5), chance.clusters(12, 5)].map(|clusters| alone(&clusters.concat()));
        test.difference_of_means(&a, &b).unwrap().p_value <= 0.1
    });
    assert!(one_by_one > 0.25, "clusters matter: {one_by_one}");
}

#[test]
fn kolmogorov_smirnov_holds_its_level() {
    let mut chance = Chance::seeded(4);
    let false_alarms = share(3000, |_| {
        let (a, b) = (chance.normals(37, 0.0), chance.normals(41, 0.0));
        ks::two_sample(&a, &b).unwrap().p_value <= 0.1
    });
    assert!((0.07..=0.115).contains(&false_alarms), "{false_alarms}");
}

#[test]
fn bootstrap_covers_and_needs_the_clusters() {
    let mut chance = Chance::seeded(5);
    let bootstrap = |trial: usize| Bootstrap { resamples: 300, ..Bootstrap::seeded(trial as u64) };
    let clustered =
        share(300, |trial| holds(bootstrap(trial).cluster_interval(&chance.clusters(40, 4), mean).unwrap(), 0.0));
    assert!((0.88..=0.98).contains(&clustered), "{clustered}");
    let one_by_one =
        share(300, |trial| holds(bootstrap(trial).interval(&chance.clusters(40, 4).concat(), mean).unwrap(), 0.0));
    assert!(one_by_one < 0.85, "clusters matter: {one_by_one}");
    let difference = share(300, |trial| {
        let (a, b) = (chance.normals(40, 1.0), chance.normals(60, 0.5));
        holds(bootstrap(trial).difference_interval(&a, &b).unwrap(), 0.5)
    });
    assert!((0.9..=0.98).contains(&difference), "{difference}");
}

#[test]
fn intervals_of_the_area_cover() {
    let mut chance = Chance::seeded(6);
    let truth = cdf(FRAC_1_SQRT_2);
    let mut classes = || (chance.normals(60, 0.0), chance.normals(50, 1.0));
    let normal = share(1000, |_| {
        let (negative, positive) = classes();
        holds(delong(&negative, &positive).unwrap().interval, truth)
    });
    assert!((0.92..=0.97).contains(&normal), "{normal}");
    let resampled = share(200, |trial| {
        let (negative, positive) = classes();
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::seeded(trial as u64) };
        holds(bootstrap_interval(&negative, &positive, &bootstrap).unwrap(), truth)
    });
    assert!((0.88..=0.99).contains(&resampled), "{resampled}");
}

/// Items whose shadow values scatter around their own means, members' by 1.5 higher: AUC Φ(d / √2).
#[test]
fn lira_has_the_area_of_its_closed_form() {
    let mut chance = Chance::seeded(7);
    let gap = 1.5;
    let mut scores = |member: bool| -> (Vec<f64>, Vec<f64>) {
        (0..2000)
            .map(|_| {
                let own = 3.0 * chance.normal();
                let observed = own + if member { gap } else { 0.0 } + chance.normal();
                let [inside, outside] = [own + gap, own].map(|mean| Gaussian::fit(&chance.normals(128, mean)).unwrap());
                (lira_online(observed, &inside, &outside), lira_offline(observed, &outside))
            })
            .unzip()
    };
    let (outside, inside) = (scores(false), scores(true));
    let closed_form = cdf(gap * FRAC_1_SQRT_2);
    let online = roc_auc(&outside.0, &inside.0).unwrap();
    let offline = roc_auc(&outside.1, &inside.1).unwrap();
    assert!((online - closed_form).abs() < 0.02, "{online} for {closed_form}");
    assert!((offline - closed_form).abs() < 0.02, "{offline} for {closed_form}");
}

#[test]
fn rmia_is_uniform_for_items_like_the_population() {
    let mut chance = Chance::seeded(8);
    let mut ratio = || {
        let own = chance.uniform();
        let mut model = || (own * (0.5 + 0.5 * chance.uniform())).clamp(0.0, 1.0);
        rmia_ratio(model(), &[model(), model()], 0.3).unwrap()
    };
    let scores: Vec<f64> = (0..1000)
        .map(|_| {
            let population: Vec<f64> = (0..99).map(|_| ratio()).collect();
            rmia_score(ratio(), &population, 1.0).unwrap()
        })
        .collect();
    let uniform: Vec<f64> = (0..1000).map(|index| f64::from(index % 100) / 99.0).collect();
    let test = ks::two_sample(&scores, &uniform).unwrap();
    assert!(test.p_value > 0.01, "{test:?}");
}

#[test]
fn debiased_alignment_of_unrelated_representations_is_near_zero() {
    let mut chance = Chance::seeded(9);
    let items = 12;
    let (mut biased, mut debiased) = (0.0, 0.0);
    for _ in 0..200 {
        let (x, y) = (chance.normals(items * 40, 5.0), chance.normals(items * 30, -2.0));
        biased += linear_cka(&x, &y, items).unwrap() / 200.0;
        debiased += debiased_linear_cka(&x, &y, items).unwrap() / 200.0;
    }
    assert!(biased > 0.6 && debiased.abs() < 0.03, "{biased} {debiased}");
}

/// Answers of three independent tokens from two categorical distributions.
#[test]
fn alignment_estimates_both_divergences() {
    let mut chance = Chance::seeded(10);
    let (p, q) = ([0.7_f64, 0.2, 0.1], [0.3_f64, 0.3, 0.4]);
    let mut answers = |own: [f64; 3], other: [f64; 3]| -> Vec<SampledAnswer> {
        (0..20_000)
            .map(|_| {
                let mut answer = SampledAnswer { own: 0.0, other: 0.0, tokens: 3 };
                for _ in 0..3 {
                    let drawn = chance.uniform();
                    let token = if drawn < own[0] {
                        0
                    } else if drawn < own[0] + own[1] {
                        1
                    } else {
                        2
                    };
                    answer.own += own[token].ln();
                    answer.other += other[token].ln();
                }
                answer
            })
            .collect()
    };
    let found = alignment(&answers(p, q), &answers(q, p)).unwrap();
    let kl = |p: [f64; 3], q: [f64; 3]| p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum::<f64>();
    assert!((found.p_to_q - kl(p, q)).abs() < 0.02 && (found.q_to_p - kl(q, p)).abs() < 0.02, "{found:?}");
    assert!((found.symmetric() - 0.5 * (kl(p, q) + kl(q, p))).abs() < 0.02);
}
