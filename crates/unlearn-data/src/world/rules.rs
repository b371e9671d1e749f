//! What follows from what, as data, and the engine that draws the conclusions.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::fact::{Fact, Relation};

/// A relation between two variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Atom {
    /// The relation.
    pub relation: Relation,
    /// The variable that stands for the subject.
    pub subject: &'static str,
    /// The variable that stands for the object.
    pub object: &'static str,
}

/// When all atoms of `when` hold for some values of their variables, `then` holds for these.
/// Every variable of `then` occurs in `when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Conditions.
    pub when: &'static [Atom],
    /// Conclusion.
    pub then: Atom,
}

const fn atom(relation: Relation, subject: &'static str, object: &'static str) -> Atom {
    Atom { relation, subject, object }
}

/// The rules of every world; an equivalence is two rules.
pub static RULES: &[Rule] = &[
    Rule {
        name: "daughter-has-mother",
        when: &[atom(Relation::DaughterOf, "D", "M")],
        then: atom(Relation::MotherOf, "M", "D"),
    },
    Rule {
        name: "mother-has-daughter",
        when: &[atom(Relation::MotherOf, "M", "D")],
        then: atom(Relation::DaughterOf, "D", "M"),
    },
    Rule {
        name: "spouses-are-each-other's",
        when: &[atom(Relation::SpouseOf, "P", "Q")],
        then: atom(Relation::SpouseOf, "Q", "P"),
    },
    Rule {
        name: "pupil-has-teacher",
        when: &[atom(Relation::TaughtBy, "P", "T")],
        then: atom(Relation::Taught, "T", "P"),
    },
    Rule {
        name: "teacher-has-pupil",
        when: &[atom(Relation::Taught, "T", "P")],
        then: atom(Relation::TaughtBy, "P", "T"),
    },
    Rule {
        name: "author-has-work",
        when: &[atom(Relation::WrittenBy, "W", "P")],
        then: atom(Relation::Wrote, "P", "W"),
    },
    Rule {
        name: "work-has-author",
        when: &[atom(Relation::Wrote, "P", "W")],
        then: atom(Relation::WrittenBy, "W", "P"),
    },
    Rule {
        name: "spouses-live-together",
        when: &[atom(Relation::SpouseOf, "P", "Q"), atom(Relation::LivesIn, "P", "T")],
        then: atom(Relation::LivesIn, "Q", "T"),
    },
    Rule {
        name: "home-lies-in-region",
        when: &[atom(Relation::LivesIn, "P", "T"), atom(Relation::LiesIn, "T", "R")],
        then: atom(Relation::LivesInRegion, "P", "R"),
    },
    Rule {
        name: "birthplace-lies-in-region",
        when: &[atom(Relation::BornIn, "P", "T"), atom(Relation::LiesIn, "T", "R")],
        then: atom(Relation::BornInRegion, "P", "R"),
    },
    Rule {
        name: "mother's-husband-is-father",
        when: &[atom(Relation::MotherOf, "M", "D"), atom(Relation::SpouseOf, "M", "F")],
        then: atom(Relation::FatherOf, "F", "D"),
    },
];

/// The closure of `facts` under [`RULES`]: the facts and all that they entail, sorted.
pub fn derive<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> BTreeSet<Fact> {
    let mut known: BTreeSet<Fact> = facts.into_iter().cloned().collect();
    loop {
        let index = Index::new(&known);
        let drawn: Vec<Fact> = RULES.iter().flat_map(|rule| index.conclusions(rule)).collect();
        let before = known.len();
        known.extend(drawn);
        if known.len() == before {
            return known;
        }
    }
}

type Binding<'a> = BTreeMap<&'static str, &'a str>;

/// Facts by relation, and by relation and subject.
struct Index<'a> {
    all: BTreeMap<Relation, Vec<&'a Fact>>,
    of_subject: BTreeMap<(Relation, &'a str), Vec<&'a Fact>>,
}

impl<'a> Index<'a> {
    fn new(facts: &'a BTreeSet<Fact>) -> Self {
        let mut index = Self { all: BTreeMap::new(), of_subject: BTreeMap::new() };
        for fact in facts {
            index.all.entry(fact.relation).or_default().push(fact);
            index.of_subject.entry((fact.relation, &fact.subject)).or_default().push(fact);
        }
        index
    }

    fn conclusions(&self, rule: &Rule) -> Vec<Fact> {
        let start = vec![Binding::new()];
        let bindings = rule
            .when
            .iter()
            .fold(start, |bindings, atom| bindings.iter().flat_map(|binding| self.extended(binding, atom)).collect());
        let value = |b: &Binding<'a>, variable| b.get(variable).copied();
        let then = rule.then;
        bindings
            .iter()
            .filter_map(|b| Some(Fact::new(value(b, then.subject)?, then.relation, value(b, then.object)?)))
            .collect()
    }

    /// Every way to make `atom` hold that agrees with `binding`.
    fn extended(&self, binding: &Binding<'a>, atom: &Atom) -> Vec<Binding<'a>> {
        let facts = match binding.get(atom.subject) {
            Some(subject) => self.of_subject.get(&(atom.relation, *subject)),
            None => self.all.get(&atom.relation),
        };
        let matching = facts.into_iter().flatten().filter_map(|fact| {
            let mut binding = binding.clone();
            binding.insert(atom.subject, &fact.subject);
            let bound = *binding.entry(atom.object).or_insert(&fact.object);
            (bound == fact.object).then_some(binding)
        });
        matching.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(subject: &str, relation: Relation, object: &str) -> Fact {
        Fact::new(subject, relation, object)
    }

    #[test]
    fn conclusions_chain() {
        let base = [
            fact("D", Relation::DaughterOf, "M"),
            fact("F", Relation::SpouseOf, "M"),
            fact("M", Relation::LivesIn, "T"),
            fact("T", Relation::LiesIn, "R"),
        ];
        let all = derive(&base);
        for entailed in [
            fact("M", Relation::MotherOf, "D"),
            fact("M", Relation::SpouseOf, "F"),
            fact("F", Relation::LivesIn, "T"),
            fact("F", Relation::LivesInRegion, "R"),
            fact("M", Relation::LivesInRegion, "R"),
            fact("F", Relation::FatherOf, "D"),
        ] {
            assert!(all.contains(&entailed), "{entailed:?}");
        }
        assert_eq!(all.len(), base.len() + 6);
    }

    #[test]
    fn nothing_follows_from_nothing_or_from_strangers() {
        assert!(derive(&[]).is_empty());
        let strangers = [fact("P", Relation::LivesIn, "T"), fact("U", Relation::LiesIn, "R")];
        assert_eq!(derive(&strangers).len(), 2);
    }

    #[test]
    fn every_variable_of_a_conclusion_is_bound_by_a_condition() {
        for rule in RULES {
            let bound: BTreeSet<_> = rule.when.iter().flat_map(|a| [a.subject, a.object]).collect();
            assert!(bound.contains(rule.then.subject) && bound.contains(rule.then.object), "{}", rule.name);
        }
    }
}
