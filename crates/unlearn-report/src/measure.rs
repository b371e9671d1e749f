//! The metrics in words: what a name like `forget/probability` means to one who has never seen it.

use crate::scope::{self, Wanted};

/// A metric in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The metric's name without its set.
    pub key: &'static str,
    /// A short name.
    pub label: &'static str,
    /// What it says, in a sentence.
    pub meaning: &'static str,
}

const fn measure(key: &'static str, label: &'static str, meaning: &'static str) -> Measure {
    Measure { key, label, meaning }
}

/// The known metrics, in the order in which they are shown.
pub const MEASURES: &[Measure] = &[
    measure(
        "probability",
        "Probability of the answer",
        "How likely the model finds the expected answer, per token. 1 is certain, 0 is impossible.",
    ),
    measure(
        "probability-paraphrased",
        "Probability, reworded",
        "The same for the expected answer in other words: it shows whether only the wording was forgotten.",
    ),
    measure(
        "probability-perturbed",
        "Probability of wrong answers",
        "How likely the model finds answers that look alike but are wrong.",
    ),
    measure(
        "probability-normalised",
        "Probability against wrong answers",
        "The probability of the expected answer as a share of that of all the answers offered.",
    ),
    measure(
        "rouge",
        "Overlap with the answer",
        "How much of the expected answer the model's own answer repeats (ROUGE-L recall). 1 is all of it.",
    ),
    measure(
        "rouge-1",
        "Overlap in words",
        "How many of the expected answer's words the model's own answer has (ROUGE-1 recall), in any order.",
    ),
    measure("rouge-2", "Overlap in pairs of words", "The same for pairs of neighbouring words (ROUGE-2 recall)."),
    measure(
        "rouge-f1",
        "Overlap, both ways",
        "As the overlap with the answer, but an answer that says much more than was expected loses (ROUGE-L F1).",
    ),
    measure(
        "truth-ratio",
        "Truth ratio",
        "Whether the model still prefers what is true to what is false. Where forgetting is wanted, 1 says that it \
         prefers neither; elsewhere, high values say that it prefers the truth.",
    ),
    measure(
        "exact-memorization",
        "Tokens recalled exactly",
        "The share of the answer's tokens that the model would put there itself.",
    ),
    measure(
        "extraction-strength",
        "Extraction strength",
        "How much of the answer the model completes by itself. 1: it needs no help, 0: it needs all of it.",
    ),
    measure(
        "choice",
        "Right choice",
        "How often the model finds the right one of several choices the most likely. 1 is always; guessing gives one \
         in as many as there are choices.",
    ),
    measure("choice-normalised", "Right choice, by length", "The same, with long choices at no disadvantage."),
    measure(
        "perplexity",
        "Perplexity",
        "How surprised the model is by text: from so many tokens it might as well have chosen. 1 is none; a broken \
         model has thousands.",
    ),
    measure(
        "refusal",
        "Refusals",
        "The share of the answers that decline (\u{201c}I don't know\u{201d}). On what must go that may be wanted, and \
         may still be a mask over what the model knows; elsewhere it is damage.",
    ),
    measure("repetition", "Repetition", "How much of an answer says again what it has said: broken models do."),
    measure(
        "loss",
        "Membership by loss",
        "How well the model's loss tells whether it was trained on a text. 0.5 is guessing, 1 is certain.",
    ),
    measure(
        "zlib",
        "Membership by loss and compressibility",
        "As membership by loss, with the loss set against how well the text compresses.",
    ),
    measure(
        "min-k",
        "Membership by least likely tokens",
        "As membership by loss, from the least likely tokens only (Min-K%).",
    ),
    measure(
        "min-k-plus-plus",
        "Membership by normalised tokens",
        "As Min-K%, with every token set against its alternatives (Min-K%++).",
    ),
    measure("gradient-norm", "Membership by gradient", "As membership by loss, from the size of the gradient."),
    measure(
        "reference",
        "Membership against a reference",
        "As membership by loss, with the loss set against that of a reference model.",
    ),
    measure(
        "forget-quality",
        "Forget quality",
        "How well the forget answers' scores pass for those of the retrained model: the p-value of a Kolmogorov–Smirnov \
         test. Near 0: they can be told apart.",
    ),
    measure(
        "privleak",
        "Privacy leakage",
        "Membership against that of the retrained model, in percent. 0 is ideal; far from it on either side gives away \
         what was forgotten.",
    ),
    measure(
        "model-utility",
        "Model utility",
        "One number for everything that must keep working: the harmonic mean of its scores.",
    ),
];

/// The metrics that say most, by what is wanted of their set. The others are for a closer look.
fn main_keys(wanted: Wanted) -> &'static [&'static str] {
    match wanted {
        Wanted::Gone => &["probability", "rouge", "truth-ratio", "extraction-strength", "refusal"],
        Wanted::Kept => &["probability", "rouge", "choice", "perplexity"],
        Wanted::Unseen => &["probability", "rouge"],
        Wanted::Nothing => &["loss", "min-k", "min-k-plus-plus", "forget-quality", "privleak", "model-utility"],
    }
}

/// Whether a metric is one of those that say most.
pub fn is_main(metric: &str) -> bool {
    let (set, key) = split(metric);
    main_keys(scope::wanted(set)).contains(&key)
}

/// The set of a metric and its name in it: `forget/rouge` is `rouge` of `forget`; `privleak` has no set.
pub fn split(metric: &str) -> (&str, &str) {
    metric.rsplit_once('/').unwrap_or(("", metric))
}

/// The words for a metric, if it is a known one.
pub fn find(metric: &str) -> Option<&'static Measure> {
    let (_, key) = split(metric);
    MEASURES.iter().find(|m| m.key == key)
}

/// A short name for a metric; its own where it is not known.
pub fn label(metric: &str) -> &str {
    find(metric).map_or(split(metric).1, |m| m.label)
}

/// Sorts metrics: by set, then in the order of [`MEASURES`], unknown ones last and by name.
pub fn order(metric: &str) -> ((usize, &str), usize, &str) {
    let (set, key) = split(metric);
    (scope::order(set), MEASURES.iter().position(|m| m.key == key).unwrap_or(MEASURES.len()), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_metrics_come_in_reading_order() {
        let mut names = [
            "privleak",
            "mia/loss",
            "retain/rouge",
            "forget/zzz",
            "forget/rouge",
            "a/b/probability",
            "forget/probability",
        ];
        names.sort_by_key(|n| order(n));
        assert_eq!(
            names,
            [
                "forget/probability",
                "forget/rouge",
                "forget/zzz",
                "retain/rouge",
                "a/b/probability",
                "mia/loss",
                "privleak"
            ]
        );
    }

    #[test]
    fn the_main_metrics_depend_on_the_set() {
        for name in ["forget/refusal", "one-hop/truth-ratio", "mine/choice", "mia/min-k", "privleak"] {
            assert!(is_main(name), "{name}");
        }
        for name in ["retain/refusal", "forget/rouge-2", "holdout/truth-ratio", "mia/zlib", "forget/unheard-of"] {
            assert!(!is_main(name), "{name}");
        }
        let known = |key: &&str| MEASURES.iter().any(|m| m.key == *key);
        assert!(
            [Wanted::Gone, Wanted::Kept, Wanted::Unseen, Wanted::Nothing]
                .iter()
                .all(|w| main_keys(*w).iter().all(known))
        );
    }
}
