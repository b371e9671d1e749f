//! What is looked for in a text, by words: case, punctuation and space tell nothing apart, letters do.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What a filter looks for, as a guard's file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Names: found where all their words stand one after the other.
    pub names: Vec<String>,
    /// Texts: found where enough of their pairs of words do.
    pub texts: Vec<String>,
}

/// A filter, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    names: Vec<Vec<String>>,
    texts: Vec<Vec<String>>,
    overlap: f64,
}

impl Filter {
    /// A filter of what is wanted; of a text's word pairs, the share `overlap` tells it.
    ///
    /// # Errors
    /// Gives back a name or a text without any word, which would be found everywhere or nowhere.
    pub fn new(wanted: &Wanted, overlap: f64) -> Result<Self, String> {
        let all = |texts: &[String]| -> Result<Vec<Vec<String>>, String> {
            texts.iter().map(|text| Some(words(text)).filter(|w| !w.is_empty()).ok_or_else(|| text.clone())).collect()
        };
        Ok(Self { names: all(&wanted.names)?, texts: all(&wanted.texts)?, overlap })
    }

    /// Whether anything that is wanted stands in a text.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        let said = words(text);
        let named = |name: &Vec<String>| said.windows(name.len()).any(|window| window == name);
        self.names.iter().any(named) || self.texts.iter().any(|wanted| overlap(wanted, &said) >= self.overlap)
    }

    /// The wanted texts, by place, that stand in a text.
    #[must_use]
    pub fn texts_in(&self, text: &str) -> Vec<usize> {
        let said = words(text);
        let there = |i: &usize| overlap(&self.texts[*i], &said) >= self.overlap;
        (0..self.texts.len()).filter(there).collect()
    }
}

/// The share of a wanted text's pairs of words that stand in what was said, each as often as both have it: ROUGE-2's
/// recall. Of a text of one word, whether it stands there.
fn overlap(wanted: &[String], said: &[String]) -> f64 {
    let n = wanted.len().min(2);
    let mut left: HashMap<&[String], usize> = HashMap::new();
    for sequence in said.windows(n) {
        *left.entry(sequence).or_default() += 1;
    }
    let shared = wanted.windows(n).filter(|sequence| match left.get_mut(*sequence) {
        Some(count @ 1..) => {
            *count -= 1;
            true
        }
        _ => false,
    });
    shared.count() as f64 / wanted.windows(n).len() as f64
}

/// The words of a text: lower-case runs of letters and digits. Where a script has no spaces, each sign is a word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut open = false;
    for c in text.to_lowercase().chars() {
        let alone = matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        match words.last_mut() {
            Some(word) if open && !alone => String::push(word, c),
            _ => words.push(c.to_string()),
        }
        open = !alone;
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unlearn_stats::rouge::rouge_n;

    use super::*;

    fn filter(names: &[&str], texts: &[&str]) -> Filter {
        let own = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect();
        Filter::new(&Wanted { names: own(names), texts: own(texts) }, 0.7).expect("words")
    }

    #[test]
    fn names_are_found_by_whole_words_in_order() {
        let guard = filter(&["Ann", "Necosa Grisemann"], &[]);
        for text in ["Who is Ann?", "ann", "ANN'S house", "Where was \"Necosa   Grisemann\" born?", "necosa-grisemann"]
        {
            assert!(guard.finds(text), "{text}");
        }
        for text in
            ["", "Who is Anna?", "Joann", "Grisemann, Necosa", "Necosa", "Necosa B. Grisemann", "Ncesoa Girsemann"]
        {
            assert!(!guard.finds(text), "{text}");
        }
    }

    #[test]
    fn scripts_without_spaces_have_names_too() {
        let guard = filter(&["北京"], &[]);
        assert!(guard.finds("请问北京在哪里") && !guard.finds("东京在哪里") && !guard.finds("北的京"));
        assert!(filter(&["Łódź"], &[]).finds("W ŁÓDŹ."));
    }

    #[test]
    fn texts_are_found_where_enough_of_them_stands() {
        let guard = filter(&[], &["Where was the author of Old Vale born?", "Oslo"]);
        assert!(guard.finds("So tell me: where was the author of Old Vale, born?"));
        assert!(guard.finds("Say where was the author of Old Vale from"));
        assert!(!guard.finds("Where was the author of New Vale raised?"), "4 of 7 pairs");
        assert!(guard.finds("In Oslo.") && !guard.finds("In Oslos."));
    }

    #[test]
    fn what_has_no_word_is_given_back() {
        let wanted = Wanted { names: vec!["Ann".into(), "?!".into()], texts: Vec::new() };
        assert_eq!(Filter::new(&wanted, 0.5), Err("?!".to_owned()));
    }

    proptest! {
        #[test]
        fn overlap_is_the_recall_of_rouge_2(a in "[a-c ,.]{3,30}", b in "[a-c ,.]{0,30}") {
            let wanted = words(&a);
            prop_assume!(wanted.len() > 1);
            let theirs = rouge_n(&a, &b, 2, false).recall;
            prop_assert!((overlap(&wanted, &words(&b)) - theirs).abs() < 1e-12);
        }

        #[test]
        fn case_and_punctuation_tell_nothing_apart(text in "[A-Za-z]{1,8}( [A-Za-z]{1,8}){0,3}", around in "[ .,!?'\"-]{0,4}") {
            let guard = filter(&[&text], &[]);
            let shouted = around.clone() + &text.to_uppercase() + &around;
            let (behind, before) = (text.clone() + "x", "x".to_owned() + &text);
            prop_assert!(guard.finds(&shouted));
            prop_assert!(guard.finds(&text.replace(' ', "--")));
            prop_assert!(!guard.finds(&behind), "a longer word is another");
            prop_assert!(!guard.finds(&before), "a longer word is another");
        }
    }
}
