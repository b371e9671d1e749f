//! What attacks on a subject brought back: the content of `attacks.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::score::Subject;

/// Whether the true answer to a question came, and whether each of the wrong ones beside it did. To a model that knows
/// neither, they are alike: what comes of the wrong ones is what guessing brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The true answer.
    pub truth: bool,
    /// The wrong ones, in order.
    pub wrong: Vec<bool>,
}

impl Heard {
    /// Whether either heard each of them.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let wrong = self.wrong.iter().zip(&other.wrong).map(|(a, b)| *a || *b).collect();
        Self { truth: self.truth || other.truth, wrong }
    }

    /// The chance that the truth was heard, had it been one of them at random.
    #[must_use]
    pub fn chance(&self) -> f64 {
        let heard = usize::from(self.truth) + self.wrong.iter().filter(|w| **w).count();
        heard as f64 / (self.wrong.len() + 1) as f64
    }
}

/// What came of each row of a scope; nothing where the row could not be asked, or was shown to the attacker.
pub type Hearing = Vec<Option<Heard>>;

/// What an attempt brought back on one scope.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Caught {
    /// What was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Hearing,
    /// Which answer was preferred to all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Hearing,
    /// Of many answers to a question, how many said the true one, and how many there were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Option<[usize; 2]>>,
    /// The words that were said, where they were heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Option<String>>,
    /// Metrics that were taken, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

/// Heard in either. A row that was asked in one of them counts.
#[must_use]
pub fn either(a: &Hearing, b: &Hearing) -> Hearing {
    let at = |hearing: &Hearing, i: usize| hearing.get(i).cloned().flatten();
    let both = |i: usize| match (at(a, i), at(b, i)) {
        (Some(a), Some(b)) => Some(a.or(&b)),
        (one, other) => one.or(other),
    };
    (0..a.len().max(b.len())).map(both).collect()
}

impl Caught {
    /// What either brought back; of each metric, the mean.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let truth = |caught: &Self, i: usize| caught.said.get(i).and_then(Option::as_ref).is_some_and(|h| h.truth);
        let words = (0..self.words.len().max(other.words.len())).map(|i| {
            let at = |caught: &Self| caught.words.get(i).cloned().flatten();
            // The words that said it, where one of them did.
            let (first, second) = if truth(other, i) && !truth(self, i) { (other, self) } else { (self, other) };
            at(first).or_else(|| at(second))
        });
        let times = (0..self.times.len().max(other.times.len())).map(|i| {
            let at = |caught: &Self| caught.times.get(i).copied().flatten();
            match (at(self), at(other)) {
                (Some([said, of]), Some([more, others])) => Some([said + more, of + others]),
                (one, other) => one.or(other),
            }
        });
        let mut metrics = self.metrics.clone();
        for (name, value) in &other.metrics {
            metrics.entry(name.clone()).and_modify(|mean| *mean = f64::midpoint(*mean, *value)).or_insert(*value);
        }
        Self {
            said: either(&self.said, &other.said),
            chosen: either(&self.chosen, &other.chosen),
            times: times.collect(),
            words: words.collect(),
            metrics,
        }
    }
}

/// What an attempt took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Steps of training or search.
    pub steps: u64,
    /// Questions put to the subject, candidates of a search among them.
    pub queries: u64,
    /// Tokens that went through the subject; a backward pass counts twice.
    pub forward_tokens: u64,
    /// Seconds.
    pub seconds: f64,
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            queries: self.queries + other.queries,
            forward_tokens: self.forward_tokens + other.forward_tokens,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// One attempt of an attack: a number of bits, a number of steps, a way of asking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which.
    pub label: String,
    /// What it brought back, by scope.
    pub scopes: BTreeMap<String, Caught>,
    /// Further numbers, by name: steps taken, a loss, an accuracy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
    /// Texts that were found, such as a prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
    /// What it took.
    pub cost: Cost,
}

