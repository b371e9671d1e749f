//! The rows that are watched while a run trains, and what is taken of them.

use std::collections::BTreeMap;

use anyhow::Result;
use unlearn_core::event::{KeptBy, StopReason, Watch};
use unlearn_core::recipe::{Bound, ChatSection};
use unlearn_core::{Recipe, RecipeError};
use unlearn_data::{Encoder, Row, read};
use unlearn_engine::train::{Cache, Quantity, Question, Reference, Set, Sets, disruption};
use unlearn_engine::{EngineError, LanguageModel};
use unlearn_eval::{EvalError, mean_probability, selected};

use super::sets;

/// What the disruption is computed from.
const DISRUPTION: &[(Set, Quantity)] = &[(Set::Retain, Quantity::Distributions)];

/// The fixed, evenly spread rows of each set.
pub struct Watched {
    forget: Vec<Row>,
    retain: Vec<Row>,
    /// The retain rows of which the reference is asked; none where there is no budget.
    asked: Sets,
    chat: ChatSection,
    micro_tokens: usize,
}

impl Watched {
    /// What `[watch]` asks for; `None` when it is off.
    pub fn of(recipe: &Recipe, model: &LanguageModel, encoder: &Encoder) -> Result<Option<Self>> {
        let section = &recipe.watch;
        if section.every == 0 {
            return Ok(None);
        }
        if let Some(field) = section.needs_retain().filter(|_| recipe.data.retain.is_empty()) {
            let hint = format!("give `--retain FILE`: `{field}` is judged by it");
            return Err(RecipeError::Missing { field: "data.retain", hint }.into());
        }
        let rows =
            |paths| -> Result<Vec<Row>> { Ok(selected(&read::all_rows(paths, recipe.data.limit)?, section.rows)) };
        let (forget, retain) = (rows(&recipe.data.forget)?, rows(&recipe.data.retain)?);
        sets::check(model, encoder, &forget)?;
        let encoded = sets::check(model, encoder, &retain)?;
        let asked = if section.disruption == Bound::None { Vec::new() } else { encoded };
        let (asked, chat) = (Sets::new(Vec::new(), asked), recipe.chat.clone());
        Ok(Some(Self { forget, retain, asked, chat, micro_tokens: recipe.train.micro_tokens }))
    }

    /// With at most this many tokens in one pass.
    pub fn within(self, micro_tokens: usize) -> Self {
        Self { micro_tokens, ..self }
    }

    /// What the reference is asked, if it is.
    pub fn question(&self, cache: Option<Cache>) -> Option<Question<'_>> {
        let question = Question {
            needs: DISRUPTION,
            contexts: &[],
            sets: &self.asked,
            visited: BTreeMap::new(),
            budget: self.micro_tokens,
            cache,
        };
        (!self.asked.retain.is_empty()).then_some(question)
    }

    /// Rows that are looked at, of both sets.
    pub fn rows(&self) -> [usize; 2] {
        [self.forget.len(), self.retain.len()]
    }

    /// Looks at the model; `None` when its answers are not numbers.
    pub fn look(
        &self,
        model: &LanguageModel,
        step: usize,
        reference: &Reference,
    ) -> Result<Option<Watch>, EngineError> {
        let encoder = model.encoder(&self.chat);
        let of = |set, rows: &[Row]| match mean_probability(model, &encoder, set, rows) {
            Ok(value) => Ok(Some(value)),
            Err(EvalError::NotFinite { .. }) => Ok(None),
            Err(EvalError::Data(e)) => Err(e.into()),
            Err(EvalError::File(e)) => Err(e.into()),
            Err(EvalError::Engine(e)) => Err(e),
            Err(e @ (EvalError::Unknown(_) | EvalError::Attack { .. })) => {
                Err(EngineError::Tensor { message: e.to_string() })
            }
        };
        let Some(forget) = of("forget", &self.forget)? else { return Ok(None) };
        let Some(retain) = of("retain", &self.retain)? else { return Ok(None) };
        let disruption = match self.asked.retain.is_empty() {
            true => None,
            false => Some(disruption(model, reference, &self.asked.retain, self.micro_tokens)?),
        };
        let finite = disruption.is_none_or(f64::is_finite);
        Ok(finite.then_some(Watch { step, forget: forget.unwrap_or_default(), retain, disruption }))
    }
}

/// A look in words.
pub fn describe(point: &Watch) -> String {
    let number = |name: &str, x: Option<f64>| x.map(|x| format!(" · {name} {x:.4}")).unwrap_or_default();
    let (forget, retain) =
        (number("forget/probability", Some(point.forget)), number("retain/probability", point.retain));
    format!("step {}{forget}{retain}{}", point.step, number("disruption", point.disruption))
}

/// Why a run ended early, in words.
pub fn reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Patience => "no better point for `watch.patience` points",
        StopReason::ForgetBelow => "the forget probability is below `watch.forget_below`",
        StopReason::Disruption => "the model differs from the reference by more than `watch.disruption`",
    }
}

/// Why certain weights were kept, in words.
pub fn by(by: KeptBy) -> &'static str {
    match by {
        KeptBy::Last => "the last",
        KeptBy::Best => "the best point by `watch.rule`",
        KeptBy::NoneQualified => "the last, as no point qualified by `watch.rule`",
    }
}
