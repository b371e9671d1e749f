//! An unlearning run with everything checked and nothing written.

use std::path::PathBuf;

use anyhow::Result;
use unlearn_core::{Recipe, RecipeError};
use unlearn_data::{Guard, Row, read};
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{
    Alternative, Asking, Cache, Needs, Question, Reference, Selection, Sets, Setup, check_folds, visited,
};
use unlearn_methods::Made;

use super::alternates::{self, Texts};
use super::examine::check_comparable;
use super::watched::Watched;
use super::{edit, eval, guard, sets, training};
use crate::context::Context;
use crate::failure::Refusal;

/// What a run works with.
pub struct Prepared {
    pub recipe: Recipe,
    pub made: Made,
    pub needs: Needs,
    /// Further checkpoints that the method reads, by role.
    pub further: Vec<(String, PathBuf)>,
    /// The model, to be examined.
    pub model: LanguageModel,
    /// Whether all of it is trained, and no memory limit has a say in how it is kept.
    pub trainable: bool,
    pub sets: Sets,
    /// The forget rows as they were read.
    pub forget: Vec<Row>,
    /// How the model is to be asked for other answers.
    pub asking: Option<Asking>,
    pub watched: Option<Watched>,
    /// What is to stand before the model, where the method makes that.
    pub guard: Option<Guard>,
}

impl Prepared {
    /// Reads and checks everything.
    pub fn of(context: &Context, mut recipe: Recipe) -> Result<Self> {
        recipe.method_name()?;
        let (mut made, resolved) = unlearn_methods::method(&recipe.method)?;
        recipe.method = resolved;
        if recipe.data.forget.is_empty() {
            return Err(RecipeError::Missing { field: "data.forget", hint: "give `--forget FILE`".into() }.into());
        }
        let model = context.subject(recipe.model_path()?)?;
        let setup = Setup::of(&model, recipe.seed);
        let (needs, wants_retain, further) = match &mut made {
            Made::Objective(objective) => {
                objective.prepare(&setup)?;
                let needs = objective.needs();
                let wants_retain = needs.retain_rows();
                (needs, wants_retain, Vec::new())
            }
            Made::Edit(edit) => {
                edit::check(&recipe)?;
                edit.prepare(&setup)?;
                (Needs::default(), edit.retain_rows(), edit.inputs())
            }
            Made::Guard(_) => {
                guard::check(&recipe, &model)?;
                (Needs::default(), !recipe.data.retain.is_empty(), Vec::new())
            }
        };
        if wants_retain && recipe.data.retain.is_empty() {
            let hint = "give `--retain FILE`, or `--set method.retain=none` where the method takes it".into();
            return Err(RecipeError::Missing { field: "data.retain", hint }.into());
        }
        let everything = Selection::new(&recipe.train, &model.decoder)?.is_everything();
        let encoder = model.encoder(&recipe.chat);
        let forget = read::all_rows(&recipe.data.forget, recipe.data.limit)?;
        let mut retain = match wants_retain {
            true => read::all_rows(&recipe.data.retain, recipe.data.limit)?,
            false => Vec::new(),
        };
        let mut sets = Sets::new(sets::check(&model, &encoder, &forget)?, sets::check(&model, &encoder, &retain)?);
        if recipe.train.folds > 1 && needs.retain_rows() {
            sets = sets.holding_out();
            retain.extend(forget.iter().cloned());
        }
        check_folds(&recipe.train, &sets, recipe.seed)?;
        let guard = match &made {
            Made::Guard(method) => Some(method.guard(&forget, &retain)?),
            Made::Objective(_) | Made::Edit(_) => None,
        };
        let texts = Texts { forget: &forget, retain: &retain };
        alternates::fill(&recipe, &encoder, &needs, &texts, &mut sets)?;
        alternates::check_lengths(&model, &sets)?;
        let asking = match &needs.forget_alternates {
            Some(Alternative::OrSampled(asking)) if sets.forget_alternates.is_empty() => Some(asking.clone()),
            _ => None,
        };
        if asking.is_some() {
            alternates::check_askable(&model, &forget)?;
        }
        eval::check(&recipe)?;
        for set in sets::eval_sets(&recipe)? {
            sets::check(&model, &encoder, &set.rows)?;
        }
        check_comparable(&recipe, &encoder)?;
        let watched = Watched::of(&recipe, &model, &encoder)?;
        drop(encoder);
        check_reference(&recipe, &model)?;
        let trainable = everything && recipe.train.max_memory.is_none();
        let prepared = Self { recipe, made, needs, further, model, trainable, sets, forget, asking, watched, guard };
        prepared.check_cache()?;
        let recipe = training::within_memory(context, &prepared.recipe, &prepared.sets)?;
        let watched = prepared.watched.map(|watched| watched.within(recipe.train.micro_tokens));
        Ok(Self { recipe, watched, ..prepared })
    }

