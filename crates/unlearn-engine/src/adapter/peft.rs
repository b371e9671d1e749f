//! Adapter folders in the layout of Hugging Face's PEFT: `adapter_config.json` and `adapter_model.safetensors`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unlearn_core::file;
use unlearn_core::recipe::LoraSection;

use super::{module, specs};
use crate::checkpoint::{Entry, Precision, WeightFiles, write_neighbour, write_tensors};
use crate::families::json::Fields;
use crate::{Decoder, EngineError, Parameters};

/// The file that tells an adapter folder from a checkpoint.
pub const CONFIG: &str = "adapter_config.json";
/// The file of its weights.
pub const TENSORS: &str = "adapter_model.safetensors";

/// Fields of `adapter_config.json` that change what an adapter computes and that this program lacks; each with the
/// values that switch it off.
const LACKING: &[(&str, &[&str])] = &[
    ("use_dora", &["false"]),
    ("bias", &["\"none\""]),
    ("modules_to_save", &["[]"]),
    ("rank_pattern", &["{}"]),
    ("alpha_pattern", &["{}"]),
    ("layer_replication", &[]),
    ("megatron_config", &[]),
    ("use_qalora", &["false"]),
    ("lora_bias", &["false"]),
    ("trainable_token_indices", &[]),
    ("target_parameters", &["[]"]),
];

/// Writes the adapters of `parameters` as a folder, in one step.
///
/// # Errors
/// When the disk is full or the folder cannot be written.
pub fn write(
    dir: &Path,
    base: &Path,
    decoder: &Decoder,
    parameters: &Parameters,
    lora: &LoraSection,
) -> Result<(), EngineError> {
    let adapted: Vec<usize> = (0..decoder.specs().len()).filter(|&i| parameters.adapter(i).is_some()).collect();
    let config = config(base, decoder, &adapted, lora);
    let places = adapted.iter().filter_map(|&i| parameters.adapter(i)).flat_map(|a| [a.down, a.up]);
    let entries: Vec<Entry<'_>> = places
        .map(|i| {
            let spec = &parameters.specs()[i];
            let values = Box::new(move || spec.to_disk(parameters.values(i)));
            Entry { name: spec.name.clone(), shape: spec.disk_shape(), precision: Precision::F32, values, stored: None }
        })
        .collect();
    write_neighbour(dir, |part| {
        file::write_json(&part.join(CONFIG), &config)?;
        write_tensors(&part.join(TENSORS), &entries)
    })
}

fn config(base: &Path, decoder: &Decoder, adapted: &[usize], lora: &LoraSection) -> Value {
    let (targets, layers) = targets(decoder, adapted);
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.to_string_lossy(),
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "use_rslora": lora.rslora,
        "target_modules": targets,
        "layers_to_transform": layers,
        "bias": "none",
        "fan_in_fan_out": decoder.config().conv1d,
        "init_lora_weights": true,
        "inference_mode": true,
        "modules_to_save": null,
        "rank_pattern": {},
        "alpha_pattern": {},
        "use_dora": false,
    })
}

/// The last parts of the adapted layers' names, and their blocks where these are not all; their full names where that
/// would choose others too.
fn targets(decoder: &Decoder, adapted: &[usize]) -> (BTreeSet<String>, Option<BTreeSet<usize>>) {
    let all = decoder.specs();
    let last = |i: usize| module(&all[i]).rsplit('.').next().unwrap_or_default().to_owned();
    let ends: BTreeSet<String> = adapted.iter().map(|&i| last(i)).collect();
    let layers: BTreeSet<usize> = adapted.iter().filter_map(|&i| all[i].layer).collect();
    let chosen: Vec<usize> = super::linear_layers(decoder)
        .into_iter()
        .filter(|&i| ends.contains(&last(i)) && all[i].layer.is_some_and(|l| layers.contains(&l)))
        .collect();
    if chosen != adapted {
        return (adapted.iter().map(|&i| module(&all[i]).to_owned()).collect(), None);
    }
    (ends, (layers.len() < decoder.config().layers.len()).then_some(layers))
}

