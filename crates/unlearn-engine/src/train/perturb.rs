//! Weights beside the policy's own. They are copies: the policy's stay as they are, to the bit.

use rayon::prelude::*;
use unlearn_core::seed;

use super::Gradients;
use super::optimizer::CHUNK;
use crate::{Decoder, LanguageModel, Parameters};

/// A decoder with the weights at which a gradient is taken.
#[derive(Clone, Copy)]
pub(super) struct Point<'a> {
    pub(super) decoder: &'a Decoder,
    pub(super) parameters: &'a Parameters,
}

impl<'a> Point<'a> {
    /// The policy itself.
    pub(super) fn of(model: &'a LanguageModel) -> Self {
        Self { decoder: &model.decoder, parameters: &model.parameters }
    }

    /// Other weights of the same decoder.
    pub(super) fn at(self, parameters: &'a Parameters) -> Self {
        Self { parameters, ..self }
    }
}

/// A named stream of numbers for every trained value. A task's part has a stream of its own, so that threads do not
/// matter.
#[derive(Clone, Copy)]
pub(super) struct Stream<'a> {
    pub(super) seed: u64,
    pub(super) name: &'a str,
}

impl Stream<'_> {
    fn part(&self, parameter: &str, chunk: usize) -> String {
        format!("{}/{parameter}/{chunk}", self.name)
    }

    /// Moves values of a parameter by `deviation` times normal numbers.
    fn shake(&self, parameter: &str, values: &mut [f32], deviation: f64) {
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(c, values)| {
            let normal = seed::normal(self.seed, &self.part(parameter, c), values.len());
            values.iter_mut().zip(normal).for_each(|(x, z)| *x += (deviation * z) as f32);
        });
    }

    /// Gives each value of a parameter its random sign.
    fn signs(&self, parameter: &str, values: &mut [f32], change: impl Fn(&mut f32, f32) + Sync) {
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(c, values)| {
            let even = seed::uniform(self.seed, &self.part(parameter, c), values.len());
            values.iter_mut().zip(even).for_each(|(x, u)| change(x, if u < 0.5 { -1.0 } else { 1.0 }));
        });
    }
}

fn changed(parameters: &Parameters, mut change: impl FnMut(usize, &mut [f32])) -> Parameters {
    let mut copy = parameters.clone();
    for i in parameters.trained() {
        copy.update(i, |values| change(i, values));
    }
    copy
}

/// The weights moved by `length` times a direction.
pub(super) fn moved(parameters: &Parameters, direction: &Gradients, length: f64) -> Parameters {
    let length = length as f32;
    changed(parameters, |i, values| {
        values.par_iter_mut().zip(&direction.0[i]).for_each(|(x, d)| *x += length * d);
    })
}

/// The weights moved by normal noise.
pub(super) fn shaken(parameters: &Parameters, stream: Stream<'_>, deviation: f64) -> Parameters {
    changed(parameters, |i, values| stream.shake(&parameters.specs()[i].name, values, deviation))
}

/// The weights moved by `length` times random signs.
pub(super) fn signed(parameters: &Parameters, stream: Stream<'_>, length: f64) -> Parameters {
    let length = length as f32;
    changed(parameters, |i, values| stream.signs(&parameters.specs()[i].name, values, |x, sign| *x += length * sign))
}

/// Multiplies by the same signs.
pub(super) fn times_signs(parameters: &Parameters, stream: Stream<'_>, vector: &mut Gradients) {
    for (i, values) in vector.0.iter_mut().enumerate() {
        stream.signs(&parameters.specs()[i].name, values, |x, sign| *x *= sign);
    }
}
