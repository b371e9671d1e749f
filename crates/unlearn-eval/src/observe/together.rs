//! What a subject makes of given answers, and what it answers itself: prompts are read once for both.

use std::cell::{Cell, RefCell};

use unlearn_engine::generate::{Begun, go_on};

use super::Observer;
use super::generations::{Answers, Written};
use super::likelihoods::{Known, alone};
use crate::{EvalError, EvalSet, Needs};

impl Observer<'_> {
    /// Both at once; `done` is told how many of both are finished. Where the answers are known from before, the rest is
    /// looked at by itself: whether answers follow another reading depends on nothing but what is wanted.
    pub(super) fn likelihoods_and_generations(
        &self,
        set: &EvalSet,
        needs: Needs,
        done: &mut dyn FnMut(usize),
    ) -> Result<(Known, Answers), EvalError> {
        let (prompts, options) = (self.prompts(set)?, self.options(set));
        let key = || self.answers_key("generations", &prompts, &options);
        if let Some(answers) = self.store.find(key()) {
            let rows = set.rows.len();
            return Ok((self.likelihoods(set, needs, &mut |n| done(rows + n))?, answers));
        }
        let asked = self.all_asked(set, needs)?;
        let (written, scored, failed) = (RefCell::new(Written::of(&prompts)), Cell::new(0), RefCell::new(None));
        let done = RefCell::new(done);
        let tell = || (done.borrow_mut())(scored.get() + written.borrow().finished);
        let mut waiting: Vec<(usize, Begun)> = Vec::new();
        let answer = |waiting: &mut Vec<(usize, Begun)>| {
            let (rows, begun): (Vec<usize>, Vec<Begun>) = waiting.drain(..).unzip();
            match go_on(self.model, &begun, &options) {
                Ok(generated) => written.borrow_mut().take(&rows, generated),
                Err(e) => *failed.borrow_mut() = Some(e),
            }
            tell();
        };
        let mut told = |n| {
            scored.set(n);
            tell();
        };
        let (seen, tokens) = self.look(set, &asked, &mut told, &mut |row, begun| {
            if failed.borrow().is_none() && prompts[row].as_deref() == Some(begun.prompt()) {
                waiting.push((row, begun));
                if waiting.len() >= self.effort.batch_size.max(1) {
                    answer(&mut waiting);
                }
            }
        })?;
        if !waiting.is_empty() {
            answer(&mut waiting);
        }
        if let Some(e) = failed.into_inner() {
            return Err(e.into());
        }
        let mut written = written.into_inner();
        let scored = scored.get();
        self.generate_rest(&mut written, &options, &mut |n| (done.borrow_mut())(scored + n))?;
        let (known, answers) = ((seen, tokens), written.all());
        self.store.keep(self.likelihoods_key(&asked), &known)?;
        self.store.keep(key(), &answers)?;
        Ok(((known.0, known.1, alone(&asked)), answers))
    }
}
