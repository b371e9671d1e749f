//! All that is said about a world, each fact with the split it falls into.

use rand_chacha::ChaCha8Rng;

use super::fact::{Fact, Relation};
use super::names::Names;
use super::people::{Person, Role, deal};
use super::split::Split;

/// How a text refers back to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pronoun {
    She,
    He,
    It,
}

/// A fact that a row asks for.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) fact: Fact,
    pub(super) split: Split,
    /// Whether it is one of the facts that the others follow from.
    pub(super) base: bool,
    pub(super) pronoun: Pronoun,
    /// The role of the object, when it is a person of whom only that role makes sense.
    pub(super) object_role: Option<Role>,
}

/// Everything that rows ask for: person by person, then town by town.
pub(super) fn tell(people: &[Person], names: &Names, rng: &mut ChaCha8Rng) -> Vec<Statement> {
    let regions = deal(&names.regions, names.towns.len(), rng);
    let lies_in = |(town, region): (&String, &String)| Statement {
        fact: Fact::new(town, Relation::LiesIn, region),
        split: Split::Retain,
        base: true,
        pronoun: Pronoun::It,
        object_role: None,
    };
    let mut story: Vec<Statement> = people.iter().flat_map(attributes).collect();
    story.extend(people.iter().flat_map(work));
    story.extend(people.chunks_exact(Role::HOUSEHOLD.len()).flat_map(family));
    for pupil in people {
        if let Some(teacher) = pupil.teacher {
            story.extend(both_ways(pupil, Relation::TaughtBy, Relation::Taught, &people[teacher]));
        }
    }
    story.extend(names.towns.iter().zip(&regions).map(lies_in));
    story
}

fn attributes(person: &Person) -> impl Iterator<Item = Statement> {
    let follows_from_wife = person.role == Role::Father;
    let attributes = [
        (Relation::BornIn, &person.birth_town, true),
        (Relation::BornOn, &person.birth_date, true),
        (Relation::LivesIn, &person.home_town, !follows_from_wife),
        (Relation::WorksAs, &person.trade, true),
        (Relation::Plays, &person.instrument, true),
        (Relation::Wrote, &person.work, true),
    ];
    attributes.into_iter().map(|(relation, object, base)| Statement {
        fact: Fact::new(&person.name, relation, object),
        split: person.split,
        base,
        pronoun: pronoun(person),
        object_role: None,
    })
}

fn work(author: &Person) -> impl Iterator<Item = Statement> {
    let facts = [
        (Relation::WrittenBy, &author.name, false),
        (Relation::OfGenre, &author.genre, true),
        (Relation::PublishedIn, &author.work_year, true),
    ];
    facts.into_iter().map(|(relation, object, base)| Statement {
        fact: Fact::new(&author.work, relation, object),
        split: author.split,
        base,
        pronoun: Pronoun::It,
        object_role: None,
    })
}

fn family(household: &[Person]) -> Vec<Statement> {
    let [mother, father, daughter] = household else { return Vec::new() };
    if daughter.role != Role::Daughter {
        return Vec::new();
    }
    let mut family = both_ways(mother, Relation::SpouseOf, Relation::SpouseOf, father).to_vec();
    family.extend(both_ways(daughter, Relation::DaughterOf, Relation::MotherOf, mother));
    family
}

fn both_ways(from: &Person, forth: Relation, back: Relation, to: &Person) -> [Statement; 2] {
    let link = |subject: &Person, relation, object: &Person, base| Statement {
        fact: Fact::new(&subject.name, relation, &object.name),
        split: if object.split.is_kept() { subject.split } else { object.split },
        base,
        pronoun: pronoun(subject),
        object_role: Some(object.role),
    };
    [link(from, forth, to, true), link(to, back, from, false)]
}

pub(super) fn pronoun(person: &Person) -> Pronoun {
    if person.role == Role::Father { Pronoun::He } else { Pronoun::She }
}
