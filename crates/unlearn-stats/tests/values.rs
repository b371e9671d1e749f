//! What scipy, scikit-learn and numpy compute must come out here too (`testdata/gen/statistics.py`), and what the
//! reference values from elsewhere say.

#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use unlearn_stats::clusters::alone;
use unlearn_stats::permutation::{Alternative, Permutation};
use unlearn_stats::{auc, binomial, divergence, hmean, ks, membership, normal, sampling, similarity, text, zlib};

/// Their sums and ours round differently; this is far below anything that is reported.
const RELATIVE: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    ks_two_sample: Vec<Ks>,
    auc: Vec<ReferenceAuc>,
    harmonic_mean: Vec<HarmonicMean>,
    zlib: Vec<Zlib>,
}

#[derive(Deserialize)]
struct Made {
    ks: Vec<Ks>,
    auc: Vec<Auc>,
    binomial: Vec<Binomial>,
    mcnemar: Vec<McNemar>,
    permutation: Vec<TwoSample>,
    sign_flip: Vec<SignFlip>,
    leak_at_k: Vec<LeakAtK>,
    expected_maximum: Vec<ExpectedMaximum>,
    divergence: Vec<Divergence>,
    wasserstein: Vec<Wasserstein>,
    cka: Vec<Cka>,
    entropy: Vec<Entropy>,
    lira: Vec<Lira>,
    normal_cdf: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Ks {
    a: Vec<f64>,
    b: Vec<f64>,
    statistic: f64,
    p_value: f64,
}

#[derive(Deserialize)]
struct ReferenceAuc {
    negative: Vec<f64>,
    positive: Vec<f64>,
    auc: f64,
    tpr_at_1_percent_fpr: f64,
    tpr_at_10_percent_fpr: f64,
}

#[derive(Deserialize)]
struct HarmonicMean {
    values: Vec<f64>,
    hmean: f64,
}

#[derive(Deserialize)]
struct Zlib {
    text: String,
    length: usize,
}

#[derive(Deserialize)]
struct Auc {
    negative: Vec<f64>,
    positive: Vec<f64>,
    auc: f64,
    tpr: Vec<[f64; 2]>,
    delong: f64,
}

#[derive(Deserialize)]
struct Binomial {
    successes: u64,
    trials: u64,
    level: f64,
    interval: [f64; 2],
    upper: f64,
}

#[derive(Deserialize)]
struct McNemar {
    b: u64,
    c: u64,
    p_value: f64,
}

#[derive(Deserialize)]
struct TwoSample {
    a: Vec<f64>,
    b: Vec<f64>,
    #[serde(flatten)]
    p_values: PValues,
}

#[derive(Deserialize)]
struct SignFlip {
    differences: Vec<f64>,
    #[serde(flatten)]
    p_values: PValues,
}

#[derive(Deserialize)]
struct PValues {
    greater: f64,
    less: f64,
    two_sided: f64,
}

impl PValues {
    fn each(&self) -> [(Alternative, f64); 3] {
        [(Alternative::Greater, self.greater), (Alternative::Less, self.less), (Alternative::TwoSided, self.two_sided)]
    }
}

#[derive(Deserialize)]
struct LeakAtK {
    leaks: u64,
    samples: u64,
    k: u64,
    value: f64,
}

#[derive(Deserialize)]
struct ExpectedMaximum {
    scores: Vec<f64>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Divergence {
    log_p: Vec<f64>,
    log_q: Vec<f64>,
    kl: f64,
    js: f64,
}

#[derive(Deserialize)]
struct Wasserstein {
    a: Vec<f64>,
    b: Vec<f64>,
    value: f64,
}

#[derive(Deserialize)]
struct Cka {
    items: usize,
    x: Vec<f64>,
    y: Vec<f64>,
    biased: f64,
    debiased: f64,
}

#[derive(Deserialize)]
struct Entropy {
    tokens: Vec<u32>,
    entropies: [f64; 3],
    fluency: f64,
}

#[derive(Deserialize)]
struct Lira {
    inside: Vec<f64>,
    outside: Vec<f64>,
    observed: f64,
    online: f64,
    offline: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../testdata/statistics.json")).unwrap()
}

fn made() -> Made {
    serde_json::from_str(include_str!("../../../testdata/statistics/statistics.json")).unwrap()
}

#[track_caller]
fn assert_close(ours: f64, theirs: f64, relative: f64) {
    assert!((ours - theirs).abs() <= relative * theirs.abs(), "{ours} for {theirs}");
}

/// Down to p-values of 1e-239.
#[test]
fn kolmogorov_smirnov_agrees() {
    for case in reference().ks_two_sample.into_iter().chain(made().ks) {
        let test = ks::two_sample(&case.a, &case.b).unwrap();
        assert_close(test.statistic, case.statistic, 1e-15);
        assert_close(test.p_value, case.p_value, RELATIVE);
    }
}

#[test]
fn area_under_the_curve_agrees() {
    for case in reference().auc {
        let (negative, positive) = (&case.negative, &case.positive);
        assert_close(auc::roc_auc(negative, positive).unwrap(), case.auc, 1e-15);
        assert_eq!(auc::tpr_at_fpr(negative, positive, 0.01), Some(case.tpr_at_1_percent_fpr));
        assert_eq!(auc::tpr_at_fpr(negative, positive, 0.1), Some(case.tpr_at_10_percent_fpr));
    }
    for case in made().auc {
        let delong = auc::delong(&case.negative, &case.positive).unwrap();
        assert_close(delong.auc, case.auc, 1e-15);
        assert_close(delong.variance, case.delong, RELATIVE);
        for [rate, found] in case.tpr {
            assert_eq!(auc::tpr_at_fpr(&case.negative, &case.positive, rate), Some(found), "at {rate}");
        }
    }
}

#[test]
fn harmonic_mean_agrees() {
    for case in reference().harmonic_mean {
        assert_close(hmean::harmonic_mean(&case.values).unwrap(), case.hmean, 1e-15);
    }
}

#[test]
fn zlib_lengths_agree() {
    for case in reference().zlib {
        assert_eq!(zlib::compressed_len(case.text.as_bytes()), case.length, "{}", case.text);
    }
}

#[test]
fn clopper_pearson_agrees() {
    for case in made().binomial {
        let interval = binomial::clopper_pearson(case.successes, case.trials, case.level).unwrap();
        for (ours, theirs) in interval.into_iter().zip(case.interval) {
            assert!((ours - theirs).abs() < 1e-12, "{ours} for {theirs}");
        }
        let upper = binomial::upper_bound(case.successes, case.trials, case.level).unwrap();
        assert!((upper - case.upper).abs() < 1e-12, "{upper} for {}", case.upper);
    }
}

#[test]
fn mcnemar_agrees() {
    for case in made().mcnemar {
        assert_close(binomial::mcnemar_exact(case.b, case.c), case.p_value, RELATIVE);
    }
}

#[test]
fn permutation_tests_agree() {
    for case in made().permutation {
        for (alternative, p_value) in case.p_values.each() {
            let test = Permutation { alternative, ..Permutation::seeded(0) };
            let tested = test.difference_of_means(&alone(&case.a), &alone(&case.b)).unwrap();
            assert!(tested.exact);
            assert_close(tested.p_value, p_value, RELATIVE);
        }
    }
    for case in made().sign_flip {
        for (alternative, p_value) in case.p_values.each() {
            let test = Permutation { alternative, ..Permutation::seeded(0) };
            let tested = test.mean_of_differences(&alone(&case.differences)).unwrap();
            assert!(tested.exact);
            assert_close(tested.p_value, p_value, RELATIVE);
        }
    }
}

#[test]
fn leakage_of_samples_agrees() {
    for case in made().leak_at_k {
        assert_close(sampling::leak_at_k(case.leaks, case.samples, case.k).unwrap(), case.value, RELATIVE);
    }
    for case in made().expected_maximum {
        for (k, value) in (1..).zip(case.values) {
            assert_close(sampling::expected_maximum(&case.scores, k).unwrap(), value, RELATIVE);
        }
    }
}

#[test]
fn divergences_agree() {
    for case in made().divergence {
        assert_close(divergence::kl(&case.log_p, &case.log_q).unwrap(), case.kl, RELATIVE);
        assert_close(divergence::js(&case.log_p, &case.log_q).unwrap(), case.js, RELATIVE);
    }
    for case in made().wasserstein {
        assert_close(divergence::wasserstein_1(&case.a, &case.b).unwrap(), case.value, RELATIVE);
    }
}

#[test]
fn kernel_alignment_agrees() {
    for case in made().cka {
        assert_close(similarity::linear_cka(&case.x, &case.y, case.items).unwrap(), case.biased, 1e-11);
        // The script's own sums lose digits: its rows are not centred.
        assert_close(similarity::debiased_linear_cka(&case.x, &case.y, case.items).unwrap(), case.debiased, 1e-9);
    }
}

#[test]
fn entropies_agree() {
    for case in made().entropy {
        for (n, entropy) in (1..).zip(case.entropies) {
            assert!((text::ngram_entropy(&case.tokens, n).unwrap() - entropy).abs() < RELATIVE);
        }
        assert!((text::fluency(&case.tokens).unwrap() - case.fluency).abs() < RELATIVE);
    }
}

#[test]
fn lira_scores_agree() {
    for case in made().lira {
        let [inside, outside] = [&case.inside, &case.outside].map(|values| normal::Gaussian::fit(values).unwrap());
        assert_close(membership::lira_online(case.observed, &inside, &outside), case.online, RELATIVE);
        assert_close(normal::cdf(membership::lira_offline(case.observed, &outside)), case.offline, RELATIVE);
    }
}

#[test]
fn normal_distribution_agrees() {
    for [x, probability] in made().normal_cdf {
        assert_close(normal::cdf(x), probability, 1e-13);
    }
}
