//! The metrics in words: what a name like `forget/probability` means to one who has never seen it.

mod table;

use crate::scope::{self, Wanted};

pub use table::MEASURES;

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

/// The metrics that say most, by what is wanted of their set. The others are for a closer look.
fn main_keys(wanted: Wanted) -> &'static [&'static str] {
    match wanted {
        Wanted::Gone => &[
            "probability",
            "rouge",
            "truth-ratio",
            "extraction-strength",
            "refusal",
            "choice",
            "knowledge",
            "verbatim",
            "cloze",
            "leak",
        ],
        Wanted::Kept => &["probability", "rouge", "choice", "perplexity", "knowledge", "verbatim", "cloze"],
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
        for name in
            ["forget/refusal", "one-hop/truth-ratio", "forget-bio/choice", "mine/choice", "mia/min-k", "privleak"]
        {
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
