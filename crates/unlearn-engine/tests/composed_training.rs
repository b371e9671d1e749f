//! A training run by the tensor library's own operations beside one by the fused ones.

#[path = "common/training_run.rs"]
mod training_run;

use training_run::{all, load, section, trained, worst};
use unlearn_core::recipe::{AdapterKind, Frozen, Optimizer, TrainSection};
use unlearn_engine::device::{self, Precision};

#[test]
fn what_is_trained_is_the_same_up_to_rounding() {
    // Steps in proportion to gradients: what differs by rounding stays close.
    let plain = TrainSection { optimizer: Optimizer::Sgd, ..section() };
    let lora = TrainSection { adapter: AdapterKind::Lora, frozen: Frozen::Bf16, ..plain.clone() };
    let checkpointed = TrainSection { gradient_checkpointing: true, ..plain.clone() };
    let runs: Vec<(&str, &TrainSection)> = ["llama", "gemma2", "gpt2", "phi"]
        .into_iter()
        .flat_map(|name| [&plain, &lora, &checkpointed].map(|section| (name, section)))
        .collect();
    let fused: Vec<_> = runs.iter().map(|(name, section)| trained(name, section)).collect();
    let before = device::arithmetic();
    device::by_name("cpu-composed").expect("always there");
    assert!(!device::has_fused());
    assert_ne!(device::arithmetic(), before, "what was kept of the one would be taken for the other");
    for ((name, section), fused) in runs.iter().zip(&fused) {
        let composed = trained(name, section);
        let far = worst(&composed, fused);
        assert!(composed != *fused, "{name}: no bit differs: were other operations used?");
        assert!(far < 1e-5, "{name} {:?}: {far}", section.adapter);
    }
    // With factors of bfloat16, what was trained moved the same way.
    let before = device::arithmetic();
    assert_eq!(device::set_precision(Precision::Bfloat16), Precision::Bfloat16);
    assert_ne!(device::arithmetic(), before);
    for ((name, section), exact) in runs.iter().zip(&fused) {
        let rounded = trained(name, section);
        let start = all(&load(name, section));
        let moved = worst(exact, &start);
        let far = worst(&rounded, exact);
        assert!(far > 1e-5 * moved && far < 0.1 * moved, "{name} {:?}: {far} of {moved}", section.adapter);
    }
}
