//! ROUGE scores and stems must be those of `rouge_score` 0.1.2 and NLTK's `PorterStemmer`, to the last bit.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde::Deserialize;
use unlearn_stats::porter;
use unlearn_stats::rouge::{self, Rouge};

#[derive(Deserialize)]
struct Golden {
    porter: BTreeMap<String, String>,
    rouge: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    target: String,
    prediction: String,
    rouge1: Score,
    rouge2: Score,
    #[serde(rename = "rougeL")]
    rouge_l: Score,
}

#[derive(Deserialize)]
struct Score {
    precision: f64,
    recall: f64,
    f1: f64,
}

impl Score {
    fn assert_is(&self, ours: Rouge, what: &str, pair: &Pair) {
        let expected = Rouge { precision: self.precision, recall: self.recall, f1: self.f1 };
        assert_eq!(ours, expected, "{what} of `{}` against `{}`", pair.prediction, pair.target);
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../testdata/rouge.json")).unwrap()
}

#[test]
fn stems_agree() {
    for (word, stem) in golden().porter {
        assert_eq!(porter::stem(&word), stem, "the stem of `{word}`");
    }
}

#[test]
fn rouge_agrees() {
    for pair in golden().rouge {
        let (target, prediction) = (&pair.target, &pair.prediction);
        pair.rouge1.assert_is(rouge::rouge_n(target, prediction, 1, true), "ROUGE-1", &pair);
        pair.rouge2.assert_is(rouge::rouge_n(target, prediction, 2, true), "ROUGE-2", &pair);
        pair.rouge_l.assert_is(rouge::rouge_l(target, prediction, true), "ROUGE-L", &pair);
    }
}
