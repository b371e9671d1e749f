//! Arithmetic on the weights of models of the same shape.

use unlearn_engine::LanguageModel;

/// Changes every parameter of `model` by what `change` makes of its values and of those of `others` there.
pub(crate) fn combine(
    model: &mut LanguageModel,
    others: &[&LanguageModel],
    mut change: impl FnMut(usize, &mut [f32], &[Vec<f32>]),
) {
    for i in 0..model.parameters.specs().len() {
        let theirs: Vec<Vec<f32>> = others.iter().map(|other| other.parameters.values(i)).collect();
        model.parameters.update(i, |ours| change(i, ours, &theirs));
    }
}
