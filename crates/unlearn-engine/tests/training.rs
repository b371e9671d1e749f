//! What is trained, how, and what it leaves: adapters, partial training, checkpointing, packed weights.

#[path = "common/training_run.rs"]
mod training_run;

use training_run::{all, golden, load, rows, run, section, trained, worst};
use unlearn_core::recipe::{AdapterKind, Bytes, Frozen, LoraSection, Optimizer, TrainSection};
use unlearn_data::TokenRow;
use unlearn_engine::adapter::{merged, peft, unmerged};
use unlearn_engine::batch::{TokenBatch, Which};
use unlearn_engine::likelihood::label_log_probs;
use unlearn_engine::tensor::Device;
use unlearn_engine::train::{Forward, Gradients, Reads, Route, Selection};
use unlearn_engine::{LanguageModel, Loading, device};

/// Every family whose parts differ where adapters and checkpointing touch them.
const MODELS: &[&str] = &["llama", "gpt2", "gpt-neox", "phi3", "gemma3", "olmo2", "phi"];

fn lora(section: TrainSection) -> TrainSection {
    TrainSection { adapter: AdapterKind::Lora, ..section }
}

/// The gradient of one batch's mean negative log-likelihood.
fn gradients(model: &LanguageModel, checkpointing: bool) -> Vec<Vec<f32>> {
    let rows = rows();
    let rows: Vec<&TokenRow> = rows.iter().collect();
    gradients_of(model, &TokenBatch::new(&rows, Which::Supervised, model.parameters.device()), checkpointing)
}

fn gradients_of(model: &LanguageModel, batch: &TokenBatch, checkpointing: bool) -> Vec<Vec<f32>> {
    let [tracked, plain] = [model.parameters.tracked(), model.parameters.frozen()];
    let route = Route::new(&model.decoder, &model.parameters, checkpointing);
    let forward = Forward::run(&model.decoder, [&tracked, &plain], batch, (route, &Reads::scores()), None);
    let hidden = forward.hidden().expect("scores are read");
    let logits = model.decoder.head(&tracked).logits(batch.predicting(hidden));
    let mut sum = Gradients::new(&model.parameters);
    forward.backward(label_log_probs(logits, batch.labels.clone()).mean().neg(), &mut sum);
    sum.settle();
    sum.0
}

#[test]
fn a_tree_has_the_gradient_of_its_rows_side_by_side() {
    // Beginnings of several lengths that some share, a row twice, and a hidden token.
    let row = |ids: &[u32], hidden| {
        let labels = ids.iter().enumerate().map(|(t, &id)| if t < 2 { -100 } else { i64::from(id) }).collect();
        TokenRow { hidden, ..TokenRow::of_tokens(ids.to_vec(), labels) }
    };
    for hidden in [None, Some(20)] {
        let rows =
            [&[5, 9, 11, 30, 41, 8][..], &[5, 9, 20, 30, 7], &[5, 9, 11, 30, 50, 60, 61], &[33, 9, 11], &[33, 9, 11]]
                .map(|ids| row(ids, hidden));
        let rows: Vec<&TokenRow> = rows.iter().collect();
        for name in MODELS {
            let model = load(name, &section());
            let device = model.parameters.device();
            let batch = |make: fn(&[&TokenRow], Which, bool, &Device) -> TokenBatch| {
                make(&rows, Which::Supervised, false, device)
            };
            let (apart, tree) = (batch(TokenBatch::reaching), batch(TokenBatch::tree));
            assert!(tree.tokens.dims() == [1, 11], "shared beginnings stand once: {:?}", tree.tokens.dims());
            for checkpointing in [false, true] {
                let [apart, tree] = [&apart, &tree].map(|batch| gradients_of(&model, batch, checkpointing));
                let largest = apart.iter().flatten().fold(0f32, |m, x| m.max(x.abs()));
                let worst = worst(&apart, &tree);
                assert!(largest > 1e-4 && worst < 1e-5 * largest.max(1.0), "{name}: differs by {worst} of {largest}");
            }
        }
    }
}

#[test]
fn checkpointing_changes_no_gradient() {
    for name in MODELS {
        let upper = TrainSection { layers: 1.into_layers(), ..section() };
        let head = TrainSection { parameters: vec!["*.weight".into()], ..section() };
        for section in [section(), lora(section()), upper, head] {
            let mut model = load(name, &section);
            // Away from the start, where the adapters' B is zero and A has no gradient.
            for i in model.parameters.trained() {
                model.parameters.update(i, |v| v.iter_mut().enumerate().for_each(|(k, x)| *x += 1e-3 * (k % 7) as f32));
            }
            let (plain, checkpointed) = (gradients(&model, false), gradients(&model, true));
            let largest = plain.iter().flatten().fold(0f32, |m, x| m.max(x.abs()));
            let worst = worst(&plain, &checkpointed);
            assert!(largest > 1e-4 && worst < 1e-5 * largest.max(1.0), "{name}: differs by {worst} of {largest}");
        }
    }
}

