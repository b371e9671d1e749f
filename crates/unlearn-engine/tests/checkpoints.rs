//! Checkpoint folders in every form that is read: shards, half precision, tensors stored twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use unlearn_engine::checkpoint::{Entry, Stored, WeightFiles, write_tensors};
use unlearn_engine::{LanguageModel, Precision, device};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models/llama")
}

fn read(path: &Path) -> LanguageModel {
    LanguageModel::read(path, &device::by_name("cpu").expect("cpu")).expect("a checkpoint")
}

fn tensors() -> BTreeMap<String, Stored> {
    let files = WeightFiles::open(&golden()).expect("golden weights");
    files.names().map(|n| (n.to_owned(), files.read(n).expect("reads").expect("is there"))).collect()
}

fn write(path: &Path, tensors: &[(&String, &Stored)], precision: Precision) {
    let entry = |(name, stored): &(&String, &Stored)| {
        let (values, shape) = (stored.values.clone(), stored.shape.clone());
        Entry { name: (*name).clone(), shape, precision, values: Box::new(move || values.clone()), stored: None }
    };
    write_tensors(path, &tensors.iter().map(entry).collect::<Vec<_>>()).expect("writes");
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temp dir");
    std::fs::copy(golden().join("config.json"), dir.path().join("config.json")).expect("copies");
    dir
}

fn values(model: &LanguageModel) -> Vec<Vec<f32>> {
    (0..model.parameters.specs().len()).map(|i| model.parameters.values(i)).collect()
}

#[test]
fn shards_are_one_model() {
    let (dir, tensors) = (folder(), tensors());
    let all: Vec<(&String, &Stored)> = tensors.iter().collect();
    let (first, second) = all.split_at(all.len() / 3);
    write(&dir.path().join("model-00001-of-00002.safetensors"), first, Precision::F32);
    write(&dir.path().join("model-00002-of-00002.safetensors"), second, Precision::F32);
    let place = |shard: usize| {
        move |(name, _): &(&String, &Stored)| {
            ((*name).clone(), json!(format!("model-0000{shard}-of-00002.safetensors")))
        }
    };
    let map: serde_json::Map<String, serde_json::Value> =
        first.iter().map(place(1)).chain(second.iter().map(place(2))).collect();
    let index = json!({"metadata": {"total_size": 1}, "weight_map": map}).to_string();
    std::fs::write(dir.path().join("model.safetensors.index.json"), index).expect("writes");
    assert_eq!(values(&read(dir.path())), values(&read(&golden())));
}

#[test]
fn half_precision_is_read_exactly_and_written_back_in_its_own_format() {
    for precision in [Precision::F16, Precision::Bf16] {
        let (dir, tensors) = (folder(), tensors());
        write(&dir.path().join("model.safetensors"), &tensors.iter().collect::<Vec<_>>(), precision);
        let model = read(dir.path());
        for (i, spec) in model.parameters.specs().iter().enumerate() {
            let rounded = precision.decode(&precision.encode(&tensors[&spec.name].values));
            assert_eq!(spec.to_disk(model.parameters.values(i)), rounded, "{}", spec.name);
        }
        let again = dir.path().join("again");
        model.save(&again).expect("saves");
        let bytes = |p: &Path| std::fs::read(p.join("model.safetensors")).expect("weights");
        assert_eq!(bytes(dir.path()), bytes(&again));
        assert_eq!(values(&read(&again)), values(&model));
    }
}
