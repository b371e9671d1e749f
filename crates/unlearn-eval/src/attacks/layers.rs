//! What attacks that look inside a model have in common: which layers, the answers that might come, where a question
//! ends.

use std::collections::{BTreeMap, BTreeSet};

use unlearn_core::attack::{Caught, Cost, Heard, Hearing, Trial};
use unlearn_data::{DataError, IGNORED, Row, TokenRow};
use unlearn_engine::LanguageModel;
use unlearn_engine::inside::Inside;

use super::{Bench, Candidates};
use crate::EvalError;

/// Rows into which is looked at once.
const ROWS: usize = 8;

/// `wanted` of a model's layers, evenly spread, the last among them; all when 0.
pub(super) fn spread(model: &LanguageModel, wanted: usize) -> Vec<usize> {
    let blocks = model.decoder.config().layers.len();
    let n = if wanted == 0 { blocks } else { wanted.min(blocks) };
    (1..=n).map(|i| i * blocks / n - 1).collect()
}

/// A row that is asked, and the answers that might come: the true one first.
pub(super) struct Asked {
    scope: usize,
    row: usize,
    pub(super) answers: Vec<TokenRow>,
    /// The true answer as it is written beside the wrong ones, where that is otherwise.
    pub(super) alike: Option<TokenRow>,
}

/// Which answers are true of any row.
pub(super) struct Truths(BTreeSet<String>);

impl Truths {
    pub(super) fn of(bench: &Bench<'_>) -> Self {
        let rows = bench.scopes.iter().flat_map(|scope| &scope.rows);
        Self(rows.filter_map(|row| row.answer_text().map(str::to_owned)).collect())
    }

    /// A row's true answer as it is written beside its wrong ones: those that were made for it are usually written like
    /// the paraphrase of the true one, those that other rows lend it like the true one itself.
    pub(super) fn alike<'r>(&self, row: &'r Row) -> Option<&'r str> {
        let made = row.perturbed_answer.iter().any(|wrong| !self.0.contains(wrong));
        row.paraphrased_answer.as_deref().filter(|_| made).or_else(|| row.answer_text())
    }
}

