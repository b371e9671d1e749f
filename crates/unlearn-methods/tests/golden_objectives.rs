//! Three AdamW steps of every objective against PyTorch's, in `testdata/golden/objectives`.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use safetensors::SafeTensors;
use serde_json::Value;
use unlearn_core::recipe::{Clip, Schedule, TrainSection};
use unlearn_data::TokenRow;
use unlearn_engine::train::{Alternates, Plan, Progress, Question, Reference, Sets, Setup, gradient, train};
use unlearn_engine::{LanguageModel, Parameters, device};
use unlearn_methods::{Made, method as made};

struct Golden {
    bytes: Vec<u8>,
    cases: Value,
    model: LanguageModel,
}

impl Golden {
    fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden");
        let device = device::by_name("cpu").expect("cpu");
        let text = std::fs::read_to_string(root.join("objectives/objectives.json")).expect("cases");
        Self {
            bytes: std::fs::read(root.join("objectives/tensors.safetensors")).expect("tensors"),
            cases: serde_json::from_str(&text).expect("JSON"),
            model: LanguageModel::read(&root.join("models/llama"), &device).expect("the golden llama"),
        }
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.bytes).expect("safetensors");
        let data = file.tensor(name).expect(name).data().to_vec();
        data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    fn has(&self, name: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).expect("safetensors").tensor(name).is_ok()
    }

    fn rows(&self, set: &str) -> Vec<TokenRow> {
        let file = SafeTensors::deserialize(&self.bytes).expect("safetensors");
        let read = |field: &str| -> Vec<Vec<i64>> {
            let view = file.tensor(&format!("{set}.{field}")).expect(field);
            let all: Vec<i64> =
                view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8"))).collect();
            all.chunks(view.shape()[1]).map(<[i64]>::to_vec).collect()
        };
        let (ids, labels, mask) = (read("input_ids"), read("labels"), read("attention_mask"));
        let row = |i: usize| {
            let n = mask[i].iter().sum::<i64>() as usize;
            TokenRow::of_tokens(ids[i][..n].iter().map(|&x| x as u32).collect(), labels[i][..n].to_vec())
        };
        (0..ids.len()).map(row).collect()
    }

    /// The golden model with the policy's (`model`) or the reference's (`reference`) weights.
    fn with_weights(&self, prefix: &str) -> LanguageModel {
        let mut model = self.model.clone();
        let specs = model.parameters.specs().to_vec();
        let read = specs.iter().map(|s| s.from_disk(self.floats(&format!("{prefix}.{}", s.name)))).collect();
        model.parameters = Parameters::new(specs, read, &model.parameters.device().clone());
        model
    }
}

fn relative(ours: &[f32], theirs: &[f32]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f32>| v.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    assert_eq!(ours.len(), theirs.len());
    norm(&mut ours.iter().zip(theirs).map(|(a, b)| a - b)) / norm(&mut theirs.iter().copied()).max(1e-9)
}

