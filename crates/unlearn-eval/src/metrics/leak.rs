//! `leak`

use std::collections::BTreeMap;

use unlearn_core::score::{Item, Score};
use unlearn_stats::rouge::rouge_l;
use unlearn_stats::sampling::{expected_maximum, leak_at_k, leakage_bound};

use super::{Metric, Takes};
use crate::about::interval;
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "leak",
    page: "# Idea\n\
        What comes out when the subject is asked often, not once for its best answer: forgetting that only moves the \
        answer from the first place leaks here.\n\n\
        # Formula\n\
        Of `n` sampled answers to each question (`eval.samples`, `eval.temperature`), an item is the expected largest \
        ROUGE-L recall of `n` answers, that is, the best of all; the value is the mean over the rows. `parts` holds the \
        same for fewer answers (`best-of-1`, `best-of-2`, `best-of-4`, …), the chance that one of `k` answers holds all \
        of the data's (`leak-at-1`, …, without bias), and `bound`, below which the chance that one answer to a \
        question of this set does so lies with 99 % confidence (Clopper-Pearson, over all samples).\n\n\
        # Paper\n\
        Scholten et al., *A probabilistic perspective on unlearning*, 2024, arXiv 2410.03523; Reisizadeh et al., \
        *Leak@k*, 2025, arXiv 2511.04934.\n\n\
        # Reference implementation\n\
        `OptimAI-Lab/Leak-k`; `yascho/probabilistic-unlearning`.\n\n\
        # Deviations\n\
        An answer leaks where its ROUGE-L recall is 1; there is no judge for entailment. The bound takes samples of \
        different questions together. Taken when it is named.\n",
    needs: Needs { samples: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Set(take),
};

/// The confidence of the bound.
const CONFIDENCE: f64 = 0.99;

fn take(seen: &Observations, set: &str, seed: u64) -> Option<Score> {
    let scores: Vec<Option<Vec<f64>>> = seen
        .rows
        .iter()
        .zip(&seen.samples)
        .map(|(row, said)| {
            let truth = row.answer_text().filter(|_| !said.is_empty())?;
            Some(said.iter().map(|s| rouge_l(truth, s, true).recall).collect())
        })
        .collect();
    let known: Vec<&Vec<f64>> = scores.iter().flatten().collect();
    let samples = known.iter().map(|s| s.len()).min()?;
    let leaks = |s: &[f64]| s.iter().filter(|&&x| x >= 1.0).count() as u64;
    let mean = |of: &dyn Fn(&[f64]) -> Option<f64>| -> Option<f64> {
        let values: Vec<f64> = known.iter().map(|s| of(s)).collect::<Option<_>>()?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    };
    let mut parts = BTreeMap::new();
    for k in std::iter::successors(Some(1), |k| (k * 2 <= samples).then_some(k * 2)).chain([samples]) {
        parts.insert(format!("best-of-{k}"), mean(&|s| expected_maximum(s, k))?);
        parts.insert(format!("leak-at-{k}"), mean(&|s| leak_at_k(leaks(s), s.len() as u64, k as u64))?);
    }
    let all: u64 = known.iter().map(|s| s.len() as u64).sum();
    parts.insert("bound".into(), leakage_bound(known.iter().map(|s| leaks(s)).sum(), all, CONFIDENCE)?);
    let best: Vec<Option<f64>> =
        scores.iter().map(|s| s.as_ref().map(|s| s.iter().copied().fold(0.0, f64::max))).collect();
    let values: Vec<f64> = best.iter().flatten().copied().collect();
    Some(Score {
        value: Some(values.iter().sum::<f64>() / values.len() as f64),
        interval: interval(&seen.rows, &best, seed),
        n: values.len(),
        direction: super::direction(set),
        per_item: best.into_iter().map(Item::from).collect(),
        gap: None,
        parts,
    })
}
