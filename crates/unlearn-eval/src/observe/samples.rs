//! Sampled answers.

use unlearn_engine::generate::{Options, Sampling, generate};

use super::Observer;
use crate::{EvalError, EvalSet};

type Samples = Vec<Vec<String>>;

impl Observer<'_> {
    pub(super) fn samples(&self, set: &EvalSet, done: &mut dyn FnMut(usize)) -> Result<(Samples, u64), EvalError> {
        let effort = self.effort;
        let prompts = self.prompts(set)?;
        let sampling = Sampling { temperature: effort.temperature, ..Sampling::default() };
        let options = Options { sampling, seed: effort.seed, ..self.options(set) };
        let mut key = self.answers_key("samples", &prompts, &options);
        key.number(effort.samples);
        key.text(&format!("{} {}", effort.temperature, effort.seed));
        let found = self.store.get(key, || self.sample(&prompts, &options, done))?;
        done(set.rows.len());
        Ok(found)
    }

    /// All samples of a question at once: each has a stream of its own, so that questions do not disturb each other.
    fn sample(
        &self,
        prompts: &[Option<Vec<u32>>],
        options: &Options,
        done: &mut dyn FnMut(usize),
    ) -> Result<(Samples, u64), EvalError> {
        let (mut all, mut tokens) = (Vec::with_capacity(prompts.len()), 0);
        for (i, prompt) in prompts.iter().enumerate() {
            let mut said = Vec::new();
            if let Some(prompt) = prompt {
                let seed = unlearn_core::seed::number(options.seed, &format!("samples/{i}"));
                let together = vec![prompt.clone(); self.effort.samples];
                for answer in generate(self.model, &together, &Options { seed, ..options.clone() }, |_, _| ())? {
                    tokens += (prompt.len() + answer.ids.len()) as u64;
                    said.push(answer.text.trim().to_owned());
                }
            }
            all.push(said);
            done(i + 1);
        }
        Ok((all, tokens))
    }
}
