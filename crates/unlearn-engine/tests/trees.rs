//! Rows that share their beginnings, looked at as trees, against the same rows one by one.

use std::path::Path;

use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::generate::{Begun, Generation, Options, generate, go_on};
use unlearn_engine::likelihood::{each_logits, score_rows};
use unlearn_engine::tree::{look, look_and_begin};
use unlearn_engine::{LanguageModel, device};

const FAMILIES: [&str; 13] = [
    "llama",
    "llama3-rope",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3",
    "phi",
    "phi3",
    "gpt-neox",
    "gpt2",
    "olmo2",
];

fn model(family: &str) -> LanguageModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models").join(family);
    LanguageModel::read(&folder, &device::by_name("cpu").expect("cpu")).expect("the golden model")
}

/// Tokens that differ from place to place, below 90.
fn ids(seed: u32, n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| (seed * 31 + i * 17 + i * i * seed) % 90).collect()
}

/// Six questions after a common beginning, each with answers that share their own beginnings; the last has one.
fn questions(hidden: Option<u32>) -> Vec<Vec<TokenRow>> {
    let system = ids(1, 9);
    let one = |q: u32, answers: u32| -> Vec<TokenRow> {
        let answer = |a: u32| {
            let prompt = [&system[..], &ids(q + 5, 3 + q as usize)].concat();
            let tail = [ids(q + 50, 2), ids(a + 60, 3 + a as usize % 3)].concat();
            let labels = std::iter::repeat_n(-100, prompt.len()).chain(tail.iter().map(|&id| i64::from(id))).collect();
            TokenRow { hidden, ..TokenRow::of_tokens([&prompt[..], &tail].concat(), labels) }
        };
        (0..answers).map(answer).collect()
    };
    (0..6).map(|q| one(q, if q == 5 { 1 } else { 4 })).collect()
}

/// Log-probabilities of the rows' supervised tokens, each row in a pass of its own.
fn alone(model: &LanguageModel, rows: &[TokenRow]) -> Vec<Vec<f32>> {
    let mut found = vec![Vec::new(); rows.len()];
    each_logits([model], rows, Which::Supervised, 1, &mut |row, nth, [logits]| {
        let top = logits.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
        let norm = top + logits.iter().map(|&x| (f64::from(x) - top).exp()).sum::<f64>().ln();
        let label = rows[row].labels.iter().filter(|&&l| l >= 0).nth(nth).copied().unwrap_or(-1) as usize;
        found[row].push((f64::from(logits[label]) - norm) as f32);
        Ok(())
    })
    .expect("looks");
    found
}