/// Attaches the adapters of a folder to `parameters`, which belong to `decoder`.
///
/// # Errors
/// When it is no LoRA folder, asks for what this program lacks, or does not fit the model.
pub fn read(dir: &Path, decoder: &Decoder, parameters: &mut Parameters) -> Result<(), EngineError> {
    let path = dir.join(CONFIG);
    let config: Value = file::read_json(&path)?;
    let scale = scale(&config, &path)?;
    let tensors = dir.join(TENSORS);
    if !tensors.exists() {
        let reason = match dir.join("adapter_model.bin").exists() {
            true => {
                "its weights are PyTorch pickles, which can run code when read; save it with `safe_serialization=True`"
            }
            false => "it has no `adapter_model.safetensors`",
        };
        return Err(EngineError::checkpoint(dir, reason));
    }
    let files = WeightFiles::open_file(&tensors)?;
    let mut known = BTreeSet::new();
    for i in 0..decoder.specs().len() {
        let name = |end: &str| format!("base_model.model.{}.{end}.weight", module(&decoder.specs()[i]));
        let names = [name("lora_A"), name("lora_B")];
        let (Some(a), Some(b)) = (files.read(&names[0])?, files.read(&names[1])?) else { continue };
        let specs = specs(&decoder.specs()[i], a.shape.first().copied().unwrap_or(0));
        for (spec, stored) in specs.iter().zip([&a, &b]) {
            if stored.shape != spec.disk_shape() {
                let reason = format!(
                    "`{}` has the shape {:?}, and the model wants {:?}",
                    spec.name,
                    stored.shape,
                    spec.disk_shape()
                );
                return Err(EngineError::weights(&tensors, reason));
            }
        }
        let [down, up] = specs;
        let values = [down.from_disk(a.values), up.from_disk(b.values)];
        let [a, b] = values;
        parameters.attach(i, [(down, a), (up, b)], scale);
        known.extend(names);
    }
    match files.names().find(|name| !known.contains(*name)) {
        Some(name) => {
            Err(EngineError::weights(&tensors, format!("it holds `{name}`, which fits nothing in the model")))
        }
        None if known.is_empty() => Err(EngineError::weights(&tensors, "it holds no adapter")),
        None => Ok(()),
    }
}

/// What `B·A` is multiplied by.
fn scale(config: &Value, path: &Path) -> Result<f64, EngineError> {
    let fields = Fields::new(config, path);
    fields.only("peft_type", &["LORA"])?;
    for (name, off) in LACKING {
        let value = &config[*name];
        if !value.is_null() && !off.contains(&value.to_string().as_str()) {
            return Err(fields.bad(name, format!("is {value}, an option that this program lacks")));
        }
    }
    let (rank, alpha) = (fields.need_number("r")?, fields.need_number("lora_alpha")?);
    Ok(alpha / if fields.switch("use_rslora")? { rank.sqrt() } else { rank })
}

/// The checkpoint that an adapter folder was trained on; `None` where the folder is a checkpoint itself.
///
/// # Errors
/// When it is an adapter folder that names none.
pub fn base_of(dir: &Path) -> Result<Option<PathBuf>, EngineError> {
    let path = dir.join(CONFIG);
    if !path.exists() || dir.join("config.json").exists() {
        return Ok(None);
    }
    let config: Value = file::read_json(&path)?;
    let name = Fields::new(&config, &path).text("base_model_name_or_path").map(str::to_owned)?;
    // A relative path starts at the working folder, as in PEFT, or at the adapter itself.
    let beside = dir.join(&name);
    let base = if !Path::new(&name).exists() && beside.exists() { beside } else { PathBuf::from(name) };
    if base.join(CONFIG).exists() {
        let reason = format!("its base `{}` is an adapter folder itself", base.display());
        return Err(EngineError::checkpoint(dir, reason));
    }
    Ok(Some(base))
}