impl Trial {
    /// Two attempts as one: what either brought back, what both took.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let mut scopes = self.scopes.clone();
        for (name, caught) in &other.scopes {
            let sum = scopes.get(name).map_or_else(|| caught.clone(), |own| own.or(caught));
            scopes.insert(name.clone(), sum);
        }
        let mut numbers = self.numbers.clone();
        numbers.extend(other.numbers.clone());
        let texts = [&self.texts[..], &other.texts].concat();
        Self { label: self.label.clone(), scopes, numbers, texts, cost: self.cost + other.cost }
    }
}

/// What one attack brought back from one subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The attack's name.
    pub attack: String,
    /// Its attempts.
    pub trials: Vec<Trial>,
    /// What of its budget ended it, if it was that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// What has to be known of it, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One attacked subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Attacked {
    /// Who.
    pub subject: Subject,
    /// Asked without any attack.
    pub plain: Trial,
    /// What each attack brought back.
    pub attacks: Vec<Outcome>,
}

/// How many facts of a scope came back under an attack, under all of them, or under all that only ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovered {
    /// The attack; none for all of them together.
    pub attack: Option<String>,
    /// Its attempt. Of several attacks together: none for all of them, [`Recovered::BY_ASKING`] for those that only ask.
    pub trial: Option<String>,
    /// The scope.
    pub scope: String,
    /// Whether answers were said, or only preferred.
    pub said: bool,
    /// Facts that came back.
    pub back: usize,
    /// Facts that were asked for.
    pub asked: usize,
    /// Facts that would have come back by guessing: as often as wrong answers came.
    pub guessed: f64,
    /// The chance of as many by guessing.
    pub p_value: f64,
    /// Bounds of the share of facts that came back beyond guessing, at 95 %; facts about the same are drawn together.
    pub beyond: Option<[f64; 2]>,
    /// The same of the retrained model: facts that came back and facts that were asked for.
    pub retrained: Option<[usize; 2]>,
    /// The chance of as many more than of the retrained model, if both knew as much.
    pub p_retrained: Option<f64>,
}

impl Recovered {
    /// What stands as the attempt of all attacks together that only ask and do not hold the weights.
    pub const BY_ASKING: &str = "by asking alone";
}

/// A fact that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The question.
    pub question: String,
    /// The true answer.
    pub answer: String,
    /// The wrong ones, in the order in which they are heard.
    pub wrong: Vec<String>,
    /// Whom or what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// The content of `attacks.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AttackReport {
    /// Always [`AttackReport::SCHEMA`].
    pub schema: String,
    /// The suite, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// What was asked, by scope.
    pub facts: BTreeMap<String, Vec<Fact>>,
    /// The subject.
    pub attacked: Attacked,
    /// The retrained model, attacked alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrained: Option<Attacked>,
    /// What came back, by scope, attack and attempt.
    pub recovered: Vec<Recovered>,
    /// What that comes to, in sentences.
    pub words: Vec<String>,
}

impl AttackReport {
    /// The schema and version of this file.
    pub const SCHEMA: &str = "unlearn.attacks/1";
}

#[cfg(test)]
mod tests {
    use super::{Caught, Heard};

    #[test]
    fn what_either_heard_was_heard() {
        let a = Heard { truth: true, wrong: vec![false, true, false] };
        let b = Heard { truth: false, wrong: vec![true, true, false] };
        assert_eq!(a.or(&b), Heard { truth: true, wrong: vec![true, true, false] });
        assert_eq!((a.chance(), b.chance()), (0.5, 0.5));
    }

    #[test]
    fn of_two_hearings_the_words_stay_that_said_it_and_times_add_up() {
        let caught = |truth: bool, words: &str, times: Option<[usize; 2]>| Caught {
            said: vec![Some(Heard { truth, wrong: vec![false] })],
            words: vec![Some(words.to_owned())],
            times: vec![times],
            ..Caught::default()
        };
        let (no, yes) = (caught(false, "No idea.", Some([0, 4])), caught(true, "In Oslo.", Some([3, 4])));
        for both in [no.or(&yes), yes.or(&no)] {
            assert_eq!((both.words[0].as_deref(), both.times[0]), (Some("In Oslo."), Some([3, 8])));
        }
        assert_eq!(no.or(&caught(false, "Who?", None)).words[0].as_deref(), Some("No idea."));
        assert_eq!(yes.or(&caught(false, "", None)).times, yes.times);
    }
}
