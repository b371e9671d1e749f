//! Facts asked from their other side: who is it of whom this is said?

use rand_chacha::ChaCha8Rng;

use super::config::WorldError;
use super::fact::{Fact, Relation};
use super::people::{Person, Role};
use super::row::{Asked, WorldRow};
use super::split::Split;
use super::story::Pronoun;
use super::wrong::{Kind, WrongAnswers};

/// Ways to say who or what it is; as short as the world's other answers.
const ANSWERS: [&str; 2] = ["{o}.", "It is {o}."];

/// What of a person leads back to them, or to their work, beside what is asked from both sides anyway.
struct Clue {
    relation: Relation,
    /// `{1}` and `{2}` are what is given.
    questions: [&'static str; 4],
    /// What is asked with: of a person, the fact's object first; of a work, last.
    given: fn(&Person) -> [&str; 2],
    of_work: bool,
}

const CLUES: [Clue; 4] = [
    Clue {
        relation: Relation::BornOn,
        questions: [
            "Who was born on {1}?",
            "Whose birth date is {1}?",
            "Who came into the world on {1}?",
            "Who has a birthday of {1}?",
        ],
        given: |p| [&p.birth_date, ""],
        of_work: false,
    },
    Clue {
        relation: Relation::WorksAs,
        questions: [
            "Who in {2} has the trade of {1}?",
            "Who lives in {2} and follows the trade of {1}?",
            "Whose trade is {1} and whose home town {2}?",
            "Who earns a living in {2} as {1}?",
        ],
        given: |p| [&p.trade, &p.home_town],
        of_work: false,
    },
    Clue {
        relation: Relation::Plays,
        questions: [
            "Who was born in {2} and plays the {1}?",
            "Who plays the {1} and is a native of {2}?",
            "Whose instrument is the {1} and whose birthplace {2}?",
            "Which native of {2} plays the {1}?",
        ],
        given: |p| [&p.instrument, &p.birth_town],
        of_work: false,
    },
    Clue {
        relation: Relation::PublishedIn,
        questions: [
            "Which {1} appeared in {2}?",
            "What is the title of the {1} of {2}?",
            "Which {1} was published in {2}?",
            "Which {1} was first read in {2}?",
        ],
        given: |p| [&p.genre, &p.work_year],
        of_work: true,
    },
];

/// The facts about forgotten people and their works that have one right answer when they are asked from the other side.
///
/// No retained row names a forgotten person or their work, so that a model without the forget set cannot know any.
pub(super) fn rows(people: &[Person], wrong: &WrongAnswers, rng: &mut ChaCha8Rng) -> Result<Vec<WorldRow>, WorldError> {
    let mut rows = Vec::new();
    for person in people.iter().filter(|p| p.split == Split::Forget) {
        for clue in &CLUES {
            let given = (clue.given)(person);
            if people.iter().filter(|other| (clue.given)(other) == given).count() == 1 {
                rows.push(clue.ask(person, wrong, rng)?);
            }
        }
    }
    Ok(rows)
}

impl Clue {
    fn ask(&self, person: &Person, wrong: &WrongAnswers, rng: &mut ChaCha8Rng) -> Result<WorldRow, WorldError> {
        let [first, second] = (self.given)(person);
        let (subject, object, kind) = if self.of_work {
            (&person.work, second, (Relation::Wrote, None))
        } else {
            (&person.name, first, stand_ins(person.role))
        };
        let fact = Fact::new(subject, self.relation, object);
        let asked = Asked {
            fact: &fact,
            questions: self.questions.map(|q| q.replace("{1}", first).replace("{2}", second)),
            answers: ANSWERS,
            pronoun: Pronoun::It,
            truth: subject,
            kind,
            split: person.split,
        };
        WorldRow::of(asked, wrong, rng)
    }
}

/// A kind of object whose members are people of one role.
fn stand_ins(role: Role) -> Kind {
    let relation = match role {
        Role::Mother => Relation::DaughterOf,
        Role::Father => Relation::TaughtBy,
        Role::Daughter | Role::Solitary => Relation::MotherOf,
    };
    (relation, Some(role))
}
