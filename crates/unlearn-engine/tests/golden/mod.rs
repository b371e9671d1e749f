//! Logits, hidden states, gradients and greedy tokens against PyTorch's, in `testdata/golden/models`, on the device that
//! the test names.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use unlearn_data::TokenRow;
use unlearn_engine::batch::{TokenBatch, Which};
use unlearn_engine::decoder::Rows;
use unlearn_engine::generate::{Options, generate};
use unlearn_engine::likelihood::{label_log_probs, predicting_states};
use unlearn_engine::tensor::{Device, Int, Tensor, TensorData, values};
use unlearn_engine::train::Gradients;
use unlearn_engine::{LanguageModel, checkpoint, device};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models").join(name)
}

struct Golden {
    bytes: Vec<u8>,
    dir: PathBuf,
    device: Device,
}

impl Golden {
    /// Nothing, with a line that says so, where the device is not there.
    fn open(name: &str) -> Option<Self> {
        let device = device::by_name(super::DEVICE).map_err(|e| println!("skipped: {e}")).ok()?;
        let dir = golden(name);
        let bytes = std::fs::read(dir.join("golden.safetensors")).expect("golden values");
        Some(Self { bytes, dir, device })
    }

    /// The model as a user's folder, with `config.json` in one of the two spellings.
    fn model(&self, config: &str) -> LanguageModel {
        let copy = tempfile::tempdir().expect("temp dir");
        for name in ["model.safetensors", "generation_config.json"] {
            std::fs::copy(self.dir.join(name), copy.path().join(name)).expect("copy");
        }
        std::fs::copy(self.dir.join(config), copy.path().join("config.json")).expect("copy");
        LanguageModel::read(copy.path(), &self.device).expect("the golden model")
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.bytes).expect("safetensors");
        let data = file.tensor(name).expect(name).data().to_vec();
        data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    fn ints(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        let file = SafeTensors::deserialize(&self.bytes).expect("safetensors");
        let view = file.tensor(name).expect(name);
        let ints = view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8 bytes"))).collect();
        (view.shape().to_vec(), ints)
    }

    fn rows(&self) -> Vec<TokenRow> {
        let (shape, ids) = self.ints("input_ids");
        let (_, labels) = self.ints("labels");
        let row = |r: usize| {
            let within = r * shape[1]..(r + 1) * shape[1];
            TokenRow::of_tokens(ids[within.clone()].iter().map(|&i| i as u32).collect(), labels[within].to_vec())
        };
        (0..shape[0]).map(row).collect()
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

fn relative_difference(ours: &[f32], theirs: &[f32]) -> f64 {
    let norm = |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let difference: Vec<f32> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
    assert_eq!(ours.len(), theirs.len());
    norm(&difference) / norm(theirs).max(1e-12)
}

fn forward(name: &str, config: &str) {
    let Some(golden) = Golden::open(name) else { return };
    let model = golden.model(config);
    let weights = model.parameters.frozen();
    let (shape, ids) = golden.ints("input_ids");
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [shape[0], shape[1]]), &golden.device);
    let states = model.decoder.trace(&weights, tokens.clone(), &Rows::default());
    for (i, state) in states.iter().enumerate() {
        let worst = largest_difference(&values(state.clone()), &golden.floats(&format!("hidden.{i}")));
        assert!(worst < 1e-4, "{name}: hidden state {i} differs by {worst}");
    }
    let hidden = model.decoder.hidden(&weights, tokens, &Rows::default());
    let [rows, n, width] = hidden.dims();
    let logits = model.decoder.logits(&weights, hidden.reshape([rows * n, width]));
    let worst = largest_difference(&values(logits), &golden.floats("logits"));
    assert!(worst < 1e-4, "{name}: logits differ by {worst}");
}

/// GPT-NeoX's head is `embed_out` in checkpoints and `lm_head` in today's transformers, which made the gradients.
fn gradient_name(parameter: &str) -> String {
    format!("grad.{}", parameter.replace("embed_out", "lm_head"))
}

fn backward(name: &str) {
    let Some(golden) = Golden::open(name) else { return };
    let model = golden.model("config.json");
    let rows = golden.rows();
    let rows: Vec<&TokenRow> = rows.iter().collect();
    let batch = TokenBatch::new(&rows, Which::Supervised, &golden.device);
    let weights = model.parameters.tracked();
    let logits = model.decoder.logits(&weights, predicting_states(&model.decoder, &weights, &batch));
    let loss = label_log_probs(logits, batch.labels.clone()).mean().neg();
    let theirs = golden.floats("loss")[0];
    let ours = values(loss.clone().detach())[0];
    assert!((ours - theirs).abs() < 1e-5, "{name}: loss {ours} instead of {theirs}");
    let mut tape = loss.backward();
    let mut gradients = Gradients::new(&model.parameters);
    gradients.add(&weights, &mut tape);
    gradients.settle();
    for (spec, gradient) in model.parameters.specs().iter().zip(gradients.0) {
        let difference = relative_difference(&spec.to_disk(gradient), &golden.floats(&gradient_name(&spec.name)));
        assert!(difference < 1e-3, "{name}: the gradient of {} differs by {difference}", spec.name);
    }
}

