//! P-values as people read them: never as a zero, and with the chance that they stand for.

use crate::number::fixed;

/// `p < 0.001`, `p = 0.004`, `p = 0.03`, `p > 0.99`.
pub fn p_value(p: f64) -> String {
    match p {
        p if !(0.0..=1.0).contains(&p) => "p unknown".into(),
        p if p < 0.001 => "p < 0.001".into(),
        p if p < 0.0095 => format!("p = {}", fixed(p, 3)),
        p if p > 0.99 => "p > 0.99".into(),
        p => format!("p = {}", fixed(p, 2)),
    }
}

/// How often something of this p-value comes about by chance: `less than once in 1,000 tries`.
pub fn chance(p: f64) -> String {
    match p {
        p if !(0.0..=1.0).contains(&p) => "nobody knows how often".into(),
        p if p < 0.001 => "less than once in 1,000 tries".into(),
        p if p >= 0.5 => "more often than not".into(),
        p => format!("about once in {} tries", crate::number::count((1.0 / p).round() as u64)),
    }
}

/// A sentence without the p-value in brackets that it may hold: it was rounded for another place.
pub fn without_p_values(words: &str) -> String {
    let mut text = words.to_owned();
    while let Some(start) = text.find(" (p = ").or_else(|| text.find(" (p < ")) {
        let Some(length) = text[start..].find(')') else { break };
        text.replace_range(start..=start + length, "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_is_never_zero() {
        let cases = [
            (0.0, "p < 0.001", "less than once in 1,000 tries"),
            (0.0009, "p < 0.001", "less than once in 1,000 tries"),
            (0.001, "p = 0.001", "about once in 1,000 tries"),
            (0.0099, "p = 0.01", "about once in 101 tries"),
            (0.34, "p = 0.34", "about once in 3 tries"),
            (0.9, "p = 0.90", "more often than not"),
            (1.0, "p > 0.99", "more often than not"),
            (f64::NAN, "p unknown", "nobody knows how often"),
        ];
        for (p, text, often) in cases {
            assert_eq!((p_value(p).as_str(), chance(p).as_str()), (text, often));
        }
    }

    #[test]
    fn brackets_with_p_values_go_and_others_stay() {
        assert_eq!(without_p_values("More (as said) than that (p = 0.00)."), "More (as said) than that.");
        assert_eq!(without_p_values("Neither (p = 0.34 and 0.71)."), "Neither.");
        assert_eq!(without_p_values("Cut (p = 0.3"), "Cut (p = 0.3");
    }
}
