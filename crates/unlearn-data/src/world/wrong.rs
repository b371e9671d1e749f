//! Wrong answers: objects of the same kind from elsewhere in the world.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::config::{WRONG_ANSWERS, WorldError};
use super::fact::Relation;
use super::people::{Person, Role};
use super::split::Split;
use super::story::Statement;

/// What the objects that can stand in for each other have in common: the relation, and the role if they are people.
pub(super) type Kind = (Relation, Option<Role>);

/// Objects by kind, for each split only those that its rows may name.
pub(super) struct WrongAnswers {
    pools: BTreeMap<(Kind, Split), Vec<String>>,
}

impl WrongAnswers {
    pub(super) fn new(story: &[Statement], people: &[Person]) -> Self {
        let said = story.iter().map(|s| (kind(s), s.split, &s.fact.object));
        let links = story.iter().filter(|s| s.object_role.is_some()).map(kind).collect::<BTreeSet<_>>();
        let of_role = links.into_iter().flat_map(|kind| {
            people.iter().filter(move |p| Some(p.role) == kind.1).map(move |p| (kind, p.split, &p.name))
        });
        let stated = said.filter(|(kind, ..)| kind.1.is_none());
        let mut pools: BTreeMap<(Kind, Split), BTreeSet<&String>> = BTreeMap::new();
        for (kind, owner, object) in stated.chain(of_role) {
            for split in Split::ALL.into_iter().filter(|split| split.may_name(owner)) {
                pools.entry((kind, split)).or_default().insert(object);
            }
        }
        let listed = |(key, pool): (_, BTreeSet<&String>)| (key, pool.into_iter().cloned().collect());
        Self { pools: pools.into_iter().map(listed).collect() }
    }

    /// Different objects of a kind, that rows of a split may name, and that could stand in the place of the truth.
    pub(super) fn draw(
        &self,
        kind: Kind,
        split: Split,
        truth: &str,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<String>, WorldError> {
        let pool = self.pools.get(&(kind, split)).map_or(&[][..], Vec::as_slice);
        let mut drawn: Vec<String> = pool.sample(rng, WRONG_ANSWERS + 1).filter(|o| *o != truth).cloned().collect();
        drawn.truncate(WRONG_ANSWERS);
        if drawn.len() < WRONG_ANSWERS {
            return Err(WorldError::TooFewAnswers { relation: kind.0 });
        }
        Ok(drawn)
    }
}

/// What a statement's object has in common with those that can stand in for it.
pub(super) fn kind(statement: &Statement) -> Kind {
    (statement.fact.relation, statement.object_role)
}