trait IntoLayers {
    fn into_layers(self) -> unlearn_core::recipe::Layers;
}

impl<T: Into<toml::Value>> IntoLayers for T {
    fn into_layers(self) -> unlearn_core::recipe::Layers {
        self.into().try_into().expect("layers")
    }
}

#[test]
fn only_what_was_chosen_moves() {
    let before = all(&load("llama", &section()));
    let section = TrainSection {
        layers: "1-2".into_layers(),
        parameters: vec!["mlp".into(), "*.layers.2.self_attn.q_proj.*".into()],
        ..section()
    };
    let model = load("llama", &section);
    let after = trained("llama", &section);
    let mut moved = 0;
    for ((spec, before), after) in model.parameters.specs().iter().zip(&before).zip(&after) {
        let chosen = spec.layer.is_some_and(|l| l > 0)
            && (spec.name.contains(".mlp.") || spec.name.contains("layers.2.self_attn.q_proj"));
        assert_eq!(before != after, chosen, "{}", spec.name);
        moved += usize::from(chosen);
    }
    assert_eq!(moved, 7);
}

#[test]
fn scores_in_parts_train_the_same_up_to_rounding() {
    let plain = TrainSection { optimizer: Optimizer::Sgd, ..section() };
    let checkpointed = TrainSection { gradient_checkpointing: true, ..plain.clone() };
    let head = TrainSection { parameters: vec!["lm_head".into()], ..plain.clone() };
    // A tied head and one of its own, a bias, a cap.
    for name in ["llama", "gpt2", "phi", "gemma2"] {
        let all = [plain.clone(), lora(plain.clone()), checkpointed.clone()].into_iter();
        for section in all.chain((name == "phi").then(|| head.clone())) {
            let [whole, parts, single] = [u64::MAX, 4000, 0]
                .map(|memory| trained(name, &TrainSection { scores_memory: Bytes(memory), ..section.clone() }));
            assert!(whole != parts, "{name}: no bit differs: were there parts?");
            for parts in [parts, single] {
                let far = worst(&whole, &parts);
                assert!(far < 1e-5, "{name} {:?}: {far}", section.adapter);
            }
        }
    }
}

#[test]
fn a_cached_prefix_changes_nothing() {
    let section = TrainSection { layers: 2.into_layers(), steps: Some(6), ..section() };
    let cached = trained("llama", &section);
    let uncached = trained("llama", &TrainSection { prefix_cache: "0".parse().expect("a size"), ..section.clone() });
    // A cache that holds two rows of six.
    let small = trained("llama", &TrainSection { prefix_cache: "2kB".parse().expect("a size"), ..section.clone() });
    assert_eq!(cached, uncached);
    assert_eq!(cached, small);
    let together = trained("llama", &TrainSection { steps: Some(2), ..section.clone() });
    assert!(worst(&together, &cached) > 1e-4, "the later passes over the rows did nothing");
}

#[test]
fn a_prefix_that_is_not_trained_has_no_gradient_and_no_moments() {
    let section = TrainSection { layers: 2.into_layers(), ..section() };
    let model = load("llama", &section);
    assert_eq!(model.parameters.lowest_trained_layer(), Some(2));
    let moments = unlearn_engine::train::AdamW::new(&section, &model.parameters).first;
    let trained: usize = model.parameters.trained().iter().map(|&i| model.parameters.specs()[i].len()).sum();
    assert_eq!(moments.bytes(), 4 * trained);
    assert!(trained * 3 < model.parameters.count(), "{trained} of {}", model.parameters.count());
}

#[test]
fn merged_weights_are_base_plus_scale_b_a() {
    let device = device::by_name("cpu").expect("cpu");
    // Whatever is kept of the base in memory, it is the checkpoint's own weights that adapters are merged into.
    let cases = MODELS.iter().map(|name| (name, Frozen::Own)).chain([(&"llama", Frozen::Q8), (&"gpt2", Frozen::Q8)]);
    for (name, frozen) in cases {
        let lora_section = LoraSection { rank: 3, rslora: true, ..LoraSection::default() };
        let section = lora(TrainSection { lora: lora_section, frozen, ..section() });
        let mut model = load(name, &section);
        let base = all(&LanguageModel::read(&golden(name), &device).expect("the base"));
        run(&mut model, &section);
        let dir = tempfile::tempdir().expect("temp dir");
        model.save_trained(&golden(name), &dir.path().join("m")).expect("saves");
        let saved = LanguageModel::read(&dir.path().join("m"), &device).expect("its own");
        let mut moved = 0f32;
        for (i, spec) in model.decoder.specs().iter().enumerate() {
            let mut expected: Vec<f64> = base[i].iter().map(|&x| f64::from(x)).collect();
            if let Some(adapter) = model.parameters.adapter(i) {
                let (a, b) = (model.parameters.values(adapter.down), model.parameters.values(adapter.up));
                let [from, to] = spec.shape;
                for r in 0..from {
                    for c in 0..to {
                        let product: f64 = (0..3).map(|k| f64::from(a[r * 3 + k]) * f64::from(b[k * to + c])).sum();
                        expected[r * to + c] += product * 32.0 / 3f64.sqrt();
                    }
                }
            }
            for ((x, y), was) in saved.parameters.values(i).iter().zip(&expected).zip(&base[i]) {
                assert!((f64::from(*x) - y).abs() <= 1e-6 * y.abs().max(1.0), "{name} {}: {x} is not {y}", spec.name);
                moved = moved.max((x - was).abs());
            }
        }
        assert!(moved > 1e-2, "{name}: nothing was learnt ({moved})");
    }
}

