//! Free places in rows: gradients against finite differences, candidates and vectors against plain likelihoods.

use std::path::Path;

use unlearn_core::recipe::Frozen;
use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::generate::{Options, Soft, generate, generate_behind};
use unlearn_engine::likelihood::score_rows;
use unlearn_engine::prompt::{Slotted, cost, gradient, gradient_cost, losses, soft_gradient, soft_scores, vectors};
use unlearn_engine::{LanguageModel, Loading, device};

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

fn load(family: &str, loading: Loading<'_>) -> LanguageModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models").join(family);
    LanguageModel::load(&folder, loading, &device::by_name("cpu").expect("cpu")).expect("the golden model")
}

fn model(family: &str) -> LanguageModel {
    load(family, Loading::Whole)
}

fn ids(seed: u32, n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| (seed * 31 + i * 17 + i * i * seed) % 90).collect()
}

/// A prompt with three free places, the last two with tokens between and behind them, then an answer.
fn row(seed: u32) -> TokenRow {
    let (prompt, answer) = (ids(seed, 9 + seed as usize), ids(seed + 40, 4));
    let labels = prompt.iter().map(|_| -100).chain(answer.iter().map(|&id| i64::from(id))).collect();
    TokenRow::of_tokens([prompt, answer].concat(), labels)
}

fn slots(seed: u32) -> Vec<usize> {
    let seed = seed as usize;
    vec![2 + seed, 3 + seed, 6 + seed]
}

fn slotted(model: &LanguageModel, seed: u32) -> Slotted {
    Slotted::new(model, row(seed), slots(seed)).expect("free places")
}

fn mean_loss(scores: &[f32]) -> f64 {
    -scores.iter().map(|&s| f64::from(s)).sum::<f64>() / scores.len() as f64
}

fn plain(model: &LanguageModel, rows: &[TokenRow]) -> Vec<f64> {
    score_rows(model, rows, Which::Supervised, 256, |_| ()).iter().map(|s| mean_loss(s)).collect()
}

#[test]
fn in_every_family_the_gradient_is_that_of_soft_one_hot_inputs() {
    let packed = ["llama", "gemma"].map(|family| (family, load(family, Loading::Packed(Frozen::Q8))));
    for (family, model) in FAMILIES.map(|family| (family, model(family))).into_iter().chain(packed) {
        let rows = [slotted(&model, 1), slotted(&model, 2)];
        let filling = [11, 23, 5];
        let found = gradient(&model, &rows, &filling);
        let vocabulary = model.decoder.config().vocab_size;
        assert_eq!(found.gradient.len(), 3 * vocabulary);
        assert_eq!(found.forward_tokens, gradient_cost(&rows));
        let both: Vec<TokenRow> = rows.iter().map(|r| r.with(&filling)).collect();
        let expected = plain(&model, &both).iter().sum::<f64>() / 2.0;
        assert!((found.loss - expected).abs() < 1e-5, "{family}: {} instead of {expected}", found.loss);
        let (start, width) = (vectors(&model, &filling), model.decoder.config().hidden_size);
        let largest = found.gradient.iter().fold(0f32, |m, g| m.max(g.abs()));
        for (slot, token) in [(0, 7), (0, 60), (1, 23), (2, 88), (2, 0)] {
            let direction = vectors(&model, &[token]);
            let loss = |by: f32| -> f64 {
                let mut moved = start.clone();
                let at = slot * width..(slot + 1) * width;
                moved[at].iter_mut().zip(&direction).for_each(|(x, d)| *x += by * d);
                rows.iter().map(|r| mean_loss(&soft_scores(&model, r, &moved))).sum::<f64>() / 2.0
            };
            let step = 4e-3;
            let difference = (loss(step) - loss(-step)) / f64::from(2.0 * step);
            let ours = f64::from(found.gradient[slot * vocabulary + token as usize]);
            let off = (ours - difference).abs() / f64::from(largest);
            assert!(off < 1e-2, "{family}, slot {slot}, token {token}: {ours} instead of {difference}");
        }
    }
}

#[test]
fn in_every_family_candidates_have_their_plain_likelihoods() {
    for family in FAMILIES {
        let model = model(family);
        for hidden in [None, Some(3)] {
            let row = Slotted::new(&model, TokenRow { hidden, ..row(2) }, slots(2)).expect("free places");
            let stem = [11, 23, 5];
            let fillings: Vec<Vec<u32>> =
                [[11, 23, 5], [11, 23, 9], [11, 3, 5], [8, 23, 5], [11, 3, 9], [3, 3, 3]].map(Vec::from).to_vec();
            let expected = plain(&model, &fillings.iter().map(|f| row.with(f)).collect::<Vec<_>>());
            for budget in [1, 40, 4096] {
                let found = losses(&model, &row, &stem, &fillings, budget);
                for (ours, theirs) in found.losses.iter().zip(&expected) {
                    assert!((ours - theirs).abs() < 1e-5, "{family}, budget {budget}: {ours} instead of {theirs}");
                }
                assert_eq!(found.forward_tokens, cost(&model, &row, &stem, &fillings));
            }
            assert!(losses(&model, &row, &stem, &[], 64).losses.is_empty());
        }
    }
}

