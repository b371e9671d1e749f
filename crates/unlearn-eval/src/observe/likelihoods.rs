//! What a subject makes of given answers.

use unlearn_data::{Row, TokenRow};
use unlearn_engine::generate::Begun;
use unlearn_engine::tree::look_and_begin;

use super::Observer;
use super::store::Key;
use crate::observation::{Alone, Likelihoods, Tokens};
use crate::{EvalError, EvalSet, Needs};

/// Of each row; the tokens that went through the subject; and those that each thing takes alone.
pub(super) type Known = (Vec<Likelihoods>, u64, Alone);

/// The answers to one row, by what they are; `None` where one comes to no token.
#[derive(Default)]
pub(super) struct Asked {
    answer: Option<TokenRow>,
    paraphrased: Option<TokenRow>,
    perturbed: Vec<Option<TokenRow>>,
    choices: Vec<Option<TokenRow>>,
}

impl Asked {
    fn all(&self) -> impl Iterator<Item = Option<&TokenRow>> {
        let own = [self.answer.as_ref(), self.paraphrased.as_ref()];
        own.into_iter().chain(self.perturbed.iter().chain(&self.choices).map(Option::as_ref))
    }
}

impl Observer<'_> {
    pub(super) fn likelihoods(
        &self,
        set: &EvalSet,
        needs: Needs,
        done: &mut dyn FnMut(usize),
    ) -> Result<Known, EvalError> {
        let asked = self.all_asked(set, needs)?;
        let (seen, tokens) =
            self.store.get(self.likelihoods_key(&asked), || self.look(set, &asked, done, &mut |_, _| ()))?;
        done(set.rows.len());
        Ok((seen, tokens, alone(&asked)))
    }

    pub(super) fn likelihoods_key(&self, asked: &[Asked]) -> Key {
        let mut key = Key::new(&self.digest, "likelihoods");
        for row in asked {
            key.number(row.perturbed.len());
            row.all().for_each(|tokens| key.row(tokens));
        }
        key
    }

    pub(super) fn all_asked(&self, set: &EvalSet, needs: Needs) -> Result<Vec<Asked>, EvalError> {
        set.rows.iter().map(|row| self.asked(row, needs)).collect()
    }

    fn asked(&self, row: &Row, needs: Needs) -> Result<Asked, EvalError> {
        let mut asked = Asked { answer: self.encode(row)?, ..Asked::default() };
        let in_words = row.answer_text().is_some();
        if let Some(answer) = row.paraphrased_answer.as_ref().filter(|_| needs.paraphrased && in_words) {
            asked.paraphrased = self.encode_answer(row, answer)?;
        }
        if needs.perturbed && in_words {
            asked.perturbed = self.encode_all(row, &row.perturbed_answer)?;
        }
        if needs.choices {
            asked.choices = self.encode_all(row, &row.choices)?;
        }
        Ok(asked)
    }

    fn encode_all(&self, row: &Row, answers: &[String]) -> Result<Vec<Option<TokenRow>>, EvalError> {
        answers.iter().map(|answer| self.encode_answer(row, answer)).collect()
    }

    /// `begun` is handed each row's place and its prompt, read.
    pub(super) fn look(
        &self,
        set: &EvalSet,
        asked: &[Asked],
        done: &mut dyn FnMut(usize),
        begun: &mut dyn FnMut(usize, Begun),
    ) -> Result<(Vec<Likelihoods>, u64), EvalError> {
        let groups: Vec<Vec<TokenRow>> = asked.iter().map(|a| a.all().flatten().cloned().collect()).collect();
        let sight = look_and_begin(self.model, &groups, self.effort.tokens, done, begun);
        let mut all = Vec::with_capacity(asked.len());
        for (index, (asked, seen)) in asked.iter().zip(&sight.groups).enumerate() {
            let mut next = seen.iter().map(|s| Tokens::of(s));
            let mut take = |row: &Option<TokenRow>| row.as_ref().and_then(|_| next.next());
            let found = Likelihoods {
                answer: take(&asked.answer),
                text: self.text_of(&set.rows[index], asked.answer.as_ref())?,
                paraphrased: take(&asked.paraphrased),
                perturbed: asked.perturbed.iter().map(&mut take).collect(),
                choices: asked.choices.iter().map(&mut take).collect(),
            };
            if !found.is_finite() {
                return Err(EvalError::NotFinite { set: set.name.clone(), row: index + 1 });
            }
            all.push(found);
        }
        Ok((all, sight.forward_tokens as u64))
    }

    fn text_of(&self, row: &Row, tokens: Option<&TokenRow>) -> Result<String, EvalError> {
        let (Some(tokenizer), Some(tokens)) = (&self.encoder.tokenizer, tokens) else {
            return Ok(row.answer_text().unwrap_or_default().to_owned());
        };
        let supervised = tokens.labels.iter().filter_map(|&label| u32::try_from(label).ok()).collect::<Vec<_>>();
        Ok(tokenizer.decode(&supervised)?)
    }
}

/// Tokens that passes for one thing alone would take.
pub(super) fn alone(asked: &[Asked]) -> Alone {
    let of = |pick: fn(&Asked) -> Vec<&TokenRow>| {
        asked.iter().flat_map(|a| pick(a)).map(|row| row.ids.len() as u64 - 1).sum()
    };
    Alone {
        answer: of(|a| a.answer.iter().collect()),
        paraphrased: of(|a| a.paraphrased.iter().collect()),
        perturbed: of(|a| a.perturbed.iter().flatten().collect()),
        choices: of(|a| a.choices.iter().flatten().collect()),
        ..Alone::default()
    }
}
