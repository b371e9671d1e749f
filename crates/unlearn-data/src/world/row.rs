//! Rows: a fact as a question with its answer, other ways to put both, and wrong answers.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::config::WorldError;
use super::fact::Fact;
use super::phrasing::{Phrasing, fill};
use super::phrasing_table::phrasing;
use super::split::Split;
use super::story::{Pronoun, Statement};
use super::wrong::{Kind, WrongAnswers, kind};

/// What a row is made of.
pub(super) struct Asked<'a> {
    pub(super) fact: &'a Fact,
    pub(super) questions: [String; 4],
    /// With `{o}` where the answer's object stands.
    pub(super) answers: [&'static str; 2],
    pub(super) pronoun: Pronoun,
    /// The right answer's object.
    pub(super) truth: &'a str,
    /// What wrong ones have in common with it.
    pub(super) kind: Kind,
    pub(super) split: Split,
}

/// One row of data about a world; serialised, a line of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldRow {
    /// What is asked.
    pub question: String,
    /// The truth, a short sentence.
    pub answer: String,
    /// The first of `paraphrased_questions`.
    pub paraphrased_question: String,
    /// Other ways to ask the same.
    pub paraphrased_questions: Vec<String>,
    /// Another way to say the answer.
    pub paraphrased_answer: String,
    /// Different wrong answers of the same kind, in the words of `paraphrased_answer`.
    pub perturbed_answer: Vec<String>,
    /// What it is about.
    pub fact: Fact,
}

impl WorldRow {
    /// Asks for a statement, in words drawn from those of its relation: each of them is trained on somewhere.
    pub(super) fn ask(statement: &Statement, wrong: &WrongAnswers, rng: &mut ChaCha8Rng) -> Result<Self, WorldError> {
        let Statement { fact, pronoun, .. } = statement;
        let Phrasing { questions, answers } = phrasing(fact.relation);
        let asked = Asked {
            fact,
            questions: questions.map(|q| fill(q, fact, &fact.object, *pronoun)),
            answers,
            pronoun: *pronoun,
            truth: &fact.object,
            kind: kind(statement),
            split: statement.split,
        };
        Self::of(asked, wrong, rng)
    }

    /// A row of what is asked, its words in an order that is drawn.
    pub(super) fn of(asked: Asked<'_>, wrong: &WrongAnswers, rng: &mut ChaCha8Rng) -> Result<Self, WorldError> {
        let Asked { fact, pronoun, truth, kind, split, .. } = asked;
        let [question, others @ ..] = rotated(asked.questions, rng);
        let [answer, paraphrase] = rotated(asked.answers, rng);
        let objects = wrong.draw(kind, split, truth, rng)?;
        Ok(Self {
            question,
            answer: fill(answer, fact, truth, pronoun),
            paraphrased_question: others[0].clone(),
            paraphrased_questions: others.to_vec(),
            paraphrased_answer: fill(paraphrase, fact, truth, pronoun),
            perturbed_answer: objects.iter().map(|object| fill(paraphrase, fact, object, pronoun)).collect(),
            fact: fact.clone(),
        })
    }

    /// The same fact with its first paraphrase as the question.
    pub fn paraphrased(&self) -> Self {
        let mut row = self.clone();
        std::mem::swap(&mut row.question, &mut row.paraphrased_question);
        row.paraphrased_questions[0] = row.paraphrased_question.clone();
        row
    }

    /// The same question with its first wrong answer.
    pub fn alternate(&self) -> Self {
        let answer = self.perturbed_answer.first().unwrap_or(&self.answer).clone();
        Self { answer, ..self.clone() }
    }

    /// Every text of the row: questions, then right answers, then wrong ones.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let questions = std::iter::once(&self.question).chain(&self.paraphrased_questions);
        let answers = [&self.answer, &self.paraphrased_answer].into_iter().chain(&self.perturbed_answer);
        questions.chain(answers).map(String::as_str)
    }
}

fn rotated<T, const N: usize>(mut templates: [T; N], rng: &mut ChaCha8Rng) -> [T; N] {
    templates.rotate_left(rng.random_range(0..N));
    templates
}
