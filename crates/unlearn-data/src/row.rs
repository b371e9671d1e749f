//! A row of data, as its file gives it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::choices::{self, Choices};

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A turn.
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `{question, answer}`: goes through the chat template.
    Question {
        /// The question.
        question: String,
        /// Its answer.
        answer: String,
    },
    /// `{messages}`: goes through the chat template; the last turn is the answer.
    Messages(Vec<Message>),
    /// `{prompt, completion}`: as it is.
    Completion {
        /// What is given.
        prompt: String,
        /// What follows.
        completion: String,
    },
    /// `{text}`: all of it is supervised.
    Text(String),
    /// `{input_ids, labels}`: already tokenised; a negative label is not supervised.
    Tokens {
        /// Token ids.
        input_ids: Vec<u32>,
        /// Labels, as long as `input_ids`.
        labels: Vec<i64>,
    },
}

/// One row and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The file.
    pub path: Arc<PathBuf>,
    /// The line (of an array: the row), from 1.
    pub line: usize,
    /// What it holds.
    pub content: Content,
    /// `paraphrased_question`.
    pub paraphrased_question: Option<String>,
    /// `paraphrased_questions`: the question in further words.
    pub paraphrased_questions: Vec<String>,
    /// `paraphrased_answer`.
    pub paraphrased_answer: Option<String>,
    /// `perturbed_answer`: wrong answers.
    pub perturbed_answer: Vec<String>,
    /// `alternate`: other answers to the same question.
    pub alternate: Vec<String>,
    /// `choices`: the answers to choose from, the right one among them; empty where there is no choice.
    pub choices: Vec<String>,
    /// `entity`, or `fact.subject`: whom or what the row is about.
    pub entity: Option<String>,
    /// What the answer is made to begin with, given together with the question; no field of a file.
    pub begun: Option<String>,
}

impl Row {
    /// A row that came from no file.
    pub fn of(content: Content) -> Self {
        Self {
            path: Arc::default(),
            line: 0,
            content,
            paraphrased_question: None,
            paraphrased_questions: Vec::new(),
            paraphrased_answer: None,
            perturbed_answer: Vec::new(),
            alternate: Vec::new(),
            choices: Vec::new(),
            entity: None,
            begun: None,
        }
    }

    /// A question with its answer, that came from no file.
    pub fn question(question: impl Into<String>, answer: impl Into<String>) -> Self {
        Self::of(Content::Question { question: question.into(), answer: answer.into() })
    }

    /// A prompt and what follows it, that came from no file.
    pub fn completion(prompt: impl Into<String>, completion: impl Into<String>) -> Self {
        Self::of(Content::Completion { prompt: prompt.into(), completion: completion.into() })
    }

    /// A text, that came from no file.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Content::Text(text.into()))
    }

    /// The row as one of a line of a file.
    #[must_use]
    pub fn at(self, path: &Arc<PathBuf>, line: usize) -> Self {
        Self { path: Arc::clone(path), line, ..self }
    }

    /// Reads one JSON object.
    ///
    /// # Errors
    /// Says which field is missing or of the wrong type.
    pub fn from_json(object: &Map<String, Value>, path: &Arc<PathBuf>, line: usize) -> Result<Self, String> {
        let choices = choices::of(object)?;
        let row = Self {
            paraphrased_question: text(object, "paraphrased_question")?,
            paraphrased_questions: texts(object, "paraphrased_questions")?,
            paraphrased_answer: text(object, "paraphrased_answer")?,
            perturbed_answer: texts(object, "perturbed_answer")?,
            alternate: texts(object, "alternate")?,
            entity: entity(object)?,
            ..Self::of(content(object, choices.as_ref())?)
        };
        Ok(Self { choices: choices.map(|c| c.all).unwrap_or_default(), ..row }.at(path, line))
    }

    /// The row with another question; a text or tokens have none.
    #[must_use]
    pub fn asked(&self, other: &str) -> Option<Self> {
        let mut row = self.clone();
        match &mut row.content {
            Content::Question { question, .. } => other.clone_into(question),
            Content::Completion { prompt, .. } => other.clone_into(prompt),
            Content::Messages(m) => {
                let turn = m.iter_mut().rev().skip(1).find(|m| m.role == "user")?;
                other.clone_into(&mut turn.content);
            }
            Content::Text(_) | Content::Tokens { .. } => return None,
        }
        Some(row)
    }

    /// The question in other words: each of `paraphrased_question` and `paraphrased_questions` once, in order, and none
    /// that is the question itself.
    #[must_use]
    pub fn wordings(&self) -> Vec<&str> {
        let question = self.prompt_text();
        let mut all: Vec<&str> = Vec::new();
        for other in self.paraphrased_question.iter().chain(&self.paraphrased_questions) {
            if *other != question && !all.contains(&other.as_str()) {
                all.push(other);
            }
        }
        all
    }

    /// What is asked, as a reader would want to see it.
    pub fn prompt_text(&self) -> String {
        match &self.content {
            Content::Question { question, .. } => question.clone(),
            Content::Messages(m) => {
                m.iter().rev().skip(1).find(|m| m.role == "user").map_or(String::new(), |m| m.content.clone())
            }
            Content::Completion { prompt, .. } => prompt.clone(),
            Content::Text(_) | Content::Tokens { .. } => String::new(),
        }
    }

    /// All that is sent to a model before its answer, as text: every turn of a conversation, and what the answer is made
    /// to begin with. Of a text or of tokens, nothing.
    #[must_use]
    pub fn sent(&self) -> String {
        let before: Vec<&str> = match &self.content {
            Content::Question { question, .. } => vec![question],
            Content::Messages(m) => m.iter().rev().skip(1).rev().map(|m| m.content.as_str()).collect(),
            Content::Completion { prompt, .. } => vec![prompt],
            Content::Text(_) | Content::Tokens { .. } => Vec::new(),
        };
        before.into_iter().chain(self.begun.as_deref()).collect::<Vec<_>>().join("\n")
    }

    /// The row as JSON, with other answers in place of its own `alternate`; `None` where it has no text to answer.
    pub fn with_alternates(&self, alternates: &[String]) -> Option<Value> {
        let mut row = match &self.content {
            Content::Question { question, answer } => json!({"question": question, "answer": answer}),
            Content::Messages(messages) => json!({"messages": messages}),
            Content::Completion { prompt, completion } => json!({"prompt": prompt, "completion": completion}),
            Content::Text(_) | Content::Tokens { .. } => return None,
        };
        row["alternate"] = json!(alternates);
        Some(row)
    }

    /// What the data answers, if the row has a text to answer with.
    pub fn answer_text(&self) -> Option<&str> {
        match &self.content {
            Content::Question { answer, .. } => Some(answer),
            Content::Messages(m) => m.last().map(|m| m.content.as_str()),
            Content::Completion { completion, .. } => Some(completion),
            Content::Text(_) | Content::Tokens { .. } => None,
        }
    }
}

