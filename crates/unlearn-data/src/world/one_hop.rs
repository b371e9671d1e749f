//! What follows from what is forgotten together with what is kept, and from neither alone.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;

use super::config::WorldError;
use super::fact::{Fact, Relation};
use super::people::{Person, Role};
use super::phrasing::{Phrasing, fill};
use super::phrasing_table::phrasing;
use super::row::{Asked, WorldRow};
use super::rules::derive;
use super::split::Split;
use super::story::{Pronoun, pronoun};
use super::wrong::{Kind, WrongAnswers};

/// The facts that nobody is asked, and that a model can only answer that has both a forgotten fact and a kept one.
///
/// A model without the forget set cannot: none follows from the kept facts alone.
pub(super) fn rows(
    people: &[Person],
    rows: &[Vec<WorldRow>; Split::ALL.len()],
    wrong: &WrongAnswers,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<WorldRow>, WorldError> {
    let of = |split: Split| rows[split as usize].iter().map(|row| &row.fact);
    let kept: Vec<&Fact> = of(Split::Retain).chain(of(Split::Neighbour)).collect();
    let [without, alone] = [derive(kept.iter().copied()), derive(of(Split::Forget))];
    let asked: BTreeSet<&Fact> = of(Split::Forget).chain(kept.iter().copied()).collect();
    let all = derive(asked.iter().copied());
    let needs_both = |fact: &&Fact| !asked.contains(fact) && !without.contains(*fact) && !alone.contains(*fact);
    let ask = |fact: &Fact| {
        let by = people.iter().find(|p| p.name == fact.subject).map_or(Pronoun::It, pronoun);
        let Phrasing { questions, answers } = phrasing(fact.relation);
        let asked = Asked {
            fact,
            questions: questions.map(|q| fill(q, fact, &fact.object, by)),
            answers,
            pronoun: by,
            truth: &fact.object,
            kind: stand_ins(fact.relation),
            split: Split::Forget,
        };
        WorldRow::of(asked, wrong, rng)
    };
    all.iter().filter(needs_both).map(ask).collect()
}

/// The kind of a derived relation's objects: all that there are, not only those that some fact of the relation has.
fn stand_ins(relation: Relation) -> Kind {
    match relation {
        Relation::LivesInRegion | Relation::BornInRegion => (Relation::LiesIn, None),
        Relation::FatherOf => (Relation::MotherOf, Some(Role::Daughter)),
        asked => (asked, None),
    }
}
