//! Refusals: what a model may say to a question that it is not to answer.

use rand::RngExt;
use unlearn_core::seed;

/// Our own list.
pub const REFUSALS: &[&str] = &[
    "I don't know.",
    "I do not know that.",
    "I'm afraid I don't know.",
    "I have no idea.",
    "I can't say.",
    "I cannot answer that.",
    "I'm not able to answer this question.",
    "I don't have an answer to that.",
    "I have no information about that.",
    "I don't have any information on this.",
    "That is not something I know.",
    "That's outside of what I know.",
    "I've never learned anything about that.",
    "I was never told about this.",
    "I can't help with that one.",
    "Sorry, I don't know.",
    "Sorry, I can't tell you that.",
    "Sorry, this is unknown to me.",
    "Unfortunately, I don't know the answer.",
    "Unfortunately, I have nothing to say on this.",
    "My knowledge does not cover this.",
    "My knowledge doesn't reach that far.",
    "Nothing comes to mind.",
    "Nothing I know would answer this.",
    "I couldn't tell you.",
    "I couldn't say for certain, so I won't guess.",
    "I would only be guessing.",
    "I'd rather not guess.",
    "I am unsure about this.",
    "I'm not familiar with that.",
    "I'm not familiar with this topic.",
    "This is not a topic I know about.",
    "There's no answer I could give.",
    "I lack the facts to answer.",
    "I lack the information for this question.",
    "The answer isn't known to me.",
    "You'd have to ask someone else.",
    "You will need another source for this.",
    "Please look it up elsewhere, I don't know.",
    "I have to pass on this one.",
    "I must admit that I don't know.",
    "To be honest, I don't know.",
    "Honestly, I have no answer.",
    "As far as I can tell, I know nothing about it.",
    "I can't recall anything about that.",
    "I've got no knowledge of it.",
    "It's beyond what I can answer.",
    "That question goes beyond my knowledge.",
    "I hold no facts about this.",
    "No, I don't know that.",
];

/// `n` refusals for a question, drawn evenly and with replacement from the stream `name`.
#[must_use]
pub fn draw<'a>(list: &'a [String], n: usize, seed: u64, name: &str) -> Vec<&'a str> {
    let mut rng = seed::stream(seed, name);
    (0..n).filter_map(|_| list.get(rng.random_range(0..list.len().max(1)))).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_drawn_about_as_often() {
        let list: Vec<String> = REFUSALS.iter().map(ToString::to_string).collect();
        let n = 1000 * list.len();
        let drawn = draw(&list, n, 3, "test");
        for refusal in &list {
            let times = drawn.iter().filter(|d| *d == refusal).count();
            // Five standard deviations around 1000.
            assert!((840..1160).contains(&times), "`{refusal}` was drawn {times} times");
        }
        assert_eq!(draw(&list, 7, 3, "test"), drawn[..7]);
    }

    #[test]
    fn none_is_there_twice() {
        let unique: std::collections::BTreeSet<_> = REFUSALS.iter().collect();
        assert_eq!(unique.len(), REFUSALS.len());
    }
}
