//! From rows of text to token rows: only the answer and its end token are supervised.

use crate::{ChatTemplate, Content, DataError, Message, Row, Tokenizer};

/// The label of a token that is not supervised.
pub const IGNORED: i64 = -100;

/// Token ids with their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Token ids.
    pub ids: Vec<u32>,
    /// As long as `ids`: the id itself where it is supervised, negative where it is not.
    pub labels: Vec<i64>,
    /// A token that attention does not see, wherever it stands; none but for `chat.hide_pad_token`.
    pub hidden: Option<u32>,
}

impl TokenRow {
    /// A row of given tokens.
    #[must_use]
    pub fn of_tokens(ids: Vec<u32>, labels: Vec<i64>) -> Self {
        Self { ids, labels, hidden: None }
    }

    /// Tokens that are predicted and supervised: the first never is, nothing stands before it.
    pub fn supervised(&self) -> usize {
        self.labels.iter().skip(1).filter(|&&l| l >= 0).count()
    }

    /// The row after a context that is not supervised. Where both begin with the same token, it is the one that every
    /// text begins with, and stands once.
    #[must_use]
    pub fn after(&self, context: &[u32]) -> Self {
        let twice = self.ids.first() == context.first() && self.labels.first().is_some_and(|&l| l < 0);
        let from = usize::from(twice && !context.is_empty());
        let labels = std::iter::repeat_n(IGNORED, context.len()).chain(self.labels[from..].iter().copied()).collect();
        Self { ids: [context, &self.ids[from..]].concat(), labels, hidden: self.hidden }
    }

    /// The tokens before the first supervised one.
    pub fn prompt(&self) -> &[u32] {
        let end = self.labels.iter().position(|&l| l >= 0).unwrap_or(self.ids.len());
        &self.ids[..end]
    }

    fn new(ids: Vec<u32>, prompt: usize) -> Self {
        let labels = ids.iter().enumerate().map(|(i, &id)| if i < prompt { IGNORED } else { i64::from(id) }).collect();
        Self::of_tokens(ids, labels)
    }
}

/// Turns rows into token rows for one checkpoint.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The checkpoint's tokenizer; rows that are already tokenised need none.
    pub tokenizer: Option<Tokenizer>,
    /// The checkpoint's chat template. Without one a question stands as `Question: …\nAnswer: …`.
    pub template: Option<ChatTemplate>,
    /// The system prompt that goes before every question.
    pub system: Option<String>,
    /// Ids from here on are not in the model's vocabulary.
    pub vocabulary: usize,
    /// A token that attention does not see; see [`TokenRow::hidden`].
    pub hidden: Option<u32>,
}

impl Encoder {
    /// Encodes a row with its own answer.
    ///
    /// # Errors
    /// Names the row's file and line: text without a tokenizer, an id outside the vocabulary, nothing supervised.
    pub fn encode(&self, row: &Row) -> Result<TokenRow, DataError> {
        if row.answer_text().is_some_and(|a| a.trim().is_empty()) {
            return Err(no_answer(row, false));
        }
        let tokens = match &row.content {
            Content::Tokens { input_ids, labels } => TokenRow::of_tokens(input_ids.clone(), labels.clone()),
            Content::Question { question, answer } => self.dialogue(row, &[Message::new("user", question)], answer)?,
            Content::Messages(messages) => match messages.split_last() {
                Some((last, before)) => self.dialogue(row, before, &last.content)?,
                None => TokenRow::new(Vec::new(), 0),
            },
            Content::Completion { prompt, completion } => {
                self.completion(row, &format!("{prompt}{}", row.begun.as_deref().unwrap_or_default()), completion)?
            }
            Content::Text(text) => {
                let ids = self.tokenizer(row)?.encode(text, true)?;
                TokenRow::new(self.ended(row, ids)?, 0)
            }
        };
        self.check(row, tokens)
    }

    /// Encodes a row's question with another answer (a paraphrase, a wrong one, a refusal).
    ///
    /// # Errors
    /// As [`Self::encode`]; a tokenised row has no question to answer.
    pub fn encode_answer(&self, row: &Row, answer: &str) -> Result<TokenRow, DataError> {
        let mut other = row.clone();
        match &mut other.content {
            Content::Question { answer: a, .. } | Content::Completion { completion: a, .. } => *a = answer.to_owned(),
            Content::Messages(m) => {
                if let Some(last) = m.last_mut() {
                    last.content = answer.to_owned();
                }
            }
            Content::Text(_) | Content::Tokens { .. } => return Err(bad(row, "the row has no question to answer")),
        }
        self.encode(&other)
    }

