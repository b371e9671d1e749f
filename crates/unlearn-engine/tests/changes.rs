//! The stream changed while a model works, and read as though it were the last.

use std::path::Path;

use unlearn_core::seed;
use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::decoder::Change;
use unlearn_engine::generate::{Options, generate};
use unlearn_engine::inside::{Inside, patched, read_out};
use unlearn_engine::likelihood::score_rows;
use unlearn_engine::tree::look;
use unlearn_engine::{LanguageModel, device};

const FAMILIES: [&str; 4] = ["llama", "gemma2", "phi", "gpt2"];

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

fn scores(model: &LanguageModel) -> Vec<f32> {
    score_rows(model, &rows(), Which::Supervised, 64, |_| ()).concat()
}

fn written(model: &LanguageModel) -> Vec<Vec<u32>> {
    let prompts: Vec<Vec<u32>> = rows().iter().map(|row| row.prompt().to_vec()).collect();
    let options = Options { max_new_tokens: 6, ..Options::default() };
    generate(model, &prompts, &options, |_, _| ()).expect("writes").answers.into_iter().map(|a| a.ids).collect()
}

fn direction(width: usize) -> Vec<f64> {
    seed::normal(5, "direction", width)
}

#[test]
fn no_change_and_nothing_added_are_the_model_itself() {
    for family in FAMILIES {
        let model = model(family);
        let width = model.decoder.config().hidden_size;
        let nought = (0..model.decoder.config().layers.len()).map(|layer| (layer, Change::Add(vec![0.0; width])));
        for same in [model.with_changes([]), model.with_changes(nought)] {
            assert_eq!(scores(&same), scores(&model), "{family}");
            assert_eq!(written(&same), written(&model), "{family}");
        }
    }
}

#[test]
fn what_is_added_is_seen_however_the_model_is_used() {
    for family in FAMILIES {
        let model = model(family);
        let width = model.decoder.config().hidden_size;
        let added: Vec<f32> = direction(width).into_iter().map(|x| x as f32).collect();
        let last = model.decoder.config().layers.len() - 1;
        let changed = model.with_changes([(last, Change::Add(added.clone()))]);
        // Behind the last block nothing follows: it is as though its own states were put there, and more.
        let mut states = Inside::of(&model, &rows(), 64).layers[last].clone();
        states.chunks_mut(width).for_each(|h| h.iter_mut().zip(&added).for_each(|(h, a)| *h += a));
        let expected = patched(&model, &rows(), last, &states, 64).concat();
        let found = scores(&changed);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{family}");
        assert!(found.iter().zip(scores(&model)).any(|(a, b)| (a - b).abs() > 1e-2), "{family}: it changes something");
        // What is changed is changed again.
        let back = changed.with_changes([(last, Change::Add(added.iter().map(|x| -x).collect()))]);
        assert!(scores(&back).iter().zip(scores(&model)).all(|(a, b)| (a - b).abs() < 1e-4), "{family}");
        // The same behind the first one, by rows, by trees and in generation.
        let changed = model.with_changes([(0, Change::Add(added))]);
        let groups: Vec<Vec<TokenRow>> = rows().into_iter().map(|row| vec![row]).collect();
        let trees = look(&changed, &groups, 64, &mut |_| ());
        let seen: Vec<f32> = trees.groups.iter().flatten().flatten().map(|seen| seen.log_prob).collect();
        assert_eq!(seen.len(), scores(&changed).len());
        assert!(seen.iter().zip(scores(&changed)).all(|(a, b)| (a - b).abs() < 1e-4), "{family}");
        for (row, ids) in rows().iter().zip(written(&changed)) {
            let ids = [row.prompt(), &ids].concat();
            let labels = vec![0; ids.len()];
            let states = Inside::of(&changed, &[TokenRow::of_tokens(ids.clone(), labels)], 64);
            let asked: Vec<(usize, u32)> = (row.prompt().len()..ids.len()).map(|t| (t - 1, ids[t])).collect();
            let readings = read_out(&changed, &states.layers[last], &asked);
            assert!(readings.iter().all(|reading| reading.rank == 0), "{family}: greedy answers are the likeliest");
        }
    }
}

#[test]
fn what_is_taken_out_behind_every_block_is_in_none() {
    for family in FAMILIES {
        let model = model(family);
        let direction = direction(model.decoder.config().hidden_size);
        let change = Change::removing(&direction).expect("a direction");
        let blocks = model.decoder.config().layers.len();
        let without = model.with_changes((0..blocks).map(|layer| (layer, change.clone())));
        let Change::Remove(unit) = &change else { panic!("a direction") };
        for states in Inside::of(&without, &rows(), 64).layers {
            for h in states.chunks(unit.len()) {
                let along: f32 = h.iter().zip(unit).map(|(x, r)| x * r).sum();
                assert!(along.abs() < 1e-4 * h.iter().fold(1.0, |m: f32, x| m.max(x.abs())), "{family}: {along}");
            }
        }
        assert!(scores(&without).iter().zip(scores(&model)).any(|(a, b)| (a - b).abs() > 1e-4), "{family}");
    }
}

#[test]
fn what_is_read_of_the_last_block_is_what_the_model_says() {
    for family in FAMILIES {
        let model = model(family);
        let inside = Inside::of(&model, &rows(), 64);
        let labels = rows().into_iter().flat_map(|row| row.labels.into_iter().skip(1).filter(|l| *l >= 0));
        let asked: Vec<(usize, u32)> = labels.enumerate().map(|(i, label)| (i, label as u32)).collect();
        let last = inside.layers.last().expect("a block");
        let found = read_out(&model, last, &asked);
        for (reading, own) in found.iter().zip(scores(&model)) {
            assert!((reading.log_prob - f64::from(own)).abs() < 1e-5, "{family}: {reading:?} and {own}");
        }
        // In any order, and several tokens of one state.
        let turned: Vec<(usize, u32)> = asked.iter().rev().copied().chain([(0, 3), (0, 4)]).collect();
        let again = read_out(&model, last, &turned);
        assert!(
            found.iter().rev().zip(&again).all(|(a, b)| (a.log_prob - b.log_prob).abs() < 1e-5 && a.rank == b.rank)
        );
        // Over the vocabulary, probabilities sum to one and every rank is there.
        let vocabulary = model.decoder.config().vocab_size;
        let all = read_out(&model, last, &(0..vocabulary).map(|id| (2, id as u32)).collect::<Vec<_>>());
        assert!((all.iter().map(|r| r.log_prob.exp()).sum::<f64>() - 1.0).abs() < 1e-5, "{family}");
        let mut ranks: Vec<usize> = all.iter().map(|r| r.rank).collect();
        ranks.sort_unstable();
        assert_eq!(ranks, (0..vocabulary).collect::<Vec<_>>(), "{family}");
    }
}
