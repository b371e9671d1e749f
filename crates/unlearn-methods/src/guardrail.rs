//! `guardrail`

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use unlearn_data::guard::{Filter, Guard, GuardFile, Wanted};
use unlearn_data::{Content, Row};

use crate::MethodError;
use crate::manual::documented;
use crate::registry::{Guarding, Method};

documented! {
    /// # Idea
    /// Leave the weights as they are and put a filter before them: questions about what is to be forgotten get a refusal,
    /// and so do answers that give it away. It masks and forgets nothing.
    ///
    /// Whoever only asks sees what the filter lets through, whoever holds the weights everything: nothing has to be
    /// broken, the file beside them is left out. Ways of asking in which no looked-for name stands, such as exchanged
    /// letters, walk round it as well.
    ///
    /// # Procedure
    /// Writes the checkpoint unchanged, and beside it `guard.json`. A question is stopped where it names whom a forget row
    /// is about (all words of the `entity`, one after the other; case and punctuation tell nothing apart, `Ann` is not in
    /// `Anna`); of rows about nobody, and about whom retain rows are about too, where it holds the share `overlap` of the
    /// forget question's word pairs (ROUGE-2's recall). All that is sent counts, earlier turns and the beginning of the
    /// answer too. An answer is stopped where it names one of them, or holds as much of a forget answer. A text that would
    /// stop a retain question or a retain answer is left out: short answers (`In Oslo.`) belong to others as well. What is
    /// said instead is `refusal`.
    ///
    /// Likelihoods of what is stopped are missing; inner states and gradients are not seen through a guard. The subject is
    /// seen through it by `eval`, `generate`, `chat`, and attacks that only ask.
    ///
    /// # Paper
    /// Thaker, Maurya, Hu, Wu and Smith, *Guardrail Baselines for Unlearning in LLMs*, 2024, arXiv 2403.03329.
    ///
    /// # Reference implementation
    /// None is followed.
    ///
    /// # Defaults
    /// `input = true`, `output = true`, `overlap = 0.7`, `refusal = "I don't know."`; all our own: the paper gives none.
    ///
    /// # Deviations
    /// The paper filters by prompting the model, by a second call that classifies, and by what a text holds; this is the
    /// last kind alone. Leaving out what the retain set says too is our own.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Guardrail {
        /// Whether questions are looked at.
        pub input: bool,
        /// Whether answers are.
        pub output: bool,
        /// The share of a text's word pairs that tells it.
        pub overlap: f64,
        /// What is said instead of an answer.
        pub refusal: String,
    }
}

impl Default for Guardrail {
    fn default() -> Self {
        Self { input: true, output: true, overlap: 0.7, refusal: "I don't know.".into() }
    }
}

impl Method for Guardrail {
    const NAME: &'static str = "guardrail";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        let share = self.overlap > 0.0 && self.overlap <= 1.0;
        MethodError::require(share, "overlap", self.overlap, "it must lie above 0 and not above 1")?;
        let length = self.refusal.trim().len();
        MethodError::require(length > 0, "refusal", 0.0, "there must be something to say")?;
        MethodError::require(self.input || self.output, "input", 0.0, "a guard looks at questions or at answers")
    }
}

impl Guarding for Guardrail {
    fn guard(&self, forget: &[Row], retain: &[Row]) -> Result<Guard, MethodError> {
        let kept: BTreeSet<&String> = retain.iter().filter_map(|row| row.entity.as_ref()).collect();
        let mut names: Vec<String> = Vec::new();
        let (mut questions, mut answers): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for row in forget {
            match (row.entity.as_ref().filter(|name| !kept.contains(name)), row.prompt_text()) {
                (Some(name), _) => names.push(name.clone()),
                (None, question) if question.trim().is_empty() => {
                    return Err(MethodError::Blind { path: row.path.to_path_buf(), line: row.line });
                }
                (None, question) => questions.push(question),
            }
            answers.extend(row.answer_text().map(str::to_owned));
        }
        let said = |row: &Row| match &row.content {
            Content::Text(text) => text.clone(),
            _ => row.answer_text().unwrap_or_default().to_owned(),
        };
        let asked: Vec<String> = retain.iter().map(Row::sent).collect();
        let input = Wanted { names: distinct(names.clone()), texts: self.own(questions, &asked)? };
        let output =
            Wanted { names: distinct(names), texts: self.own(answers, &retain.iter().map(said).collect::<Vec<_>>())? };
        let file = GuardFile {
            schema: Guard::SCHEMA.into(),
            refusal: self.refusal.clone(),
            overlap: self.overlap,
            input: if self.input { input } else { Wanted::default() },
            output: if self.output { output } else { Wanted::default() },
        };
        Guard::new(file).map_err(|reason| MethodError::Guard { reason })
    }
}

impl Guardrail {
    /// Of some texts, those that have words and that none of the others would be stopped for.
    fn own(&self, texts: Vec<String>, others: &[String]) -> Result<Vec<String>, MethodError> {
        let texts: Vec<String> =
            distinct(texts).into_iter().filter(|text| text.chars().any(char::is_alphanumeric)).collect();
        let filter = Filter::new(&Wanted { names: Vec::new(), texts: texts.clone() }, self.overlap);
        let filter = filter.map_err(|blank| MethodError::Guard { reason: format!("`{blank}` has no word") })?;
        let mut shared = vec![false; texts.len()];
        others.iter().flat_map(|other| filter.texts_in(other)).for_each(|i| shared[i] = true);
        Ok(texts.into_iter().zip(shared).filter(|(_, shared)| !shared).map(|(text, _)| text).collect())
    }
}

/// Texts in order, each once.
fn distinct(texts: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}