fn content(o: &Map<String, Value>, choices: Option<&Choices>) -> Result<Content, String> {
    if let Some(Choices { right, .. }) = choices {
        let question = text(o, "question")?.ok_or("the row has a field `choices` but no field `question`")?;
        return Ok(Content::Question { question, answer: right.clone() });
    }
    if o.contains_key("input_ids") {
        let input_ids = integers(o, "input_ids")?.into_iter().map(u32::try_from).collect::<Result<Vec<_>, _>>();
        let input_ids = input_ids.map_err(|_| "field `input_ids` holds a negative or too large id".to_owned())?;
        let labels = integers(o, "labels")?;
        if labels.len() != input_ids.len() {
            return Err(format!("field `labels` has {} entries, `input_ids` has {}", labels.len(), input_ids.len()));
        }
        return Ok(Content::Tokens { input_ids, labels });
    }
    if let Some(messages) = o.get("messages") {
        let messages: Vec<Message> = serde_json::from_value(messages.clone())
            .map_err(|e| format!("field `messages` is not a list of {{role, content}}: {e}"))?;
        return match messages.last() {
            Some(last) if last.role == "assistant" => Ok(Content::Messages(messages)),
            _ => Err("field `messages` does not end with an `assistant` turn".into()),
        };
    }
    let need = |field: &str, has: &str| {
        text(o, field)?.ok_or_else(|| format!("the row has a field `{has}` but no field `{field}`"))
    };
    if let Some(question) = text(o, "question")? {
        return Ok(Content::Question { question, answer: need("answer", "question")? });
    }
    if let Some(prompt) = text(o, "prompt")? {
        return Ok(Content::Completion { prompt, completion: need("completion", "prompt")? });
    }
    if let Some(text) = text(o, "text")? {
        return Ok(Content::Text(text));
    }
    let has = o.keys().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    Err(format!("the row has no field `question`, `prompt`, `messages`, `text` or `input_ids`, only {has}"))
}

pub(crate) fn text(o: &Map<String, Value>, field: &str) -> Result<Option<String>, String> {
    match o.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s.clone())),
        Some(other) => Err(format!("field `{field}` is not a text but {other}")),
    }
}

fn entity(o: &Map<String, Value>) -> Result<Option<String>, String> {
    let fact = o.get("fact").and_then(Value::as_object);
    Ok(text(o, "entity")?.or_else(|| Some(fact?.get("subject")?.as_str()?.to_owned())))
}

pub(crate) fn texts(o: &Map<String, Value>, field: &str) -> Result<Vec<String>, String> {
    match o.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(s)) => Ok(vec![s.clone()]),
        Some(v) => serde_json::from_value(v.clone()).map_err(|_| format!("field `{field}` is not a list of texts")),
    }
}

fn integers(o: &Map<String, Value>, field: &str) -> Result<Vec<i64>, String> {
    let value = o.get(field).ok_or_else(|| format!("the row has no field `{field}`"))?;
    serde_json::from_value(value.clone()).map_err(|_| format!("field `{field}` is not a list of integers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_each_other_wording_once() {
        let row = |more: Value| {
            let mut object = json!({"question": "Who?", "answer": "Ana"});
            object.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            Row::from_json(object.as_object().expect("an object"), &Arc::default(), 1)
        };
        let wordings = |more: Value| row(more).expect("a row").wordings().join("|");
        assert_eq!(wordings(json!({})), "");
        assert_eq!(wordings(json!({"paraphrased_question": "Whose?"})), "Whose?");
        assert_eq!(wordings(json!({"paraphrased_questions": ["Who?", "Whom?", "Whom?"]})), "Whom?");
        let both = json!({"paraphrased_question": "Whose?", "paraphrased_questions": ["Whose?", "Whom?"]});
        assert_eq!(wordings(both), "Whose?|Whom?");
        let error = row(json!({"paraphrased_questions": 3})).expect_err("no list");
        assert!(error.contains("`paraphrased_questions` is not a list of texts"), "{error}");
    }
}
