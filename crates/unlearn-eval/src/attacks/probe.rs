//! `probe`

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Cost, Trial};
use unlearn_core::seed;
use unlearn_data::Row;
use unlearn_engine::linalg::{Affine, Moments};

use super::bench::numbers;
use super::layers::{Ear, ends, preferred, spread};
use super::meanings::{Meanings, Meant};
use super::{Attack, Bench, Configured};
use crate::{EvalError, selected};

const PAGE: &str = "\
# Idea

What a model knows of a question it has read stands in the stream where the question ends. A linear map from there to the words \
of the answer, learned on facts that the attacker knows, reads it of other questions too, whether the model would say it or not.

# Procedure

For each of `layers` layers, evenly spread and counted from 0, two attempts: a linear map from the stream at a \
question's last token (`question`), or at the last token that all of a row's answers, true and wrong, begin with \
(`answer`), to the meaning of its true answer, by ridge regression, on `rows` of the retain rows and on the forget \
rows of other folds. Entities (rows without one: answers) are dealt into `folds` folds; the map that is used on a fold \
has seen no row about any of its entities. An answer's meaning is the mean embedding of its tokens that are neither in \
the question nor in all answers beside it, each weighed by the square of how rare it is among all answers, true and \
wrong ones alike: what many answers say tells none apart. Of the true answer and the wrong ones, that whose centred \
meaning lies most along what the map adds to the mean is preferred, so that what is likely whatever the question \
counts nothing. Where wrong answers were made for a row that has a paraphrased answer, it is that which stands beside \
them, for they are usually written like it. Of an answer the model reads what all begin with, and no more.

Beside what comes back stands what maps give that were learned on answers dealt at random among questions (`control`), and the \
difference of the two shares (`selectivity`).

# Paper

Alain and Bengio, *Understanding intermediate layers using linear classifier probes*, 2016, arXiv 1610.01644; Hewitt and Liang, \
*Designing and interpreting probes with control tasks*, 2019, arXiv 1909.03368; Patil, Hase and Bansal, 2023, arXiv 2309.17410.

# Reference implementation

`open-unlearning`, `src/model/probe.py` (trains an output layer on the first layers).

# Defaults

`layers = 8` (0: all), `rows = 400`, `folds = 5`, `ridge = 0.1` (times the mean variance of the stream).

# Deviations

Published probes have classes; facts have none, so what is probed for is the words. What the question alone says of its answer \
(a man's name, a kind of answer) is found too, in any model: read it beside the retrained model, probed alike. One map for \
all kinds of questions reads answers that many of the known facts share, and hardly those that are each one's own: where it \
finds nothing, that says little.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Probe {
    layers: usize,
    rows: usize,
    folds: usize,
    ridge: f64,
}

impl Default for Probe {
    fn default() -> Self {
        Self { layers: 8, rows: 400, folds: 5, ridge: 0.1 }
    }
}

impl Configured for Probe {
    const NAME: &'static str = "probe";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.folds < 2 {
            return Err(("folds", "there must be at least 2"));
        }
        match self.ridge > 0.0 && self.ridge.is_finite() {
            true => Ok(()),
            false => Err(("ridge", "it must be a number greater than 0")),
        }
    }
}

/// Where the stream is read: at the end of the question, or of what all answers begin with.
const PLACES: [&str; 2] = ["question", "answer"];

