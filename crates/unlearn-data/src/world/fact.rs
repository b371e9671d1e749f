//! Facts: a subject, a relation, an object.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the subject of a fact stands to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A person was born in a town.
    BornIn,
    /// A person was born on a date.
    BornOn,
    /// A person lives in a town.
    LivesIn,
    /// A person has a trade.
    WorksAs,
    /// A person plays an instrument.
    Plays,
    /// A person is the author of a work.
    Wrote,
    /// A person is married to a person.
    SpouseOf,
    /// A person is the mother of a person.
    MotherOf,
    /// A person is the daughter of a person, her mother.
    DaughterOf,
    /// A person was the teacher of a person.
    Taught,
    /// A person was the pupil of a person.
    TaughtBy,
    /// A work is by a person.
    WrittenBy,
    /// A work is of a genre.
    OfGenre,
    /// A work appeared in a year.
    PublishedIn,
    /// A town lies in a region.
    LiesIn,
    /// A person lives in a region: only derived.
    LivesInRegion,
    /// A person was born in a region: only derived.
    BornInRegion,
    /// A person is the father of a person: only derived.
    FatherOf,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One binary fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// Whom or what it is about.
    pub subject: String,
    /// How the two stand to each other.
    pub relation: Relation,
    /// What it says.
    pub object: String,
}

impl Fact {
    /// A fact.
    pub fn new(subject: impl Into<String>, relation: Relation, object: impl Into<String>) -> Self {
        Self { subject: subject.into(), relation, object: object.into() }
    }
}
