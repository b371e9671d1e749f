//! What a prompt is searched for.

use serde::{Deserialize, Serialize};
use unlearn_data::{Content, DataError, Encoder, Message, Row, TokenRow, Tokenizer};
use unlearn_engine::prompt::Slotted;
use unlearn_engine::{EngineError, LanguageModel};

/// Where in a question the free places stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Before it.
    Prefix,
    /// Behind it.
    #[default]
    Suffix,
}

/// The tokens around the free places, and what is to be said behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// Tokens before the free places.
    pub before: Vec<u32>,
    /// Tokens between them and the target.
    pub after: Vec<u32>,
    /// What is to be said.
    pub target: Vec<u32>,
    /// A token that attention does not see (see [`TokenRow::hidden`]).
    pub hidden: Option<u32>,
    /// The texts of `before` and `after`, and whether the tokenizer adds to them what it adds to a whole text; none where
    /// the row was tokens already.
    pub text: Option<(String, String, bool)>,
}

/// Stands for the free places while the template is rendered: a character of the private use area.
const MARK: &str = "\u{F8FF}";

impl Goal {
    /// A row's question with free places before or behind it, and its own answer or another target. Texts on both sides
    /// of the places become tokens by themselves, as does the target.
    ///
    /// # Errors
    /// When the row has no question or no target, there is no tokenizer, or the template fails.
    pub fn of(encoder: &Encoder, row: &Row, place: Place, target: Option<&str>) -> Result<Self, DataError> {
        let bad = |reason: &str| DataError::Row { path: row.path.to_path_buf(), line: row.line, reason: reason.into() };
        let with = |text: &str| match place {
            Place::Prefix => format!("{MARK}{text}"),
            Place::Suffix => format!("{text}{MARK}"),
        };
        let chat = |conversation: &[Message]| encoder.prompt_text(conversation);
        let (text, special) = match &row.content {
            Content::Tokens { input_ids, labels } => {
                return Self::of_tokens(&TokenRow::of_tokens(input_ids.clone(), labels.clone()), place, encoder.hidden)
                    .filter(|_| target.is_none())
                    .ok_or_else(|| bad("a tokenised row has no other target than its own, which must not be empty"));
            }
            Content::Question { question, .. } => chat(&[Message::new("user", with(question))])?,
            Content::Messages(messages) => {
                let mut before: Vec<Message> = messages[..messages.len().saturating_sub(1)].to_vec();
                let asked = before.iter_mut().rev().find(|m| m.role == "user");
                let asked = asked.ok_or_else(|| bad("the row has no question"))?;
                asked.content = with(&asked.content);
                chat(&before)?
            }
            Content::Completion { prompt, .. } => (with(prompt), true),
            Content::Text(_) => return Err(bad("the row has no question to search a prompt for")),
        };
        let (before, after) = text.split_once(MARK).ok_or_else(|| bad("the chat template leaves the question out"))?;
        let target = target.or_else(|| row.answer_text()).unwrap_or_default();
        let completion = matches!(row.content, Content::Completion { .. });
        // What `Encoder` puts between a question without a template and its answer.
        let spaced = encoder.template.is_none() && !completion;
        let target = if spaced { format!(" {}", target.trim_start()) } else { target.to_owned() };
        if target.trim().is_empty() {
            return Err(bad("the target is empty"));
        }
        let tokenizer = encoder.tokenizer.as_ref();
        let tokenizer =
            tokenizer.ok_or_else(|| DataError::NoTokenizer { path: row.path.to_path_buf(), line: row.line })?;
        Ok(Self {
            before: tokenizer.encode(before, special)?,
            after: tokenizer.encode(after, false)?,
            target: tokenizer.encode(&target, false)?,
            hidden: encoder.hidden,
            text: Some((before.to_owned(), after.to_owned(), special)),
        })
    }

    /// A tokenised row with free places before or behind its prompt; `None` where nothing is supervised.
    fn of_tokens(row: &TokenRow, place: Place, hidden: Option<u32>) -> Option<Self> {
        let prompt = row.prompt().to_vec();
        let target = row.ids[prompt.len()..].to_vec();
        let (before, after) = match place {
            Place::Prefix => (Vec::new(), prompt),
            Place::Suffix => (prompt, Vec::new()),
        };
        (!target.is_empty()).then_some(Self { before, after, target, hidden, text: None })
    }

    /// The prompt with tokens at its free places.
    #[must_use]
    pub fn prompt(&self, ids: &[u32]) -> Vec<u32> {
        [&self.before, ids, &self.after].concat()
    }

    /// Where the free places stand in it.
    #[must_use]
    pub fn slots(&self, count: usize) -> Vec<usize> {
        (self.before.len()..self.before.len() + count).collect()
    }

    /// The row with `count` free places, whose target is supervised.
    ///
    /// # Errors
    /// When it is longer than the model's context.
    pub fn slotted(&self, model: &LanguageModel, count: usize) -> Result<Slotted, EngineError> {
        let prompt = self.prompt(&vec![0; count]);
        let labels = prompt.iter().map(|_| -100).chain(self.target.iter().map(|&id| i64::from(id))).collect();
        let row =
            TokenRow { hidden: self.hidden, ..TokenRow::of_tokens([prompt, self.target.clone()].concat(), labels) };
        Slotted::new(model, row, self.slots(count))
    }

    /// Whether the prompt as a text becomes the very tokens that it was found as; `None` where it has no text.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn reads_back(&self, tokenizer: &Tokenizer, ids: &[u32]) -> Result<Option<bool>, DataError> {
        let Some((before, after, special)) = &self.text else { return Ok(None) };
        let text = format!("{before}{}{after}", tokenizer.decode(ids)?);
        Ok(Some(tokenizer.encode(&text, *special)? == self.prompt(ids)))
    }
}