fn greedy(name: &str) {
    let Some(golden) = Golden::open(name) else { return };
    let model = golden.model("config.json");
    let (_, expected) = golden.ints("greedy");
    let expected: Vec<u32> = expected.iter().map(|&i| i as u32).collect();
    let prompt = expected[..8].to_vec();
    let options = Options { max_new_tokens: 24, ..Options::default() };
    // A longer and a shorter neighbour: padding must not change a row.
    let prompts = [prompt.clone(), expected[..14].to_vec(), expected[2..5].to_vec()];
    let answers = generate(&model, &prompts, &options, |_, _| ()).expect("generates").answers;
    assert_eq!(answers[0].ids, expected[8..], "{name}");
    without_cache(&golden, &model, &expected);
    assert_eq!(answers[1].ids[..18], expected[14..], "{name}: from a longer prompt");
    let alone = generate(&model, &prompts[2..], &options, |_, _| ()).expect("generates").answers;
    assert_eq!(answers[2], alone[0], "{name}: a padded row");
}

/// The best token at each place of the whole row, read at once.
fn without_cache(golden: &Golden, model: &LanguageModel, expected: &[u32]) {
    let weights = model.parameters.frozen();
    let ids: Vec<i64> = expected.iter().map(|&i| i64::from(i)).collect();
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [1, expected.len()]), &golden.device);
    let hidden = model.decoder.hidden(&weights, tokens, &Rows::default());
    let [_, n, width] = hidden.dims();
    let logits = values(model.decoder.logits(&weights, hidden.reshape([n, width])));
    for (i, scores) in logits.chunks(logits.len() / n).enumerate().take(n - 1).skip(7) {
        let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        assert_eq!(best, Some(expected[i + 1] as usize), "without the cache, token {}", i + 1);
    }
}

/// Three tests for each model: forward in both spellings of `config.json`, gradients, greedy tokens.
macro_rules! golden_models {
    ($($test:ident: $name:literal),* $(,)?) => {$(
        mod $test {
            #[test]
            fn forward() {
                super::forward($name, "config.json");
                if super::golden($name).join("config.v4.json").exists() {
                    super::forward($name, "config.v4.json");
                }
            }

            #[test]
            fn gradients() {
                super::backward($name);
            }

            #[test]
            fn greedy() {
                super::greedy($name);
            }

            #[test]
            fn save_load_save_is_byte_identical() {
                super::save_load_save($name);
            }
        }
    )*};
}

golden_models! {
    llama: "llama",
    llama3_rope: "llama3-rope",
    mistral: "mistral",
    qwen2: "qwen2",
    qwen3: "qwen3",
    gemma: "gemma",
    gemma2: "gemma2",
    gemma3: "gemma3",
    phi: "phi",
    phi3: "phi3",
    gpt_neox: "gpt-neox",
    gpt2: "gpt2",
    olmo2: "olmo2",
}

fn save_load_save(name: &str) {
    let Some(golden) = Golden::open(name) else { return };
    let model = golden.model("config.json");
    let dir = tempfile::tempdir().expect("temp dir");
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    model.save(&a).expect("saves");
    let again = LanguageModel::read(&a, &golden.device).expect("reads its own");
    again.save(&b).expect("saves");
    let read = |p: &Path| std::fs::read(p.join("model.safetensors")).expect("weights");
    assert_eq!(read(&a), read(&b), "{name}");
    assert_eq!(checkpoint::digest(&a).expect("digest"), checkpoint::digest(&b).expect("digest"), "{name}");
    // The same tensors as in the checkpoint that PyTorch wrote, in whatever order.
    let (ours, theirs) = (read(&a), std::fs::read(golden.dir.join("model.safetensors")).expect("weights"));
    let tensors = |bytes: &[u8]| -> Vec<(String, Vec<usize>, Vec<u8>)> {
        let file = SafeTensors::deserialize(bytes).expect("safetensors");
        let mut all: Vec<_> =
            file.tensors().into_iter().map(|(n, v)| (n, v.shape().to_vec(), v.data().to_vec())).collect();
        all.sort();
        all
    };
    assert!(tensors(&ours) == tensors(&theirs), "{name}: other tensors than PyTorch's");
}
