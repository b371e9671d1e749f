//! Greedy answers.

use unlearn_data::Row;
use unlearn_engine::generate::{Generated, Options, generate};

use super::Observer;
use super::store::Key;
use crate::{EvalError, EvalSet};

/// Of each row; the tokens that went through the subject; and those of every answer by itself, without padding.
pub(super) type Answers = (Vec<Option<String>>, u64, u64);

impl Observer<'_> {
    pub(super) fn generations(&self, set: &EvalSet, done: &mut dyn FnMut(usize)) -> Result<Answers, EvalError> {
        let prompts = self.prompts(set)?;
        let options = self.options(set);
        let key = self.answers_key("generations", &prompts, &options);
        let found = self.store.get(key, || self.generate(&prompts, &options, done))?;
        done(set.rows.len());
        Ok(found)
    }

    /// What is asked in each row; `None` where it has no question in words.
    pub(super) fn prompts(&self, set: &EvalSet) -> Result<Vec<Option<Vec<u32>>>, EvalError> {
        let prompt = |row: &Row| -> Result<Option<Vec<u32>>, EvalError> {
            let tokens = if row.answer_text().is_some() { self.encode(row)? } else { None };
            Ok(tokens.map(|t| t.prompt().to_vec()).filter(|p| !p.is_empty()))
        };
        set.rows.iter().map(prompt).collect()
    }

    /// How greedy answers are generated.
    pub(super) fn options(&self, set: &EvalSet) -> Options {
        Options {
            max_new_tokens: set.max_new_tokens.unwrap_or(self.effort.max_new_tokens),
            hidden: self.encoder.hidden,
            stop: set.stop.clone(),
            ..Options::default()
        }
    }

    pub(super) fn answers_key(&self, kind: &str, prompts: &[Option<Vec<u32>>], options: &Options) -> Key {
        let mut key = Key::new(&self.digest, kind);
        key.number(options.max_new_tokens);
        key.number(options.hidden.map_or(0, |id| id as usize + 1));
        options.stop.iter().for_each(|s| key.text(s));
        for prompt in prompts {
            let ids: Vec<String> = prompt.iter().flatten().map(u32::to_string).collect();
            key.text(&ids.join(" "));
        }
        key
    }

    fn generate(
        &self,
        prompts: &[Option<Vec<u32>>],
        options: &Options,
        done: &mut dyn FnMut(usize),
    ) -> Result<Answers, EvalError> {
        let mut written = Written::of(prompts);
        self.generate_rest(&mut written, options, done)?;
        Ok(written.all())
    }

    /// Answers the questions that have no answer yet.
    pub(super) fn generate_rest(
        &self,
        written: &mut Written<'_>,
        options: &Options,
        done: &mut dyn FnMut(usize),
    ) -> Result<(), EvalError> {
        let open = |i: &usize| written.prompts[*i].is_some() && written.answers[*i].is_none();
        let mut order: Vec<usize> = (0..written.prompts.len()).filter(open).collect();
        // Prompts of like length go together: less padding, and answers of like length.
        order.sort_by_key(|&i| written.prompts[i].as_ref().map_or(0, Vec::len));
        for group in order.chunks(self.effort.batch_size.max(1)) {
            let together: Vec<Vec<u32>> = group.iter().filter_map(|&i| written.prompts[i].clone()).collect();
            written.take(group, generate(self.model, &together, options, |_, _| ())?);
            done(written.finished);
        }
        Ok(())
    }
}

/// Greedy answers as they come.
pub(super) struct Written<'a> {
    prompts: &'a [Option<Vec<u32>>],
    answers: Vec<Option<String>>,
    tokens: u64,
    alone: u64,
    /// Rows that are finished, those without a question among them.
    pub(super) finished: usize,
}

impl<'a> Written<'a> {
    pub(super) fn of(prompts: &'a [Option<Vec<u32>>]) -> Self {
        let finished = prompts.iter().filter(|prompt| prompt.is_none()).count();
        Self { prompts, answers: vec![None; prompts.len()], tokens: 0, alone: 0, finished }
    }

    /// Takes the answers to some rows.
    pub(super) fn take(&mut self, rows: &[usize], generated: Generated) {
        self.tokens += generated.forward_tokens as u64;
        for (&row, answer) in rows.iter().zip(generated.answers) {
            self.alone += (self.prompts[row].as_ref().map_or(0, Vec::len) + answer.ids.len()) as u64;
            self.answers[row] = Some(answer.text.trim().to_owned());
        }
        self.finished += rows.len();
    }

    pub(super) fn all(self) -> Answers {
        (self.answers, self.tokens, self.alone)
    }
}