/// Every row of all scopes that has a question, a true answer and wrong ones, a few at a time.
pub(super) fn asked(bench: &Bench<'_>) -> Result<Vec<Vec<Asked>>, EvalError> {
    let (mut all, truths) = (Vec::new(), Truths::of(bench));
    for (scope, rows) in bench.scopes.iter().enumerate() {
        for (place, row) in rows.rows.iter().enumerate() {
            let Some(own) = row.answer_text().filter(|_| !row.perturbed_answer.is_empty()) else { continue };
            let other = truths.alike(row).filter(|other| *other != own);
            let texts = std::iter::once(own).chain(row.perturbed_answer.iter().map(String::as_str)).chain(other);
            let answers = texts.map(|text| bench.encoder.encode_answer(row, text));
            match answers.collect::<Result<Vec<_>, _>>() {
                Ok(mut answers) => {
                    let alike = other.and_then(|_| answers.pop());
                    all.push(Asked { scope, row: place, answers, alike });
                }
                Err(DataError::NoAnswer { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
    let mut few = Vec::new();
    while !all.is_empty() {
        let rest = all.split_off(ROWS.min(all.len()));
        few.push(std::mem::replace(&mut all, rest));
    }
    Ok(few)
}

/// Which answer is preferred, by the values of all; what is no number is none.
pub(super) fn preferred(values: &[f64]) -> Option<Heard> {
    Candidates::preferred(&values.iter().map(|v| v.is_finite().then_some(*v)).collect::<Vec<_>>())
}

/// What was heard in rows, as they were asked.
#[derive(Default, Clone)]
pub(super) struct Ear(Vec<(usize, usize, Option<Heard>)>);

impl Ear {
    pub(super) fn hear(&mut self, asked: &Asked, heard: Option<Heard>) {
        self.0.push((asked.scope, asked.row, heard));
    }

    pub(super) fn hear_at(&mut self, (scope, row): (usize, usize), heard: Option<Heard>) {
        self.0.push((scope, row, heard));
    }

    /// The share of rows in which the truth was heard.
    pub(super) fn share(&self) -> f64 {
        let heard: Vec<bool> = self.0.iter().filter_map(|(_, _, heard)| Some(heard.as_ref()?.truth)).collect();
        heard.iter().filter(|truth| **truth).count() as f64 / heard.len().max(1) as f64
    }

    /// As a trial in which answers were said, or preferred.
    pub(super) fn trial(&self, bench: &Bench<'_>, said: bool) -> Trial {
        let mut hearings: Vec<Hearing> = bench.scopes.iter().map(|scope| vec![None; scope.rows.len()]).collect();
        for (scope, row, heard) in &self.0 {
            hearings[*scope][*row].clone_from(heard);
        }
        let caught = |hearing: Hearing| match said {
            true => Caught { said: hearing, ..Caught::default() },
            false => Caught { chosen: hearing, ..Caught::default() },
        };
        let scopes = bench.scopes.iter().zip(hearings).map(|(scope, hearing)| (scope.name.clone(), caught(hearing)));
        Trial { scopes: scopes.collect::<BTreeMap<_, _>>(), ..Trial::default() }
    }
}

/// Supervised tokens that all rows begin with.
pub(super) fn common(rows: &[&TokenRow]) -> usize {
    let answers: Vec<&[u32]> = rows.iter().map(|row| &row.ids[row.prompt().len()..]).collect();
    let Some((first, rest)) = answers.split_first() else { return 0 };
    let same = |answer: &&[u32]| first.iter().zip(*answer).take_while(|(a, b)| a == b).count();
    rest.iter().map(same).min().unwrap_or(0)
}

/// What some answers take that all go through a model once.
pub(super) fn cost<'a>(asked: impl IntoIterator<Item = &'a Asked>) -> Cost {
    asked.into_iter().fold(Cost::default(), |cost, asked| {
        let forward_tokens = asked.answers.iter().map(|row| row.ids.len() as u64).sum();
        cost + Cost { queries: 1, forward_tokens, ..Cost::default() }
    })
}

/// A row's question; none where it has none. What is read of it depends on no answer.
pub(super) fn question(bench: &Bench<'_>, row: &Row) -> Result<Option<Vec<u32>>, EvalError> {
    match bench.encoder.encode(row) {
        Ok(tokens) => Ok(Some(tokens.prompt().to_vec()).filter(|prompt| !prompt.is_empty())),
        Err(DataError::NoAnswer { .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// The questions of some rows, of those that have one.
pub(super) fn questions(bench: &Bench<'_>, rows: &[Row]) -> Result<Vec<Vec<u32>>, EvalError> {
    rows.iter().filter_map(|row| question(bench, row).transpose()).collect()
}

/// The streams where questions end, by layer, row after row.
pub(super) fn ends(
    bench: &Bench<'_>,
    model: &LanguageModel,
    questions: &[Vec<u32>],
    layers: &[usize],
) -> Result<Vec<Vec<f32>>, EvalError> {
    let mut found = vec![Vec::new(); layers.len()];
    for part in questions.chunks(8 * ROWS) {
        bench.go_on()?;
        let rows: Vec<TokenRow> = part.iter().map(|ids| upon(bench, ids, ids.len())).collect();
        let inside = Inside::of(model, &rows, bench.effort.tokens);
        found.iter_mut().zip(layers).for_each(|(all, &layer)| all.extend(&inside.layers[layer]));
    }
    Ok(found)
}

/// The mean stream in questions, by layer, over all their tokens but the first, at which models keep what is about no
/// question.
pub(super) fn means(
    bench: &Bench<'_>,
    model: &LanguageModel,
    questions: &[Vec<u32>],
) -> Result<Vec<Vec<f64>>, EvalError> {
    let config = model.decoder.config();
    let mut sums = vec![vec![0.0; config.hidden_size]; config.layers.len()];
    let mut n = 0usize;
    for part in questions.chunks(ROWS) {
        bench.go_on()?;
        let rows: Vec<TokenRow> = part.iter().map(|ids| upon(bench, ids, 2.min(ids.len()))).collect();
        let inside = Inside::of(model, &rows, bench.effort.tokens);
        for (sum, states) in sums.iter_mut().zip(&inside.layers) {
            for state in states.chunks(inside.width) {
                sum.iter_mut().zip(state).for_each(|(s, x)| *s += f64::from(*x));
            }
        }
        n += inside.tokens.iter().sum::<usize>();
    }
    sums.iter_mut().flatten().for_each(|s| *s /= n.max(1) as f64);
    Ok(sums)
}

/// A row in which the streams of the tokens from `from - 1` on are read: what they would predict is no matter.
fn upon(bench: &Bench<'_>, ids: &[u32], from: usize) -> TokenRow {
    let labels = (0..=ids.len()).map(|t| if t < from { IGNORED } else { 0 }).collect();
    TokenRow { hidden: bench.encoder.hidden, ..TokenRow::of_tokens([ids, &[0]].concat(), labels) }
}

/// Attempts that one look made, in the order of their labels, and what it took.
pub(super) type Found = Result<(Vec<Trial>, Cost), EvalError>;

/// Makes attempts that one look serves: `find` is called when one of them was not made before, and finds all.
pub(super) fn attempts(
    bench: &mut Bench<'_>,
    labels: &[String],
    find: &dyn Fn(&Bench<'_>) -> Found,
) -> Result<(), EvalError> {
    let mut found: Option<Vec<Trial>> = None;
    for (i, label) in labels.iter().enumerate() {
        let made = bench.attempt(label, |bench| {
            let mut spent = Cost::default();
            let trials = match &mut found {
                Some(trials) => trials,
                none => {
                    let (trials, cost) = find(bench)?;
                    spent = cost;
                    none.insert(trials)
                }
            };
            Ok(Trial { cost: spent, ..std::mem::take(&mut trials[i]) })
        })?;
        if !made {
            break;
        }
    }
    Ok(())
}
