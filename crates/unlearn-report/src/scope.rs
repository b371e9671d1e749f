//! The sets that scores are taken on, in words: each is a scope within which forgetting or keeping may succeed or fail.

/// What is wanted of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// It, or what follows from it, is to be forgotten.
    Gone,
    /// It is to be kept.
    Kept,
    /// Nothing: no model saw it, and it shows what not knowing looks like.
    Unseen,
    /// It is no set of rows: membership, or the model as a whole.
    Nothing,
}

/// A set in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Its name, as in `forget/probability`.
    pub name: &'static str,
    /// Its name in a heading.
    pub title: &'static str,
    /// What it is, in a few words.
    pub aim: &'static str,
    /// How to read its scores, in a sentence.
    pub meaning: &'static str,
    /// What is wanted of it.
    pub wanted: Wanted,
}

const fn scope(
    name: &'static str,
    title: &'static str,
    aim: &'static str,
    meaning: &'static str,
    wanted: Wanted,
) -> Scope {
    Scope { name, title, aim, meaning, wanted }
}

/// The known sets, in the order in which they are shown; see [`order`] for others.
pub const SCOPES: &[Scope] = &[
    scope(
        "forget",
        "Forget",
        "what must go",
        "The questions that the model was told to forget. It should know them as little as a model that never saw them, \
         and not less: an answer that is avoided gives itself away.",
        Wanted::Gone,
    ),
    scope(
        "paraphrased",
        "Paraphrased",
        "what must go, asked in other words",
        "If these are still answered, only the wording was forgotten.",
        Wanted::Gone,
    ),
    scope(
        "inverse",
        "Inverse",
        "what must go, asked the other way round",
        "If these are still answered, the fact is there and is only not said from one side.",
        Wanted::Gone,
    ),
    scope(
        "one-hop",
        "One hop",
        "what must go, by implication",
        "Answers that need the forgotten fact on the way. If they are still given, it is still used.",
        Wanted::Gone,
    ),
    scope(
        "retain",
        "Retain",
        "what must keep working",
        "What the model was told to keep. It should be known as well as before.",
        Wanted::Kept,
    ),
    scope(
        "neighbour",
        "Neighbour",
        "close to what must go, but must keep working",
        "Where these fall, forgetting went too far: it took what merely looks alike.",
        Wanted::Kept,
    ),
    scope(
        "real-authors",
        "Real authors",
        "general knowledge of the same kind",
        "Knowledge that the model had from elsewhere. It should be as before.",
        Wanted::Kept,
    ),
    scope(
        "world-facts",
        "World facts",
        "general knowledge",
        "Knowledge that has nothing to do with what was forgotten. It should be as before.",
        Wanted::Kept,
    ),
    scope(
        "holdout",
        "Holdout",
        "of the same kind, never seen by any model",
        "What not knowing looks like: forgotten answers should look like these.",
        Wanted::Unseen,
    ),
    scope(
        "mia",
        "Membership",
        "whether one can tell that a text was trained on",
        "0.5: the forget texts cannot be told from texts that no model saw; near 1: they look learned; near 0: they look \
         avoided. Read it against the retrained model.",
        Wanted::Nothing,
    ),
    scope("", "Whole model", "all sets together", "Numbers that sum up several sets.", Wanted::Nothing),
];

/// Where sets of other names that belong to what must go stand.
const OTHERS_GONE: usize = 4;

/// Where other sets stand, more of what must go counted.
const OTHERS: usize = 9;

/// The words for a set, if it is a known one.
pub fn find(set: &str) -> Option<&'static Scope> {
    SCOPES.iter().find(|s| s.name == set)
}

/// What is wanted of a set. Of other names, those that begin with `forget-` belong to what must go; the rest is to be
/// kept.
pub fn wanted(set: &str) -> Wanted {
    let other = if set.starts_with("forget-") { Wanted::Gone } else { Wanted::Kept };
    find(set).map_or(other, |s| s.wanted)
}

/// A title for a set, and what it is.
pub fn title(set: &str) -> (&str, &'static str) {
    let other = if wanted(set) == Wanted::Gone { "what must go" } else { "must keep working" };
    find(set).map_or((set, other), |s| (s.title, s.aim))
}

/// Sorts sets: those of what must go, the known ones first; likewise what is kept; then the holdout, membership and
/// whole-model scores.
pub fn order(set: &str) -> (usize, &str) {
    let known = |i: usize| i + usize::from(i >= OTHERS_GONE) + usize::from(i + 1 >= OTHERS);
    match SCOPES.iter().position(|s| s.name == set) {
        Some(i) => (known(i), set),
        None if wanted(set) == Wanted::Gone => (OTHERS_GONE, set),
        None => (OTHERS, set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sets_stand_between_what_is_kept_and_what_was_never_seen() {
        assert_eq!((SCOPES[OTHERS_GONE].name, SCOPES[OTHERS - 1].name), ("retain", "holdout"));
        let mut sets =
            ["", "mia", "zoo", "holdout", "world-facts", "code", "forget-bio", "one-hop", "retain", "forget"];
        sets.sort_by_key(|s| order(s));
        let expected =
            ["forget", "one-hop", "forget-bio", "retain", "world-facts", "code", "zoo", "holdout", "mia", ""];
        assert_eq!(sets, expected);
        assert_eq!((title("forget-bio").1, title("zoo").1), ("what must go", "must keep working"));
    }
}
