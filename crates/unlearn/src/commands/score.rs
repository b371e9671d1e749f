//! `unlearn score`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use unlearn_data::{TokenRow, read};
use unlearn_engine::batch::Which;
use unlearn_engine::likelihood::score_rows;
use unlearn_eval::EvalError;

use super::sets;
use crate::context::Context;

#[derive(Debug, Args)]
pub struct Score {
    /// The model: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// A data file
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The system prompt
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Tokens that go through the model at once
    #[arg(long, value_name = "N", default_value_t = 2048)]
    micro_tokens: usize,
}

impl Score {
    pub fn run(self, context: &Context) -> Result<()> {
        let model = context.subject(&self.model)?;
        let rows = read::rows(&self.input, None)?;
        let tokens = sets::check(&model, &model.encoder(&sets::chat(context, self.system.as_deref())?), &rows)?;
        if model.guard.is_some() {
            context.say("note: these are the weights' likelihoods, which the guard before the model does not give");
        }
        let bar = context.bar("score", tokens.len());
        let scores = score_rows(&model, &tokens, Which::All, self.micro_tokens, |n| bar.set(n, ""));
        drop(bar);
        if let Some(i) = scores.iter().position(|s| s.iter().any(|x| !x.is_finite())) {
            return Err(EvalError::NotFinite { set: self.input.display().to_string(), row: i + 1 }.into());
        }
        for (row, scores) in tokens.iter().zip(&scores) {
            let nll = nll(row, scores);
            if context.common.json {
                context.print(line(row, scores, nll).to_string())?;
            } else {
                context.print(format!("{nll:.6}"))?;
            }
        }
        Ok(())
    }
}

/// Mean negative log-likelihood of the supervised tokens.
fn nll(row: &TokenRow, scores: &[f32]) -> f64 {
    let supervised = scores.iter().zip(&row.labels[1..]).filter(|(_, l)| **l >= 0);
    let (sum, n) = supervised.fold((0.0, 0), |(sum, n), (s, _)| (sum - f64::from(*s), n + 1));
    sum / f64::from(n)
}

fn line(row: &TokenRow, scores: &[f32], nll: f64) -> serde_json::Value {
    let log_probs: Vec<Option<f32>> = std::iter::once(None).chain(scores.iter().copied().map(Some)).collect();
    let supervised = row.labels.iter().enumerate().map(|(i, l)| i > 0 && *l >= 0).collect::<Vec<bool>>();
    json!({"tokens": row.ids, "logprobs": log_probs, "supervised": supervised, "nll": nll})
}
