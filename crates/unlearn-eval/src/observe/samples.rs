//! Sampled answers.

use unlearn_data::TokenRow;
use unlearn_engine::generate::{Options, Sampling, generate};
use unlearn_engine::tree::{Seen, look};

use super::Observer;
use crate::{EvalError, EvalSet};

/// Of each row; the tokens that went through the subject; and those of every answer by itself, without padding.
type Samples = (Vec<Vec<String>>, u64, u64);
/// Of each row, of each answer: its log-probability and its tokens; missing where it has none.
type Weighed = Vec<Vec<Option<(f64, usize)>>>;

impl Observer<'_> {
    pub(super) fn samples(&self, set: &EvalSet, done: &mut dyn FnMut(usize)) -> Result<Samples, EvalError> {
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

    /// The log-probability and the tokens of each of some answers to each row of a set.
    ///
    /// # Errors
    /// When a row does not fit the subject.
    pub fn weigh(&self, set: &EvalSet, answers: &[Vec<String>]) -> Result<Weighed, EvalError> {
        let mut groups: Vec<Vec<TokenRow>> = Vec::with_capacity(answers.len());
        let mut there: Vec<Vec<bool>> = Vec::with_capacity(answers.len());
        for (row, answers) in set.rows.iter().zip(answers) {
            let encoded = answers.iter().map(|a| self.encode_answer(row, a)).collect::<Result<Vec<_>, _>>()?;
            there.push(encoded.iter().map(Option::is_some).collect());
            groups.push(encoded.into_iter().flatten().collect());
        }
        let sight = look(self.model, &groups, self.effort.tokens, &mut |_| ());
        let weighed = sight.groups.iter().zip(there).map(|(seen, there)| {
            let mut next = seen.iter();
            let sum = |seen: &Vec<Seen>| (seen.iter().map(|s| f64::from(s.log_prob)).sum(), seen.len());
            there.into_iter().map(|there| if there { next.next().map(sum) } else { None }).collect()
        });
        let mut weighed: Weighed = weighed.collect();
        if let Some(guard) = self.guard {
            for ((row, answers), known) in set.rows.iter().zip(answers).zip(&mut weighed) {
                let stopped = guard.stops(row);
                let kept_back = |(known, answer): (&mut Option<_>, &String)| {
                    *known = known.take().filter(|_| !stopped && !guard.stops_answer(answer));
                };
                known.iter_mut().zip(answers).for_each(kept_back);
            }
        }
        Ok(weighed)
    }

    /// All samples of a question at once: each has a stream of its own, so that questions do not disturb each other.
    fn sample(
        &self,
        prompts: &[Option<Vec<u32>>],
        options: &Options,
        done: &mut dyn FnMut(usize),
    ) -> Result<Samples, EvalError> {
        let (mut all, mut tokens, mut alone) = (Vec::with_capacity(prompts.len()), 0, 0);
        for (i, prompt) in prompts.iter().enumerate() {
            let mut said = Vec::new();
            if let Some(prompt) = prompt {
                let seed = unlearn_core::seed::number(options.seed, &format!("samples/{i}"));
                let together = vec![prompt.clone(); self.effort.samples];
                let generated = generate(self.model, &together, &Options { seed, ..options.clone() }, |_, _| ())?;
                tokens += generated.forward_tokens as u64;
                alone += generated.answers.iter().map(|a| (prompt.len() + a.ids.len()) as u64).sum::<u64>();
                said.extend(generated.answers.iter().map(|answer| answer.text.trim().to_owned()));
            }
            all.push(said);
            done(i + 1);
        }
        Ok((all, tokens, alone))
    }
}
