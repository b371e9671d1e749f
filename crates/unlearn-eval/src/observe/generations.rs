//! Greedy answers.

use unlearn_data::Row;
use unlearn_engine::generate::{Options, generate};

use super::Observer;
use super::store::Key;
use crate::{EvalError, EvalSet};

type Answers = Vec<Option<String>>;

impl Observer<'_> {
    pub(super) fn generations(&self, set: &EvalSet, done: &mut dyn FnMut(usize)) -> Result<(Answers, u64), EvalError> {
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
    ) -> Result<(Answers, u64), EvalError> {
        let mut answers = vec![None; prompts.len()];
        let mut order: Vec<usize> = (0..prompts.len()).filter(|&i| prompts[i].is_some()).collect();
        // Prompts of like length go together: less padding, and answers of like length.
        order.sort_by_key(|&i| prompts[i].as_ref().map_or(0, Vec::len));
        let mut finished = prompts.len() - order.len();
        let mut tokens = 0;
        for group in order.chunks(self.effort.batch_size.max(1)) {
            let together: Vec<Vec<u32>> = group.iter().filter_map(|&i| prompts[i].clone()).collect();
            let widest = together.iter().map(Vec::len).max().unwrap_or(0);
            let written = generate(self.model, &together, options, |_, _| ())?;
            for (&i, answer) in group.iter().zip(written) {
                tokens += (widest + answer.ids.len()) as u64;
                answers[i] = Some(answer.text.trim().to_owned());
            }
            finished += group.len();
            done(finished);
        }
        Ok((answers, tokens))
    }
}
