//! `mia/rmia`

use unlearn_stats::membership::{rmia_ratio, rmia_score};

use super::shadows::{self, Levels};
use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;

pub(crate) const METRIC: Metric = Metric {
    name: "mia/rmia",
    page: "# Idea\n\
        By how much the subject finds a row more probable than models that were trained in the same way do, beside the \
        same of rows that no model saw. It works with very few shadow models.\n\n\
        # Formula\n\
        A row's ratio is `p / P`: `p` is the geometric mean of the probabilities of its answer's tokens, `P` the mean \
        of the same over the shadow models (`--shadow`), half of those that learned the row and half of the others; \
        where some row of either set has only one kind, `P` is the mean over the others alone, of all rows. A row's \
        score is minus the share of the holdout rows, other than itself, whose ratio is smaller. The value is the AUC \
        of holdout against forget rows: 1 where the forget rows look learned.\n\n\
        # Paper\n\
        Zarifzadeh et al., *Low-cost high-power membership inference attacks*, 2023, arXiv 2312.03262.\n\n\
        # Reference implementation\n\
        `privacytrustlab/ml_privacy_meter`, `attacks.py`; `gamma` is 1 there too.\n\n\
        # Deviations\n\
        The holdout rows are the population. Without models that learned the rows, the others stand for all (`a = 1`); \
        the reference implementation tunes `a` on a pair of shadow models. Needs `--shadow`. A shadow model of which \
        nobody knows what it learned counts as one that did not learn the row.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Members(score),
};

/// How far the models without a row stand for all models.
const A: f64 = 1.0;
/// By which factor a ratio has to exceed another.
const GAMMA: f64 = 1.0;

pub(super) fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    let online = shadows::online(beside, 1);
    let ratios =
        |set| -> Vec<Option<f64>> { shadows::of(beside, set).iter().map(|row| ratio(row.as_ref()?, online)).collect() };
    let population = ratios("holdout");
    let of = |(i, ratio): (usize, Option<f64>)| {
        let other = |j: usize| set != "holdout" || i != j;
        let others: Vec<f64> =
            population.iter().enumerate().filter(|(j, _)| other(*j)).filter_map(|(_, z)| *z).collect();
        Some(-rmia_score(ratio?, &others, GAMMA)?)
    };
    ratios(set).into_iter().enumerate().map(of).collect()
}

fn ratio(row: &Levels, online: bool) -> Option<f64> {
    let shares = |levels: &[f64]| levels.iter().map(|level| level.exp()).collect::<Vec<f64>>();
    let (inside, outside) = (shares(&row.inside), shares(&row.outside));
    if !online {
        return rmia_ratio(row.own.exp(), &outside, A);
    }
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    let all = 0.5 * (mean(&inside) + mean(&outside));
    (all > 0.0).then(|| row.own.exp() / all)
}

#[cfg(test)]
mod tests {
    use super::super::shadows::tests::{looked, scores, shadow};
    use super::*;

    const OUT: [bool; 2] = [false, false];

    #[test]
    fn one_shadow_model_is_enough_to_tell_hard_rows_from_learned_ones() {
        let subject = looked([("forget", &[0.4, 0.5]), ("holdout", &[0.7, 0.8])]);
        let alone = shadow([("forget", &[0.1, 0.2], &OUT), ("holdout", &[0.8, 0.7], &OUT)]);
        let [forget, holdout] = scores(score, &subject, &[alone]);
        assert_eq!(forget, [Some(-1.0), Some(-1.0)]);
        assert_eq!(holdout, [Some(0.0), Some(-1.0)]);
        assert!(scores(score, &subject, &[])[0].is_empty());
    }

    #[test]
    fn a_ratio_is_to_the_mean_of_both_kinds_where_every_row_has_both() {
        let row = Levels { own: 0.6_f64.ln(), inside: vec![0.9_f64.ln(), 0.7_f64.ln()], outside: vec![0.2_f64.ln()] };
        assert!((ratio(&row, true).expect("a ratio") - 0.6 / 0.5).abs() < 1e-12);
        assert!((ratio(&row, false).expect("a ratio") - 0.6 / 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_model_like_its_shadows_is_told_from_them_no_better_than_by_chance() {
        let subject = looked([("forget", &[0.4, 0.6]), ("holdout", &[0.4, 0.6])]);
        let like = shadow([("forget", &[0.4, 0.6], &OUT), ("holdout", &[0.4, 0.6], &OUT)]);
        let [forget, holdout] = scores(score, &subject, &[like.clone(), like]);
        assert_eq!(crate::score::auc(&forget, &holdout), Some(0.5));
    }
}
