//! Observations: what was seen of a subject on a set.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unlearn_data::{Row, TokenRow};
use unlearn_engine::inside::Inside;
use unlearn_engine::tree::Seen;

/// What a subject makes of the supervised tokens of one answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Log-probability of each, in nats.
    pub log_probs: Vec<f32>,
    /// Whether no other token is more likely there.
    pub greedy: Vec<bool>,
    /// The expected log-probability there: minus the entropy.
    pub expected: Vec<f32>,
    /// The standard deviation of the log-probability there.
    pub deviation: Vec<f32>,
}

impl Tokens {
    /// From what the engine saw.
    #[must_use]
    pub fn of(seen: &[Seen]) -> Self {
        Self {
            log_probs: seen.iter().map(|s| s.log_prob).collect(),
            greedy: seen.iter().map(|s| s.greedy).collect(),
            expected: seen.iter().map(|s| s.expected).collect(),
            deviation: seen.iter().map(|s| s.deviation).collect(),
        }
    }

    /// The mean log-probability.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self.log_probs.iter().map(|&x| f64::from(x)).sum();
        (!self.log_probs.is_empty()).then(|| sum / self.log_probs.len() as f64)
    }

    /// The tokens without the last one, which ends the answer; all of a single one.
    #[must_use]
    pub fn without_end(&self) -> std::ops::Range<usize> {
        0..self.log_probs.len().saturating_sub(1).max(usize::from(self.log_probs.len() == 1))
    }

    fn is_finite(&self) -> bool {
        self.log_probs.iter().all(|x| x.is_finite())
    }
}

/// What a subject makes of the answers to one row; an answer that comes to no token is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Likelihoods {
    /// The row's own answer.
    pub answer: Option<Tokens>,
    /// Its supervised tokens as text.
    pub text: String,
    /// `paraphrased_answer`.
    pub paraphrased: Option<Tokens>,
    /// Each `perturbed_answer`.
    pub perturbed: Vec<Option<Tokens>>,
    /// Each choice.
    pub choices: Vec<Option<Tokens>>,
}

impl Likelihoods {
    pub(crate) fn is_finite(&self) -> bool {
        let others = self.perturbed.iter().chain(&self.choices).flatten();
        self.answer.iter().chain(&self.paraphrased).chain(others).all(Tokens::is_finite)
    }
}

/// What was seen of a subject on one set. A list is empty when it was not asked for, and else as long as the rows.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    /// The rows that were asked.
    pub rows: Vec<Row>,
    /// What it makes of given answers.
    pub likelihoods: Vec<Likelihoods>,
    /// The greedy answer to each row; `None` for rows without a question in words.
    pub generations: Vec<Option<String>>,
    /// For each row, the norms of its loss's gradient by each parameter tensor, averaged; `None` where nothing can be
    /// trained.
    pub gradient_norms: Vec<Option<f64>>,
    /// What is inside the subject, for some of the rows.
    pub inside: Option<Arc<Peek>>,
    /// Sampled answers to each row; empty for rows without a question in words.
    pub samples: Vec<Vec<String>>,
    /// Of each row, of each sampled answer: its log-probability, in nats, and its tokens; missing where it has none.
    pub sampled: Vec<Vec<Option<(f64, usize)>>>,
    /// The same of the answers that were sampled from the model beside it.
    pub sampled_by_other: Vec<Vec<Option<(f64, usize)>>>,
    /// Of each row, whether a guard kept its question or its answers back; empty where none stands before the subject.
    pub withheld: Vec<bool>,
    /// Tokens that went through the subject for it.
    pub spent: Spent,
    /// Tokens that passes for one thing alone would take, without padding.
    pub alone: Alone,
}

/// What is inside a subject where it predicts the answers to some rows of a set.
#[derive(Debug)]
pub struct Peek {
    /// The rows, by their place in the set.
    pub rows: Vec<usize>,
    /// Their tokens.
    pub tokens: Vec<TokenRow>,
    /// What is inside.
    pub inside: Inside,
    /// What becomes of the answers when others' states replace its own.
    pub patched: Option<Patched>,
}

/// Mean log-probabilities of answers with the stream after each block replaced where they are predicted.
#[derive(Debug, Default)]
pub struct Patched {
    /// Of each row, with nothing replaced.
    pub own: Vec<f64>,
    /// Of each block, of each row, with the retrained model's states.
    pub retrained: Vec<Vec<f64>>,
    /// The same with the subject's.
    pub subject: Vec<Vec<f64>>,
}

/// Tokens that went through a subject, by what for; padding included, a backward pass counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// To see what it makes of given answers.
    pub likelihoods: u64,
    /// Greedy answers.
    pub generations: u64,
    /// Gradients.
    pub gradients: u64,
    /// Sampled answers.
    pub samples: u64,
    /// What is inside.
    pub inside: u64,
}

impl Spent {
    fn parts(&self) -> [(&'static str, u64); 5] {
        [
            ("likelihoods", self.likelihoods),
            ("greedy answers", self.generations),
            ("gradients", self.gradients),
            ("sampled answers", self.samples),
            ("states", self.inside),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.parts().iter().map(|(_, tokens)| tokens).sum()
    }
}

/// The sum, and what it is made of.
impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().into_iter().filter(|(_, tokens)| *tokens > 0);
        let parts: Vec<String> = parts.map(|(name, tokens)| format!("{name} {tokens}")).collect();
        write!(f, "{} ({})", self.total(), parts.join(", "))
    }
}

impl std::ops::Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            likelihoods: self.likelihoods + other.likelihoods,
            generations: self.generations + other.generations,
            gradients: self.gradients + other.gradients,
            samples: self.samples + other.samples,
            inside: self.inside + other.inside,
        }
    }
}

/// Tokens that a pass over a set takes for one thing alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alone {
    /// The rows' own answers.
    pub answer: u64,
    /// The paraphrased ones.
    pub paraphrased: u64,
    /// The wrong ones.
    pub perturbed: u64,
    /// The choices.
    pub choices: u64,
    /// Greedy answers.
    pub generations: u64,
    /// Gradients.
    pub gradients: u64,
    /// Sampled answers.
    pub samples: u64,
}

impl Observations {
    /// One value of each row's answer.
    pub fn of_answers(&self, value: impl Fn(&Likelihoods, &Tokens) -> Option<f64>) -> Vec<Option<f64>> {
        self.likelihoods.iter().map(|l| value(l, l.answer.as_ref()?)).collect()
    }
}
