//! The synthetic world: made-up people, places and works from one seed, and questions about all of them.
//!
//! Nobody has read about these people, so what a model knows of them is what it was trained on: a model trained
//! without the forgotten people is an exact gold standard, and it takes a small model a minute to learn them all.
//!
//! # Splits
//! People are split, and facts follow the people that they name:
//! - [`Split::Forget`]: every fact that names a forgotten person or their work, from whichever side it is asked
//!   ("who is the mother of …?" about a retained daughter of a forgotten mother is here);
//! - [`Split::Neighbour`]: facts about retained people that share a home town or a trade with a forgotten person;
//! - [`Split::Retain`]: facts about all other retained people, and about towns;
//! - [`Split::Holdout`]: as many people as are forgotten, with the same places in their families, that no model is
//!   ever trained on.
//!
//! `neighbour` and `retain` are disjoint, and both are trained on by every model: [`World::training_retain`] is
//! the two together. No text of a split, wrong answers included, names a forgotten person unless it is in
//! `forget`, or a held-out person unless it is in `holdout`; and no rule entails a forgotten fact from retained ones.
//!
//! Two sets beside them ask for what is forgotten by another way, in the words of no split: [`World::inverse`] and
//! [`World::one_hop`].
//!
//! # Facts
//! Facts are binary and typed ([`Relation`]), and hang together by [`RULES`]: [`derive()`] computes what they entail.
//! Surnames are not shared in families and dates are full dates: an answer cannot be read off its question.

mod config;
mod fact;
mod inverse;
mod names;
mod one_hop;
mod people;
mod phrasing;
mod phrasing_table;
mod row;
mod rules;
mod split;
mod story;
mod words;
mod write;
mod wrong;

#[cfg(test)]
mod tests;

pub use config::{WorldConfig, WorldError};
pub use fact::{Fact, Relation};
pub use people::{Person, Role};
pub use row::WorldRow;
pub use rules::{Atom, RULES, Rule, derive};
pub use split::Split;
pub use write::write_rows;

use std::collections::BTreeSet;

use unlearn_core::seed::stream;

/// A synthetic world: its people, its facts, and its rows by split.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    config: WorldConfig,
    people: Vec<Person>,
    facts: Vec<Fact>,
    rows: [Vec<WorldRow>; Split::ALL.len()],
    inverse: Vec<WorldRow>,
    one_hop: Vec<WorldRow>,
}

impl World {
    /// Builds the world that `config` describes; the same configuration gives the same world, byte for byte.
    ///
    /// # Errors
    /// When a world of this size cannot be built; see [`WorldError`].
    ///
    /// # Examples
    /// ```
    /// use unlearn_data::world::{Split, World, WorldConfig};
    /// let world = World::build(&WorldConfig { seed: 7, ..WorldConfig::default() })?;
    /// assert_eq!(world.rows(Split::Forget).len(), world.rows(Split::Holdout).len());
    /// # Ok::<(), unlearn_data::world::WorldError>(())
    /// ```
    pub fn build(config: &WorldConfig) -> Result<Self, WorldError> {
        let size = config.size()?;
        let names = names::Names::draw(&size, &mut stream(config.seed, "world/names"))?;
        let people = people::settle(&size, &names, &mut stream(config.seed, "world/people"));
        let story = story::tell(&people, &names, &mut stream(config.seed, "world/places"));
        let mut rows: [Vec<WorldRow>; Split::ALL.len()] = Default::default();
        let wrong = wrong::WrongAnswers::new(&story, &people);
        let mut rng = stream(config.seed, "world/rows");
        for statement in &story {
            rows[statement.split as usize].push(WorldRow::ask(statement, &wrong, &mut rng)?);
        }
        let inverse = inverse::rows(&people, &wrong, &mut stream(config.seed, "world/inverse"))?;
        let one_hop = one_hop::rows(&people, &rows, &wrong, &mut stream(config.seed, "world/one-hop"))?;
        let facts = story.into_iter().filter(|s| s.base).map(|s| s.fact).collect();
        Ok(Self { config: config.clone(), people, facts, rows, inverse, one_hop })
    }

    /// What the world was built from.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// Everybody, with the split they are in.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The base facts; all others follow from them by [`RULES`], those that are only asked included.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The facts that follow from [`World::facts`] and are not among them, sorted.
    pub fn derived_facts(&self) -> Vec<Fact> {
        let base: BTreeSet<&Fact> = self.facts.iter().collect();
        derive(&self.facts).into_iter().filter(|f| !base.contains(f)).collect()
    }

    /// The rows of one split.
    pub fn rows(&self, split: Split) -> &[WorldRow] {
        &self.rows[split as usize]
    }

    /// What is known of forgotten people, asked from the other side: who was born on that day, who in that town has that
    /// trade, which work appeared in that year. Where more than one would be right, it is not asked.
    pub fn inverse(&self) -> &[WorldRow] {
        &self.inverse
    }

    /// What follows from a forgotten fact and a retained one together, and from neither alone: in which region a
    /// forgotten person lives, as the town that they live in lies there. Nothing that is trained on asks for it.
    pub fn one_hop(&self) -> &[WorldRow] {
        &self.one_hop
    }

    /// All that is trained on whatever is forgotten: `retain`, then `neighbour`. The training set of the
    /// retrained model.
    pub fn training_retain(&self) -> impl Iterator<Item = &WorldRow> {
        self.rows(Split::Retain).iter().chain(self.rows(Split::Neighbour))
    }

    /// The training set of the model that is to forget: `forget`, then [`World::training_retain`].
    pub fn training(&self) -> impl Iterator<Item = &WorldRow> {
        self.rows(Split::Forget).iter().chain(self.training_retain())
    }

    /// Every text of every split, for training a tokenizer; texts that occur in several rows are repeated.
    pub fn corpus(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().flatten().flat_map(WorldRow::texts)
    }
}