    /// The tokens of a user's prompt, up to where the answer begins.
    ///
    /// # Errors
    /// When the model has no tokenizer or the template fails.
    pub fn prompt(&self, conversation: &[Message]) -> Result<Vec<u32>, DataError> {
        let row = Row::question("", "");
        let (text, special) = self.prompt_text(conversation)?;
        self.tokenizer(&row)?.encode(&text, special)
    }

    /// The text of a user's prompt, and whether the tokenizer adds to it what it adds to a whole text.
    ///
    /// # Errors
    /// When the template fails.
    pub fn prompt_text(&self, conversation: &[Message]) -> Result<(String, bool), DataError> {
        Ok(match &self.template {
            Some(t) => (t.render(&self.with_system(conversation), true)?, false),
            None => (plain(&self.with_system(conversation)), true),
        })
    }

    fn dialogue(&self, row: &Row, before: &[Message], answer: &str) -> Result<TokenRow, DataError> {
        let tokenizer = self.tokenizer(row)?;
        let begun = row.begun.as_deref().unwrap_or_default();
        let Some(template) = &self.template else {
            let prompt = plain(&self.with_system(before));
            let begun = if begun.is_empty() { String::new() } else { format!(" {}", begun.trim()) };
            return self.completion(row, &(prompt + &begun), &format!(" {}", answer.trim_start()));
        };
        let mut messages = self.with_system(before);
        let prompt = tokenizer.encode(&(template.render(&messages, true)? + begun), false)?;
        messages.push(Message::new("assistant", format!("{begun}{answer}")));
        let ids = tokenizer.encode(&template.render(&messages, false)?, false)?;
        let ids = self.ended(row, ids)?;
        Ok(TokenRow::new(ids.clone(), common_prefix(&prompt, &ids)))
    }

    fn completion(&self, row: &Row, prompt: &str, completion: &str) -> Result<TokenRow, DataError> {
        let tokenizer = self.tokenizer(row)?;
        let before = tokenizer.encode(prompt, true)?;
        let ids = self.ended(row, tokenizer.encode(&format!("{prompt}{completion}"), true)?)?;
        let shared = common_prefix(&before, &ids);
        Ok(TokenRow::new(ids, shared))
    }

    fn with_system(&self, conversation: &[Message]) -> Vec<Message> {
        let own = conversation.first().is_some_and(|m| m.role == "system");
        let system = self.system.iter().filter(|_| !own).map(|s| Message::new("system", s));
        system.chain(conversation.iter().cloned()).collect()
    }

    fn tokenizer(&self, row: &Row) -> Result<&Tokenizer, DataError> {
        self.tokenizer.as_ref().ok_or_else(|| DataError::NoTokenizer { path: row.path.to_path_buf(), line: row.line })
    }

    /// Adds the end token unless it is there.
    fn ended(&self, row: &Row, mut ids: Vec<u32>) -> Result<Vec<u32>, DataError> {
        if let Some(eos) = self.tokenizer(row)?.eos()
            && ids.last() != Some(&eos)
        {
            ids.push(eos);
        }
        Ok(ids)
    }

    fn check(&self, row: &Row, mut tokens: TokenRow) -> Result<TokenRow, DataError> {
        tokens.hidden = self.hidden;
        let outside = |id: i64| id >= self.vocabulary as i64;
        let ids = tokens.ids.iter().map(|&id| i64::from(id));
        if let Some(id) = ids.chain(tokens.labels.iter().copied()).find(|&id| outside(id)) {
            return Err(bad(row, &format!("token id {id} is not in the model's vocabulary of {}", self.vocabulary)));
        }
        if tokens.supervised() == 0 {
            return Err(no_answer(row, true));
        }
        Ok(tokens)
    }
}

fn bad(row: &Row, reason: &str) -> DataError {
    DataError::Row { path: row.path.to_path_buf(), line: row.line, reason: reason.into() }
}

fn no_answer(row: &Row, tokens: bool) -> DataError {
    DataError::NoAnswer { path: row.path.to_path_buf(), line: row.line, tokens }
}

fn plain(conversation: &[Message]) -> String {
    let turns = conversation.iter().map(|m| match m.role.as_str() {
        "user" => format!("Question: {}\n", m.content),
        "assistant" => format!("Answer: {}\n\n", m.content),
        _ => format!("{}\n\n", m.content),
    });
    turns.collect::<String>() + "Answer:"
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}