fn check(golden: &Golden, case: &str, method: &str, micro_tokens: usize) {
    let (policy, reference) = (golden.with_weights("model"), golden.with_weights("reference"));
    let method = method.replace("DIRECTION", &format!("{:?}", golden.floats("rmu.direction")));
    let made = made(&method.parse().expect("TOML")).unwrap_or_else(|e| panic!("{case}: {e}")).0;
    let Made::Objective(mut objective) = made else { panic!("{case} is no objective") };
    objective.prepare(&Setup::of(&policy, 0)).expect("the model fits");
    let needs = objective.needs();
    let mut sets = Sets::new(golden.rows("forget"), golden.rows("retain"));
    if needs.forget_alternates.is_some() {
        let answers = golden.rows("alternate").into_iter().map(|row| vec![row]).collect();
        sets.forget_alternates = Alternates::new(answers, 1);
    }
    if needs.retain_alternates.is_some() {
        sets.retain_alternates = sets.forget_alternates.clone();
    }
    let question = Question::new(&needs, &sets, 1024);
    let reference = Reference::ask(&reference, &question, &mut |_, _| Ok(())).expect("asks");
    let section = TrainSection {
        learning_rate: 1e-3,
        batch_size: 8,
        micro_tokens,
        steps: Some(3),
        warmup: 0.0,
        schedule: Schedule::Constant,
        clip: Clip::None,
        shuffle: false,
        ..TrainSection::default()
    };
    let stop = AtomicBool::new(false);
    let plan =
        Plan { train: &section, seed: 0, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };

    // The gradient of the first step.
    let (_, sums) = gradient(&policy, objective.as_ref(), &plan, 0).expect("a gradient");
    for (spec, sum) in policy.parameters.specs().iter().zip(&sums.0) {
        let expected = golden.cases[case]["grad_norm"][&spec.name].as_f64().expect("a norm");
        let norm = sum.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        assert!(
            (norm - expected).abs() <= 1e-3 * expected,
            "{case}: the gradient norm of {} is {norm}, not {expected}",
            spec.name
        );
        let of_it = format!("{case}.grad.{}", spec.name);
        if expected > 0.0 && golden.has(&of_it) {
            let gap = relative(&spec.to_disk(sum.clone()), &golden.floats(&of_it));
            assert!(gap < 1e-3, "{case}: the gradient of {} differs by {gap}", spec.name);
        }
    }

    // Three steps of the training loop.
    let mut losses = Vec::new();
    let mut trained = policy.clone();
    let mut tell = |p: Progress<'_>| {
        if let Progress::Step(step, _) = p {
            losses.push(step.loss);
        }
        Ok(())
    };
    train(&mut trained, objective.as_mut(), &plan, &mut tell).expect("trains");
    for (i, loss) in losses.iter().enumerate() {
        let expected = golden.cases[case]["loss_steps_1_2_3"][i].as_f64().expect("a loss");
        assert!((loss / expected - 1.0).abs() < 1e-4, "{case}: loss {loss} instead of {expected} at step {}", i + 1);
    }
    let name = "model.layers.1.mlp.down_proj.weight";
    if !golden.has(&format!("{case}.after3.{name}")) {
        return;
    }
    let at = trained.parameters.specs().iter().position(|s| s.name == name).expect(name);
    let ours = trained.parameters.specs()[at].to_disk(trained.parameters.values(at));
    let worst = ours
        .iter()
        .zip(golden.floats(&format!("{case}.after3.{name}")))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst < 1e-5, "{case}: a weight differs by {worst} after three steps");
}

/// A whole batch at once, and one row at a time: the update must be the same.
macro_rules! cases {
    ($($case:ident: $method:literal;)+) => {
        $(#[test]
        fn $case() {
            let golden = Golden::open();
            for micro_tokens in [1 << 20, 1] {
                check(&golden, stringify!($case), $method, micro_tokens);
            }
        })+
    };
}

cases! {
    grad_ascent: "name = 'grad-ascent'";
    grad_diff_nll: "name = 'grad-diff'";
    grad_diff_kl: "name = 'grad-diff'\nalpha = 2.0\nretain = 'kl'";
    npo: "name = 'npo'";
    npo_kl: "name = 'npo'\nbeta = 0.5\nretain = 'kl'";
    simnpo: "name = 'sim-npo'";
    simnpo_delta: "name = 'sim-npo'\nbeta = 2.5\ndelta = 0.5\ngamma = 1.0";
    dpo: "name = 'dpo'";
    wga: "name = 'wga'";
    satimp: "name = 'sat-imp'";
    satimp_soft: "name = 'sat-imp'\nbeta1 = 0.5\nbeta2 = 1.0\ngamma = 1.0";
    undial: "name = 'undial'";
    undial_retain: "name = 'undial'\nbeta = 3.0\nalpha = 1.0";
    ceu: "name = 'ce-u'";
    pdu: "name = 'pdu'\ndual_warmup = 0";
    rmu: "name = 'rmu'\nlayer = 1\nsteering_coeff = 2.0\nalpha = 1.0\ndirection = DIRECTION";
}

/// The objectives of which there is no such case, against a script in PyTorch (testdata/gen/objectives.py).
#[test]
fn the_others() {
    let golden = Golden::open();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/objectives/objectives.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("cases")).expect("JSON");
    let golden = Golden { cases, ..golden };
    for (case, content) in golden.cases.as_object().expect("cases") {
        let mut method: toml::Table = serde_json::from_value(content["method"].clone()).expect("a table");
        if method.contains_key("direction") {
            method.insert("direction".into(), golden.floats("rmu.direction").into());
        }
        for micro_tokens in [1 << 20, 1] {
            check(&golden, case, &method.to_string(), micro_tokens);
        }
    }
}