#[test]
fn what_candidates_share_with_the_stem_goes_through_the_decoder_once() {
    let model = model("llama");
    let prompt = ids(1, 40);
    let answer = ids(2, 10);
    let labels = prompt.iter().map(|_| -100).chain(answer.iter().map(|&id| i64::from(id))).collect();
    let row = TokenRow::of_tokens([prompt, answer].concat(), labels);
    // 20 places, two tokens behind them; 16 substitutions at every place.
    let row = Slotted::new(&model, row, (18..38).collect()).expect("free places");
    let stem: Vec<u32> = ids(3, 20);
    let swap = |at: usize, id: u32| {
        let mut filling = stem.clone();
        filling[at] = id;
        filling
    };
    let fillings: Vec<Vec<u32>> =
        (0..20).flat_map(|at| (90..96).map(move |id| (at, id))).map(|(a, i)| swap(a, i)).collect();
    let found = losses(&model, &row, &stem, &fillings, 1024);
    // Of each its 49 inputs less those before its place; once, those of the stem between the beginning and the last.
    let by_hand: usize = 19 + (0..20).map(|at| 6 * (49 - 18 - at)).sum::<usize>();
    assert_eq!(found.forward_tokens, by_hand);
    let uncached = 49 * fillings.len();
    println!("{} forward tokens instead of {uncached}", found.forward_tokens);
    assert!(9 * uncached > 20 * found.forward_tokens, "{} of {uncached}", found.forward_tokens);
}

#[test]
fn vectors_of_tokens_are_these_tokens() {
    for family in FAMILIES {
        let model = model(family);
        for hidden in [None, Some(0)] {
            let row = Slotted::new(&model, TokenRow { hidden, ..row(1) }, slots(1)).expect("free places");
            let filling = [11, 23, 5];
            let start = vectors(&model, &filling);
            let expected = score_rows(&model, &[row.with(&filling)], Which::Supervised, 64, |_| ()).concat();
            let scores = soft_scores(&model, &row, &start);
            assert_eq!(scores.len(), expected.len());
            assert!(
                scores.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5),
                "{family}: {scores:?} {expected:?}"
            );
            let by_vector = soft_gradient(&model, std::slice::from_ref(&row), &start);
            let tokens = gradient(&model, std::slice::from_ref(&row), &filling);
            assert_eq!((by_vector.loss, by_vector.forward_tokens), (tokens.loss, tokens.forward_tokens));
        }
    }
}

#[test]
fn answers_behind_vectors_of_tokens_are_those_behind_the_tokens() {
    for family in ["llama", "gemma", "gpt2", "phi3"] {
        let model = model(family);
        let filling = [11, 23, 5];
        let prompts: Vec<Vec<u32>> = [1, 2].map(|seed| slotted(&model, seed).with(&filling).prompt().to_vec()).to_vec();
        let options = Options { max_new_tokens: 6, ..Options::default() };
        let expected = generate(&model, &prompts, &options, |_, _| ()).expect("answers");
        let blank: Vec<Vec<u32>> = [1, 2].map(|seed| slotted(&model, seed).with(&[1, 1, 1]).prompt().to_vec()).to_vec();
        let places = [slots(1), slots(2)];
        let start = vectors(&model, &filling);
        let soft = Soft { slots: &places, vectors: &start };
        let found = generate_behind(&model, &blank, Some(&soft), &options, |_, _| ()).expect("answers");
        assert_eq!(found, expected, "{family}");
        // Other vectors, other answers: they are read.
        let far: Vec<f32> = start.iter().map(|x| -20.0 * x).collect();
        let soft = Soft { slots: &places, vectors: &far };
        assert_ne!(generate_behind(&model, &blank, Some(&soft), &options, |_, _| ()).expect("answers"), expected);
    }
}

#[test]
fn places_that_cannot_be_free_are_refused() {
    let model = model("llama");
    for (slots, named) in
        [(vec![], "missing"), (vec![3, 3], "order"), (vec![2, 11], "supervised"), (vec![99], "supervised")]
    {
        let error = Slotted::new(&model, row(1), slots).expect_err(named).to_string();
        assert!(error.contains(named), "{error}");
    }
    let unknown = TokenRow::of_tokens(vec![1, 2, 96, 4], vec![-100, -100, -100, 4]);
    assert!(Slotted::new(&model, unknown, vec![1]).expect_err("unknown").to_string().contains("vocabulary"));
    let silent = TokenRow::of_tokens(ids(1, 8), vec![-100; 8]);
    assert!(Slotted::new(&model, silent, vec![2]).is_err());
    let long = TokenRow::of_tokens(vec![1; 300], (0..300).map(|t| if t < 290 { -100 } else { 1 }).collect());
    assert!(Slotted::new(&model, long, vec![2]).expect_err("too long").to_string().contains("256"));
}