#[test]
fn an_adapter_folder_is_read_back_merged_and_unmerged() {
    let section = lora(section());
    let mut model = load("qwen2", &section);
    run(&mut model, &section);
    let dir = tempfile::tempdir().expect("temp dir");
    let folder = dir.path().join("adapter");
    peft::write(&folder, &golden("qwen2"), &model.decoder, &model.parameters, &section.lora).expect("writes");
    let device = device::by_name("cpu").expect("cpu");
    let read = LanguageModel::read(&folder, &device).expect("an adapter folder is a model");
    let both = merged(&model.decoder, &model.parameters);
    let values =
        |p: &unlearn_engine::Parameters| -> Vec<Vec<f32>> { (0..p.specs().len()).map(|i| p.values(i)).collect() };
    assert_eq!(values(&read.parameters), values(&both));
    let mut apart = read.clone();
    peft::read(&folder, &model.decoder, &mut apart.parameters).expect("attaches");
    let base = LanguageModel::read(&golden("qwen2"), &device).expect("the base");
    assert!(worst(&values(&unmerged(&model.decoder, &apart.parameters)), &all(&base)) < 1e-6);
}

#[test]
fn dropout_is_the_same_whatever_the_micro_batches() {
    let dropped = |micro_tokens| {
        let lora_section = LoraSection { dropout: 0.3, ..LoraSection::default() };
        trained("llama", &lora(TrainSection { micro_tokens, lora: lora_section, ..section() }))
    };
    let whole = dropped(1000);
    assert!(worst(&whole, &dropped(1)) < 1e-5);
    assert!(worst(&whole, &trained("llama", &lora(section()))) > 1e-4, "nothing was dropped");
}

#[test]
fn frozen_weights_in_their_own_format_change_nothing() {
    // An output matrix of its own, one that is the embedding, one with a soft cap behind it.
    ["llama", "qwen2", "gemma2"].into_iter().for_each(frozen_weights);
}

fn frozen_weights(name: &str) {
    let dir = tempfile::tempdir().expect("temp dir");
    let device = device::by_name("cpu").expect("cpu");
    let mut half = LanguageModel::read(&golden(name), &device).expect("reads");
    half.source.set_precision(unlearn_engine::Precision::Bf16);
    half.save(dir.path().join("half").as_path()).expect("saves");
    let of = |frozen| {
        let section = lora(TrainSection { frozen, ..section() });
        let path = dir.path().join("half");
        let mut model = LanguageModel::load(&path, Loading::Training(&section, 5), &device).expect("loads");
        let bytes = model.parameters.bytes();
        run(&mut model, &section);
        let adapters: Vec<Vec<f32>> =
            model.parameters.trained().into_iter().map(|i| model.parameters.values(i)).collect();
        (bytes, adapters)
    };
    let (whole, plain) = of(Frozen::F32);
    let (packed, own) = of(Frozen::Own);
    let (smallest, eight) = of(Frozen::Q8);
    assert_eq!(plain, own, "{name}");
    assert!(packed < whole && smallest < packed, "{name}: {whole} {packed} {smallest}");
    let away = worst(&plain, &eight);
    assert!(away > 0.0 && away < 0.1, "{name}: 8 bits move the adapters by {away}");
}

#[test]
fn choices_that_do_not_fit_are_refused() {
    let device = device::by_name("cpu").expect("cpu");
    let lora = |targets: &[&str]| {
        let targets = targets.iter().map(ToString::to_string).collect();
        lora(TrainSection { lora: LoraSection { targets, ..LoraSection::default() }, ..section() })
    };
    let cases = [
        (TrainSection { layers: "2-3".into_layers(), ..section() }, "there is no layer 3", "layers 0 to 2"),
        (TrainSection { parameters: vec!["q_porj".into()], ..section() }, "`q_porj`", "q_proj"),
        (lora(&["embed_tokens"]), "`embed_tokens`", ""),
        (
            TrainSection { layers: 1.into_layers(), parameters: vec!["lm_head".into()], ..section() },
            "nothing to train",
            "widen",
        ),
    ];
    for (section, said, hint) in cases {
        let error = LanguageModel::load(&golden("llama"), Loading::Training(&section, 1), &device).expect_err(said);
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{:?}", error.hint());
    }
    let model = load("llama", &section());
    assert!(Selection::new(&section(), &model.decoder).expect("everything").is_everything());
}
