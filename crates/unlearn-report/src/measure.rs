//! The metrics in words: what a name like `forget/probability` means to one who has never seen it.

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
        "truth-ratio",
        "Truth ratio",
        "Compares how likely wrong answers are with how likely the reworded right one is.",
    ),
    measure(
        "rouge",
        "Overlap with the answer",
        "How much of the expected answer the model's own answer repeats (ROUGE-L recall). 1 is all of it.",
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
        "How well the forget answers' scores pass for those of the retrained model: the p-value of a Kolmogorov–Smirnov test. Near 0: they can be told apart.",
    ),
    measure(
        "model-utility",
        "Model utility",
        "One number for everything that must keep working: the harmonic mean of its scores.",
    ),
    measure(
        "privleak",
        "Privacy leakage",
        "Membership against that of the retrained model. 0 is ideal; far from it on either side gives away what was forgotten.",
    ),
];

/// The sets in the order in which they are shown, with what is wanted of each.
const SETS: &[(&str, &str, &str)] = &[
    ("forget", "Forget", "what must go"),
    ("retain", "Retain", "what must keep working"),
    ("neighbour", "Neighbour", "close to what must go, but must keep working"),
    ("holdout", "Holdout", "of the same kind, never seen by any model"),
    ("mia", "Membership", "whether one can tell that a text was trained on"),
    ("", "Whole model", "all sets together"),
];

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

/// A title for a set, and what is wanted of it.
pub fn set_title(set: &str) -> (&str, &'static str) {
    SETS.iter().find(|(name, ..)| *name == set).map_or((set, ""), |(_, title, aim)| (title, *aim))
}

/// Sorts sets: the known ones first, others by name before the membership and whole-model scores.
pub fn set_order(set: &str) -> (usize, &str) {
    const OTHERS: usize = 4;
    match SETS.iter().position(|(name, ..)| *name == set) {
        Some(i) => (if i < OTHERS { i } else { i + 1 }, set),
        None => (OTHERS, set),
    }
}

/// Sorts metrics: by set, then in the order of [`MEASURES`], unknown ones last and by name.
pub fn order(metric: &str) -> ((usize, &str), usize, &str) {
    let (set, key) = split(metric);
    (set_order(set), MEASURES.iter().position(|m| m.key == key).unwrap_or(MEASURES.len()), key)
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
}
