//! What is seen of a subject through the guard before it: refusals, and no likelihood of what it keeps back.

use unlearn_data::Guard;

use crate::Observations;
use crate::observation::{Likelihoods, Tokens};

/// Keeps back what a guard does not let through. States and gradients are in the weights: nobody sees them through it.
pub(super) fn keep_back(guard: &Guard, seen: &mut Observations) {
    let stopped: Vec<bool> = seen.rows.iter().map(|row| guard.stops(row)).collect();
    seen.withheld.clone_from(&stopped);
    for (i, known) in seen.likelihoods.iter_mut().enumerate() {
        let (own, row) = (known.text.clone(), &seen.rows[i]);
        let hide = |tokens: &mut Option<Tokens>, text: &str| {
            if stopped[i] || guard.stops_answer(text) {
                *tokens = None;
            }
        };
        let Likelihoods { answer, paraphrased, perturbed, choices, .. } = known;
        hide(answer, &own);
        hide(paraphrased, row.paraphrased_answer.as_deref().unwrap_or_default());
        perturbed.iter_mut().zip(&row.perturbed_answer).for_each(|(tokens, text)| hide(tokens, text));
        choices.iter_mut().zip(&row.choices).for_each(|(tokens, text)| hide(tokens, text));
    }
    let mut answer = |i: usize, text: &mut String| {
        if stopped[i] || guard.stops_answer(text) {
            guard.refusal().clone_into(text);
            seen.withheld[i] = true;
        }
    };
    for (i, text) in seen.generations.iter_mut().enumerate() {
        text.iter_mut().for_each(|text| answer(i, text));
    }
    for (i, texts) in seen.samples.iter_mut().enumerate() {
        texts.iter_mut().for_each(|text| answer(i, text));
    }
    seen.gradient_norms.iter_mut().for_each(|norm| *norm = None);
    seen.inside = None;
}