    /// Every input by role, for its digest.
    pub fn inputs(&self) -> Vec<(String, PathBuf)> {
        [sets::inputs(&self.recipe), self.further.clone()].concat()
    }

    /// What the objective asks of the reference.
    pub fn question(&self, cache: Option<Cache>) -> Question<'_> {
        let visited = visited(&self.recipe.train, &self.sets, self.recipe.seed);
        let budget = self.recipe.train.micro_tokens;
        let (needs, contexts) = (&self.needs.reference, &self.needs.contexts);
        Question { needs, contexts, sets: &self.sets, visited, budget, cache }
    }

    /// Numbers in a state of the model.
    pub fn width(&self) -> usize {
        self.model.decoder.config().hidden_size
    }

    /// Bytes on disk that each of the reference's answers takes: the objective's, then the watch's.
    pub fn reference_bytes(&self) -> [u64; 2] {
        let width = self.width();
        let watched = self.watched.as_ref().and_then(|w| w.question(None));
        [Reference::bytes(&self.question(None), width), watched.map_or(0, |q| Reference::bytes(&q, width))]
    }

    /// Refuses a run that would keep more of the reference than it may.
    fn check_cache(&self) -> Result<()> {
        let bytes: u64 = self.reference_bytes().iter().sum();
        let limit = self.recipe.train.reference_cache.0;
        if bytes <= limit {
            return Ok(());
        }
        let message = format!(
            "what is asked of the reference takes {:.1} GB on disk, `train.reference_cache` allows {:.1} GB",
            bytes as f64 / 1e9,
            limit as f64 / 1e9
        );
        let hint = "allow more, take fewer rows (`data.limit`) or steps, or another retain term (`method.retain=nll`)";
        Err(Refusal::new(message, hint).into())
    }

    /// What the reference says to the objective, and to the watch.
    pub fn ask_reference(&self, context: &Context, cache: Cache) -> Result<[Reference; 2]> {
        let own = (!self.needs.reference.is_empty()).then(|| self.question(Some(cache.clone())));
        let questions = [own, self.watched.as_ref().and_then(|w| w.question(Some(cache)))];
        if questions.iter().all(Option::is_none) {
            return Ok([Reference::default(), Reference::default()]);
        }
        let other = match &self.recipe.model.reference {
            None => None,
            Some(path) => Some(context.subject(path)?),
        };
        let model = other.as_ref().unwrap_or(&self.model);
        let bar = context.bar("reference", 0);
        let mut tell = |done: usize, total: usize| {
            bar.set_total(total);
            bar.set(done, "");
            Ok(())
        };
        let mut ask = |question: Option<Question<'_>>| match question {
            None => Ok(Reference::default()),
            Some(question) => Reference::ask(model, &question, &mut tell),
        };
        let [own, watched] = questions;
        Ok([ask(own)?, ask(watched)?])
    }
}

/// Refuses a reference whose distributions are over other tokens.
fn check_reference(recipe: &Recipe, model: &LanguageModel) -> Result<()> {
    let Some(path) = &recipe.model.reference else { return Ok(()) };
    let theirs = LanguageModel::read_config(path)?.vocab_size;
    let ours = model.decoder.config().vocab_size;
    if ours == theirs {
        return Ok(());
    }
    let message = format!("the reference `{}` has a vocabulary of {theirs}, the model one of {ours}", path.display());
    Err(Refusal::new(message, "the reference is the model as it was before, or one with its tokenizer").into())
}
