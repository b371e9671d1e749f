//! Looking into models, and putting one's states into another.

use std::path::Path;

use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::inside::{Inside, patched};
use unlearn_engine::likelihood::{each_logits, score_rows};
use unlearn_engine::{LanguageModel, device};

fn model(family: &str) -> LanguageModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models").join(family);
    LanguageModel::read(&folder, &device::by_name("cpu").expect("cpu")).expect("the golden model")
}

fn rows() -> Vec<TokenRow> {
    let row = |seed: u32, n: u32| {
        let ids: Vec<u32> = (0..n).map(|i| (seed * 31 + i * 17) % 90).collect();
        let labels = ids.iter().enumerate().map(|(i, &id)| if i < 4 { -100 } else { i64::from(id) }).collect();
        TokenRow::of_tokens(ids, labels)
    };
    (1..6).map(|seed| row(seed, 6 + seed)).collect()
}

#[test]
fn its_own_states_change_nothing_and_anothers_last_ones_make_it_the_other() {
    for family in ["llama", "gemma2", "phi", "gpt2"] {
        let (model, rows) = (model(family), rows());
        let alone = score_rows(&model, &rows, Which::Supervised, 64, |_| ());
        let inside = Inside::of(&model, &rows, 16);
        assert_eq!(inside.last.len(), inside.tokens.iter().sum::<usize>() * inside.width);
        for layer in 0..inside.layers.len() {
            let same = patched(&model, &rows, layer, &inside.layers[layer], 32);
            for (a, b) in same.concat().iter().zip(alone.concat()) {
                assert!((a - b).abs() < 1e-5, "{family}, layer {layer}: {a} instead of {b}");
            }
        }
        // With the last block's states of another row in place of its own, the answer's likelihood is another.
        let last = inside.layers.len() - 1;
        let turned: Vec<f32> = inside.layers[last].iter().rev().copied().collect();
        let other = patched(&model, &rows, last, &turned, 32);
        assert!(other.concat().iter().zip(alone.concat()).any(|(a, b)| (a - b).abs() > 1e-3), "{family}");
    }
}

#[test]
fn two_models_scores_stand_side_by_side() {
    let (a, b, rows) = (model("llama"), model("llama3-rope"), rows());
    let (inside, other) = (Inside::of(&a, &rows, 16), Inside::of(&b, &rows, 1000));
    let (mut pairs, mut expected) = (Vec::new(), Vec::new());
    inside.each_pair(&other, &mut |x, y| pairs.push((x.to_vec(), y.to_vec())));
    for (row, n) in inside.tokens.iter().enumerate() {
        let one = std::slice::from_ref(&rows[row]);
        let mut found = vec![(Vec::new(), Vec::new()); *n];
        each_logits([&a], one, Which::Supervised, 64, &mut |_, nth, [x]| {
            found[nth].0 = x.to_vec();
            Ok(())
        })
        .expect("looks");
        each_logits([&b], one, Which::Supervised, 64, &mut |_, nth, [x]| {
            found[nth].1 = x.to_vec();
            Ok(())
        })
        .expect("looks");
        expected.extend(found);
    }
    assert_eq!(pairs.len(), expected.len());
    for ((x, y), (u, v)) in pairs.iter().zip(&expected) {
        let close = |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close(x, u) && close(y, v));
    }
}