#[test]
fn in_every_family_a_tree_says_what_its_rows_say() {
    for family in FAMILIES {
        let model = model(family);
        for hidden in [None, Some(ids(1, 9)[4])] {
            let groups = questions(hidden);
            let rows: Vec<TokenRow> = groups.concat();
            let alone = alone(&model, &rows);
            for budget in [1, 64, 4096] {
                for which in [Which::Supervised, Which::All] {
                    let scores = score_rows(&model, &rows, which, budget, |_| ());
                    for ((row, scores), expected) in rows.iter().zip(&scores).zip(&alone) {
                        assert_eq!(scores.len(), if which == Which::All { row.ids.len() - 1 } else { expected.len() });
                        for (score, log_prob) in scores.iter().rev().zip(expected.iter().rev()) {
                            assert!((score - log_prob).abs() < 2e-5, "{family}, {budget}: {score} and {log_prob}");
                        }
                    }
                }
                let mut told = Vec::new();
                let sight = look(&model, &groups, budget, &mut |n| told.push(n));
                assert_eq!(told.last(), Some(&groups.len()));
                for (row, expected) in sight.groups.concat().iter().zip(&alone) {
                    assert_eq!(row.len(), expected.len());
                    for (seen, log_prob) in row.iter().zip(expected) {
                        let off = (seen.log_prob - log_prob).abs();
                        assert!(off < 2e-5, "{family}, budget {budget}: {} and {log_prob}", seen.log_prob);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_seen_besides_agrees_with_the_whole_distribution() {
    let model = model("llama");
    let groups = questions(None);
    let rows: Vec<TokenRow> = groups.concat();
    let seen = look(&model, &groups, 512, &mut |_| ()).groups.concat();
    each_logits([&model], &rows, Which::Supervised, 512, &mut |row, nth, [logits]| {
        let top = logits.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
        let norm = top + logits.iter().map(|&x| (f64::from(x) - top).exp()).sum::<f64>().ln();
        let logs: Vec<f64> = logits.iter().map(|&x| f64::from(x) - norm).collect();
        let expected: f64 = logs.iter().map(|l| l.exp() * l).sum();
        let variance: f64 = logs.iter().map(|l| l.exp() * (l - expected).powi(2)).sum();
        let label = rows[row].labels.iter().filter(|&&l| l >= 0).nth(nth).copied().unwrap_or(-1) as usize;
        let best = logs.iter().all(|&l| l <= logs[label]);
        let ours = seen[row][nth];
        assert!((f64::from(ours.expected) - expected).abs() < 1e-4 && ours.greedy == best);
        assert!((f64::from(ours.deviation) - variance.sqrt()).abs() < 1e-4);
        Ok(())
    })
    .expect("looks");
}

#[test]
fn what_is_shared_goes_through_the_decoder_once() {
    let model = model("llama");
    let groups = questions(None);
    let alone: usize = groups.iter().flatten().map(|r| r.ids.len() - 1).sum();
    let distinct = look(&model, &groups, 1, &mut |_| ()).forward_tokens;
    // 9 common tokens, of which 8 go before all others; then of each question its own, its answers' two, and the rest.
    let by_hand: usize = 9 + groups.iter().map(|g| own(g) - 9).sum::<usize>();
    assert_eq!(distinct, by_hand);
    assert!(3 * distinct < 2 * alone, "{distinct} of {alone}");
}

/// Answers by themselves, beside others after a beginning that all share, and after the prompts that a look has read.
#[test]
fn in_every_family_answers_are_the_same_however_their_prompts_were_read() {
    for family in FAMILIES {
        let model = model(family);
        for hidden in [None, Some(ids(1, 9)[4])] {
            let groups = questions(hidden);
            let prompts: Vec<Vec<u32>> = groups.iter().map(|g| g[0].prompt().to_vec()).collect();
            let options = Options { max_new_tokens: 12, hidden, ..Options::default() };
            let alone: Vec<Generation> = prompts
                .iter()
                .flat_map(|p| generate(&model, std::slice::from_ref(p), &options, |_, _| ()).expect("one").answers)
                .collect();
            let together = generate(&model, &prompts, &options, |_, _| ()).expect("all");
            assert_eq!(together.answers, alone, "{family}");
            let mut begun: Vec<Option<Begun>> = vec![None; groups.len()];
            let _ = look_and_begin(&model, &groups, 64, &mut |_| (), &mut |g, prompt| begun[g] = Some(prompt));
            let begun: Vec<Begun> = begun.into_iter().flatten().collect();
            // Generation does not count hidden tokens where it counts positions; likelihoods do.
            assert_eq!(begun.len(), if hidden.is_some() { 0 } else { groups.len() }, "{family}");
            if begun.is_empty() {
                continue;
            }
            let after = go_on(&model, &begun, &options).expect("goes on");
            assert_eq!(after.answers, alone, "{family}, after a look");
            let written: usize = alone.iter().map(|a| a.ids.len()).sum();
            assert!(after.forward_tokens <= written, "{family}: prompts are not read again");
        }
    }
}

#[test]
fn what_prompts_share_is_read_once_for_all() {
    let model = model("llama");
    let prompt = ids(3, 20);
    let options = Options { max_new_tokens: 1, ..Options::default() };
    let prompts = vec![prompt.clone(); 8];
    let generated = generate(&model, &prompts, &options, |_, _| ()).expect("answers");
    assert_eq!(generated.forward_tokens, 19 + 8);
}

/// Distinct beginnings of a group's inputs.
fn own(group: &[TokenRow]) -> usize {
    let mut all: Vec<&[u32]> = group.iter().flat_map(|r| (1..r.ids.len()).map(move |n| &r.ids[..n])).collect();
    all.sort();
    all.dedup();
    all.len()
}
