//! `mia/lira`

use unlearn_stats::membership::{lira_offline, lira_online, logit, pooled_deviation};
use unlearn_stats::normal::Gaussian;

use super::shadows::{self, Levels};
use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;

pub(crate) const METRIC: Metric = Metric {
    name: "mia/lira",
    page: "# Idea\n\
        What a model makes of a row it learned, beside what models that were trained in the same way, with the row and \
        without it, make of it: each row is its own yardstick.\n\n\
        # Formula\n\
        Of `x = ln(p / (1 - p))`, `p` the geometric mean of the probabilities of the answer's tokens. Where every row \
        of both sets was learned by at least two shadow models (`--shadow`) and not by two others (online), a row's \
        score is `ln N(x; outside) - ln N(x; inside)`, with normal distributions of the shadow models' `x`. Else \
        (offline) it is by how many standard deviations `x` lies below the mean of those that did not learn the row, \
        at least two. Each row has its own means; the standard deviations are its own where all rows have at least 16 \
        models of a kind, else all rows share one. The value is the AUC of holdout against forget rows: 1 where the \
        forget rows look learned.\n\n\
        # Paper\n\
        Carlini et al., *Membership inference attacks from first principles*, 2021, arXiv 2112.03570; for unlearning: \
        Hayes et al., *Inexact unlearning needs more careful evaluations*, 2024, arXiv 2403.01218.\n\n\
        # Reference implementation\n\
        `privacytrustlab/ml_privacy_meter`; for unlearning `MartinPawel/In-Context-Unlearning`.\n\n\
        # Deviations\n\
        The confidence is of a whole answer; a mean log-probability above -1e-6 counts as -1e-6. Needs `--shadow`. A \
        shadow model of which nobody knows what it learned counts as one that did not learn the row.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Members(score),
};

/// The largest mean log-probability that counts: above it, float32 leaves nothing but rounding.
const SURE: f64 = -1e-6;
/// Shadow models of a kind from which a deviation of one row alone can be told.
const MANY: usize = 16;
/// Shadow models of a kind that a row needs.
const FEW: usize = 2;

/// One row on the scale on which confidences are close to normal.
struct Scaled {
    own: f64,
    inside: Vec<f64>,
    outside: Vec<f64>,
}

pub(super) fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    let both = ["forget", "holdout"].map(|set| scaled(beside, set));
    let all: Vec<&Scaled> = both.iter().flatten().flatten().collect();
    let (inside, outside) = (Side::of(&all, |row| &row.inside), Side::of(&all, |row| &row.outside));
    let online = shadows::online(beside, FEW);
    let of = |row: &Scaled| {
        let without = outside.normal(&row.outside)?;
        match online {
            true => Some(-lira_online(row.own, &inside.normal(&row.inside)?, &without)),
            false => Some(-lira_offline(row.own, &without)),
        }
    };
    scaled(beside, set).iter().map(|row| row.as_ref().and_then(of)).collect()
}

fn scaled(beside: &Beside<'_>, set: &str) -> Vec<Option<Scaled>> {
    let one = |level: f64| logit(level.min(SURE));
    let all = |levels: &[f64]| levels.iter().map(|&level| one(level)).collect::<Option<Vec<f64>>>();
    let row =
        |row: &Levels| Some(Scaled { own: one(row.own)?, inside: all(&row.inside)?, outside: all(&row.outside)? });
    shadows::of(beside, set).iter().map(|levels| levels.as_ref().and_then(row)).collect()
}

/// How the shadow models of one kind spread.
struct Side {
    /// Shared by all rows; `None` where each has its own.
    deviation: Option<f64>,
    many: bool,
}

impl Side {
    fn of(rows: &[&Scaled], side: fn(&Scaled) -> &Vec<f64>) -> Self {
        let values: Vec<&[f64]> = rows.iter().map(|row| side(row).as_slice()).filter(|v| v.len() >= FEW).collect();
        let many = rows.iter().all(|row| side(row).len() >= MANY);
        Self { deviation: pooled_deviation(&values), many }
    }

    fn normal(&self, values: &[f64]) -> Option<Gaussian> {
        if self.many {
            return Gaussian::fit(values);
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.len() >= FEW).then_some(Gaussian { mean, deviation: self.deviation? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::shadows::tests::{looked, scores, shadow};
    use super::*;

    const OUT: [bool; 2] = [false, false];

    #[test]
    fn a_hard_row_that_was_learned_is_found_beside_an_easy_one_that_was_not() {
        // By its loss alone, the holdout row looks learned.
        let subject = looked([("forget", &[0.4, 0.4]), ("holdout", &[0.8, 0.8])]);
        let one = shadow([("forget", &[0.1, 0.1], &OUT), ("holdout", &[0.8, 0.82], &OUT)]);
        let other = shadow([("forget", &[0.12, 0.1], &OUT), ("holdout", &[0.82, 0.8], &OUT)]);
        let [forget, holdout] = scores(score, &subject, &[one, other]);
        assert!(forget.iter().flatten().all(|f| holdout.iter().flatten().all(|h| f < h)), "{forget:?} {holdout:?}");
        assert_eq!(crate::score::auc(&forget, &holdout), Some(1.0));
    }

    #[test]
    fn with_shadow_models_of_both_kinds_the_nearer_kind_decides() {
        let with = [true, true];
        let shadows: Vec<_> = [(0.9, true), (0.8, true), (0.2, false), (0.3, false)]
            .into_iter()
            .map(|(p, inside)| {
                let rows = if inside { with } else { OUT };
                shadow([("forget", &[p, p], &rows), ("holdout", &[p, p], &rows)])
            })
            .collect();
        let subject = looked([("forget", &[0.85, 0.6]), ("holdout", &[0.25, 0.1])]);
        let [forget, holdout] = scores(score, &subject, &shadows);
        assert!(forget[0] < Some(0.0) && forget[0] < forget[1], "{forget:?}");
        assert!(holdout[0] > Some(0.0) && holdout[0] < holdout[1], "{holdout:?}");
        // The row's mean decides, not the set.
        let same = looked([("forget", &[0.25, 0.25]), ("holdout", &[0.25, 0.25])]);
        let [forget, holdout] = scores(score, &same, &shadows);
        assert_eq!(forget, holdout);
        assert_eq!(crate::score::auc(&forget, &holdout), Some(0.5));
    }

    #[test]
    fn one_shadow_model_or_none_says_nothing() {
        let subject = looked([("forget", &[0.5, 1.0]), ("holdout", &[0.5, 0.5])]);
        assert!(scores(score, &subject, &[])[0].is_empty());
        let alone = shadow([("forget", &[0.4, 0.4], &OUT), ("holdout", &[0.4, 0.4], &OUT)]);
        assert!(scores(score, &subject, std::slice::from_ref(&alone))[0].iter().all(Option::is_none));
        let other = shadow([("forget", &[0.5, 1.0], &OUT), ("holdout", &[0.3, 0.4], &OUT)]);
        let sure = scores(score, &subject, &[alone, other]);
        assert!(sure.iter().flatten().flatten().all(|s| s.is_finite()), "{sure:?}");
    }
}
