//! Putting facts into words.

use super::fact::Fact;
use super::story::Pronoun;

/// The ways to ask for the object of a relation and to answer.
///
/// Answers are short: a model that does not know the object must not win probability with words around it.
/// Placeholders: `{s}` subject, `{o}` object, `{a}` the object's article, `{A}` the same as first word,
/// `{They}` and `{Their}` pronouns for the subject.
pub(super) struct Phrasing {
    pub(super) questions: [&'static str; 4],
    pub(super) answers: [&'static str; 2],
}

/// The template with a fact in it, `object` in the place of its own.
pub(super) fn fill(template: &str, fact: &Fact, object: &str, pronoun: Pronoun) -> String {
    let vowel = object.starts_with(['a', 'e', 'i', 'o', 'u']);
    let (they, their) = match pronoun {
        Pronoun::She => ("She", "Her"),
        Pronoun::He => ("He", "His"),
        Pronoun::It => ("It", "Its"),
    };
    template
        .replace("{a}", if vowel { "an" } else { "a" })
        .replace("{A}", if vowel { "An" } else { "A" })
        .replace("{They}", they)
        .replace("{Their}", their)
        .replace("{s}", &fact.subject)
        .replace("{o}", object)
}
