//! What shadow models make of the rows.

use crate::observe::{Beside, Looked, Shadow};

/// What one row's answer comes to under the subject and under the shadow models: mean log-probabilities.
pub struct Levels {
    pub own: f64,
    /// Under the shadow models that were trained on the row.
    pub inside: Vec<f64>,
    /// Under the others.
    pub outside: Vec<f64>,
}

/// Of each row of a set; nothing without shadow models, and `None` where a model has no value.
pub fn of(beside: &Beside<'_>, set: &str) -> Vec<Option<Levels>> {
    if beside.shadows.is_empty() {
        return Vec::new();
    }
    let levels = |seen: &Looked| seen.of(set, |seen| seen.of_answers(|_, tokens| tokens.mean()));
    let of_shadow = |shadow: &Shadow| (levels(&shadow.seen), shadow.trained_on.get(set).cloned().unwrap_or_default());
    let shadows: Vec<_> = beside.shadows.iter().map(of_shadow).collect();
    let row = |(i, own): (usize, Option<f64>)| {
        let mut found = Levels { own: own?, inside: Vec::new(), outside: Vec::new() };
        for (levels, trained_on) in &shadows {
            let inside = trained_on.get(i).copied().unwrap_or(false);
            let side = if inside { &mut found.inside } else { &mut found.outside };
            side.push((*levels.get(i)?)?);
        }
        Some(found)
    };
    levels(beside.subject).into_iter().enumerate().map(row).collect()
}

/// Whether every row of both sets has at least `n` shadow models that were trained on it, and as many that were not.
pub fn online(beside: &Beside<'_>, n: usize) -> bool {
    let enough = |row: &Levels| row.inside.len() >= n && row.outside.len() >= n;
    let sets = ["forget", "holdout"].map(|set| of(beside, set));
    sets.iter().all(|rows| !rows.is_empty() && rows.iter().flatten().all(enough))
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use unlearn_data::Row;

    use super::*;
    use crate::Observations;
    use crate::observation::{Likelihoods, Tokens};

    /// A model that gives each answer, of one token, a probability.
    pub fn looked(sets: [(&str, &[f64]); 2]) -> Looked {
        let row = |p: &f64| {
            let answer = Some(Tokens { log_probs: vec![p.ln() as f32], ..Tokens::default() });
            Likelihoods { answer, ..Likelihoods::default() }
        };
        let seen = |probabilities: &[f64]| Observations {
            rows: vec![Row::question("q", "a"); probabilities.len()],
            likelihoods: probabilities.iter().map(row).collect(),
            ..Observations::default()
        };
        Looked { sets: sets.map(|(name, probabilities)| (name.to_owned(), seen(probabilities))).into() }
    }

    /// A shadow model that was trained on some of the rows.
    pub fn shadow(sets: [(&str, &[f64], &[bool]); 2]) -> Shadow {
        let trained_on = sets.map(|(name, _, inside)| (name.to_owned(), inside.to_vec()));
        Shadow { seen: looked(sets.map(|(name, p, _)| (name, p))), trained_on: BTreeMap::from(trained_on) }
    }

    /// The score of each row of both sets.
    pub fn scores(
        metric: fn(&Beside<'_>, &str) -> Vec<Option<f64>>,
        subject: &Looked,
        shadows: &[Shadow],
    ) -> [Vec<Option<f64>>; 2] {
        let beside = Beside { subject, retrained: None, reference: None, shadows };
        ["forget", "holdout"].map(|set| metric(&beside, set))
    }

    #[test]
    fn a_shadow_model_of_unknown_training_counts_as_outside() {
        let subject = looked([("forget", &[0.5]), ("holdout", &[0.5])]);
        let known = shadow([("forget", &[0.5], &[true]), ("holdout", &[0.5], &[false])]);
        let unknown = Shadow { trained_on: BTreeMap::new(), ..known.clone() };
        let shadows = [known, unknown];
        let beside = Beside { subject: &subject, retrained: None, reference: None, shadows: &shadows };
        let sides = |set| of(&beside, set)[0].as_ref().map(|row| (row.inside.len(), row.outside.len()));
        assert_eq!((sides("forget"), sides("holdout")), (Some((1, 1)), Some((0, 2))));
        assert!(!online(&beside, 1) && online(&beside, 0));
    }
}
