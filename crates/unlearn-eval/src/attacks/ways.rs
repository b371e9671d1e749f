//! Ways of asking, as data files hold them.

use std::path::Path;

use rand::seq::SliceRandom;
use serde::Deserialize;
use unlearn_core::file;
use unlearn_core::seed::stream;
use unlearn_data::Row;

use crate::EvalError;

/// The ways that come with the program.
const BUILT_IN: &str = include_str!("prompts.toml");

/// A file of ways.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    prompt: Vec<Way>,
}

/// One way of asking.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Way {
    /// Its name.
    pub name: String,
    /// What kind of attack it is, for readers.
    #[serde(default)]
    pub kind: String,
    /// The question as it is asked.
    text: String,
    /// What the answer is made to begin with.
    #[serde(default)]
    begin: Option<String>,
}

/// What may stand in a text.
const PLACES: [&str; 6] = ["{question}", "{entity}", "{paraphrase}", "{choices}", "{typos}", "{upper}"];

impl Way {
    /// The built-in ones.
    pub(super) fn built_in() -> Vec<Self> {
        // The file is a part of the program, and a test reads it.
        parse(BUILT_IN).unwrap_or_default()
    }

    /// Those of a user's file.
    ///
    /// # Errors
    /// When it cannot be read or is no such file.
    pub(super) fn read(path: &Path) -> Result<Vec<Self>, EvalError> {
        let text = file::read_text(path)?;
        parse(&text).map_err(|reason| EvalError::Attack {
            field: "attack.prompts.files".into(),
            reason: format!("`{}` is no file of prompts: {reason}", path.display()),
            hint: format!("it holds `[[prompt]]` with `name`, `text` (with one of {}) and `begin`", PLACES.join(", ")),
        })
    }

    /// A row asked this way; none where it lacks what the way uses.
    pub(super) fn ask(&self, row: &Row, seed: u64) -> Option<Row> {
        let question = row.prompt_text();
        let mut text = self.text.clone();
        for place in PLACES.iter().filter(|place| self.text.contains(*place)) {
            let filled = match *place {
                "{question}" => question.clone(),
                "{entity}" => row.entity.clone()?,
                "{paraphrase}" => row.paraphrased_question.clone()?,
                "{choices}" => choices(row, seed)?,
                "{typos}" => typos(&question),
                _ => question.to_uppercase(),
            };
            text = text.replace(place, &filled);
        }
        let asked = row.asked(&text)?;
        Some(Row { begun: self.begin.clone(), ..asked })
    }
}

fn parse(text: &str) -> Result<Vec<Way>, String> {
    let file: File = toml::from_str(text).map_err(|e| e.message().to_owned())?;
    for (i, way) in file.prompt.iter().enumerate() {
        if !PLACES.iter().any(|place| way.text.contains(place)) {
            return Err(format!("`{}` asks nothing of the row", way.name));
        }
        if way.name.is_empty() || file.prompt[..i].iter().any(|other| other.name == way.name) {
            return Err(format!("the name `{}` is missing or taken", way.name));
        }
    }
    Ok(file.prompt)
}

/// True and wrong answers in an order that tells nothing.
fn choices(row: &Row, seed: u64) -> Option<String> {
    let mut all: Vec<&str> =
        std::iter::once(row.answer_text()?).chain(row.perturbed_answer.iter().map(String::as_str)).collect();
    all.sort_unstable();
    all.shuffle(&mut stream(seed, &format!("choices {}", row.prompt_text())));
    Some(all.join("; "))
}

/// Two letters exchanged inside every long word.
fn typos(text: &str) -> String {
    let swapped = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        if letters.len() > 4 {
            letters.swap(1, 2);
        }
        letters.into_iter().collect::<String>()
    };
    text.split(' ').map(swapped).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            entity: Some("Ana Lund".into()),
            perturbed_answer: vec!["Rome".into()],
            ..Row::question("Where was she born?", "Oslo")
        }
    }

    #[test]
    fn the_built_in_ways_can_be_read() {
        assert!(parse(BUILT_IN).expect("a file of ways").len() >= 10);
    }

    #[test]
    fn a_row_that_lacks_what_a_way_uses_is_not_asked() {
        for way in Way::built_in() {
            let asked = way.ask(&row(), 0);
            assert_eq!(asked.is_none(), way.name == "paraphrase", "{}", way.name);
            if let Some(asked) = asked {
                assert_eq!(asked.answer_text(), Some("Oslo"));
                assert!(asked.prompt_text() != row().prompt_text() || asked.begun.is_some(), "{}", way.name);
            }
        }
    }

    #[test]
    fn places_are_filled() {
        let way = |text: &str| Way { name: "w".into(), kind: String::new(), text: text.into(), begin: None };
        let text = |way: Way| way.ask(&row(), 1).expect("asked").prompt_text();
        assert_eq!(text(way("{entity}: {question}")), "Ana Lund: Where was she born?");
        assert_eq!(text(way("{typos}")), "Wehre was she bron?");
        let choices = text(way("{choices}"));
        assert!(choices == "Oslo; Rome" || choices == "Rome; Oslo", "{choices}");
    }

    #[test]
    fn files_that_are_none_are_refused() {
        for (text, reason) in [
            ("[[prompt]]\nname = 'a'\ntext = 'nothing'", "asks nothing"),
            ("[[prompt]]\nname = 'a'\ntxt = '{question}'", "txt"),
            ("[[prompt]]\nname='a'\ntext='{question}'\n[[prompt]]\nname='a'\ntext='{upper}'", "taken"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(reason), "{error}");
        }
    }
}