impl Attack for Probe {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let layers = spread(bench.model, self.layers);
        let mut facts = None;
        for (place, name) in PLACES.into_iter().enumerate() {
            let mut streams = Vec::new();
            for (at, layer) in layers.iter().enumerate() {
                let made = bench.attempt(&format!("{name}, layer {layer}"), |bench| {
                    let facts = match &mut facts {
                        Some(found) => found,
                        none => none.insert(Facts::of(bench, self)?),
                    };
                    let (contexts, mut cost) = (&facts.contexts[place], Cost::default());
                    if streams.is_empty() {
                        streams = ends(bench, bench.model, contexts, &layers)?;
                        cost.queries = contexts.len() as u64;
                        cost.forward_tokens = contexts.iter().map(|ids| ids.len() as u64).sum();
                    }
                    Ok(Trial { cost, ..facts.probe(bench, &streams[at], self.ridge)? })
                })?;
                if !made {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// One question, and what its answers mean.
struct Fact {
    /// Its scope and row; none of a retain row.
    asked: Option<(usize, usize)>,
    /// The fold in which it is asked; none where it is about none of what is asked.
    fold: Option<usize>,
    /// Whether the attacker may learn from it.
    known: bool,
    /// What its answers mean, the true one first.
    answers: Vec<Vec<f32>>,
}

/// All questions, in the order of their streams.
struct Facts {
    facts: Vec<Fact>,
    /// What is read up to each place.
    contexts: [Vec<Vec<u32>>; 2],
    folds: usize,
    width: usize,
}

impl Facts {
    fn of(bench: &Bench<'_>, probe: &Probe) -> Result<Self, EvalError> {
        let keys: BTreeSet<&str> = bench.scopes.iter().flat_map(|scope| &scope.rows).filter_map(key).collect();
        let folds = probe.folds.min(keys.len()).max(1);
        // Dealt out in the order of their names.
        let fold = |row: &Row| key(row).and_then(|key| keys.iter().position(|k| *k == key)).map(|i| i % folds);
        let retain = selected(bench.retain, probe.rows);
        let asked = bench
            .scopes
            .iter()
            .enumerate()
            .flat_map(|(s, scope)| scope.rows.iter().enumerate().map(move |(r, row)| (Some((s, r)), s == 0, row)));
        let all: Vec<_> = asked.chain(retain.iter().map(|row| (None, true, row))).collect();
        let meanings = Meanings::of(bench, all.iter().map(|(_, _, row)| *row))?;
        let width = bench.model.decoder.config().hidden_size;
        let mut found = Self { facts: Vec::new(), contexts: Default::default(), folds, width };
        for (asked, known, row) in all {
            let Some(Meant { answers, contexts }) = meanings.answers(bench, row)? else { continue };
            found.facts.push(Fact { asked, fold: fold(row), known, answers });
            found.contexts.iter_mut().zip(contexts).for_each(|(all, own)| all.push(own));
        }
        Ok(found)
    }

    /// What maps from one layer's streams find, each of a fold that it was not learned on.
    fn probe(&self, bench: &Bench<'_>, streams: &[f32], ridge: f64) -> Result<Trial, EvalError> {
        let parts = self.moments(bench, streams);
        let (mut ear, mut control) = (Ear::default(), Ear::default());
        for fold in 0..self.folds {
            bench.go_on()?;
            let mut known = Moments::new(self.width, 2 * self.width);
            parts.iter().enumerate().filter(|(part, _)| *part != fold).for_each(|(_, part)| known.join(part));
            if known.len() < 2 {
                continue;
            }
            let map = known.solve(ridge)?;
            for (i, fact) in self.facts.iter().enumerate().filter(|(_, fact)| fact.fold == Some(fold)) {
                let Some(place) = fact.asked else { continue };
                let added = map.centred(&streams[i * self.width..(i + 1) * self.width]);
                let (own, dealt) = added.split_at(self.width);
                ear.hear_at(place, preferred(&along(own, &fact.answers, &map)));
                control.hear_at(place, preferred(&along(dealt, &fact.answers, &map)));
            }
        }
        let (share, by_chance) = (ear.share(), control.share());
        let numbers = numbers([("control", by_chance), ("selectivity", share - by_chance)]);
        Ok(Trial { numbers, ..ear.trial(bench, false) })
    }

    /// Of the known facts of each fold, and last of those that are about nothing that is asked: streams, and beside each
    /// the meaning of its true answer and that of another fact of the same part.
    fn moments(&self, bench: &Bench<'_>, streams: &[f32]) -> Vec<Moments> {
        let part = |part: usize| {
            let fold = Some(part).filter(|part| *part < self.folds);
            let members = (0..self.facts.len()).filter(|&i| self.facts[i].known && self.facts[i].fold == fold);
            let members: Vec<usize> = members.collect();
            let draws = seed::uniform(bench.seed, &format!("probe/{part}"), members.len());
            let mut order: Vec<usize> = (0..members.len()).collect();
            order.sort_by(|a, b| draws[*a].total_cmp(&draws[*b]));
            let of = |i: usize| &self.facts[i].answers[0];
            let inputs: Vec<f32> =
                members.iter().flat_map(|&i| &streams[i * self.width..(i + 1) * self.width]).copied().collect();
            let outputs: Vec<f32> = members
                .iter()
                .zip(&order)
                .flat_map(|(&i, &other)| of(i).iter().chain(of(members[other])))
                .copied()
                .collect();
            let mut moments = Moments::new(self.width, 2 * self.width);
            moments.add(&inputs, &outputs);
            moments
        };
        (0..=self.folds).map(part).collect()
    }
}

/// Whom or what a row is about; where it is not told, its answer.
fn key(row: &Row) -> Option<&str> {
    row.entity.as_deref().or_else(|| row.answer_text())
}

/// How far each meaning, less the mean of the known ones, lies along what a map adds to that.
fn along(added: &[f32], meanings: &[Vec<f32>], map: &Affine) -> Vec<f64> {
    let one = |meaning: &Vec<f32>| {
        let centred = meaning.iter().zip(&map.to).map(|(x, mean)| f64::from(*x) - mean);
        let (product, square) = centred
            .zip(added)
            .fold((0.0, 0.0), |(product, square), (x, a)| (product + x * f64::from(*a), square + x * x));
        product / square.sqrt()
    };
    meanings.iter().map(one).collect()
}
