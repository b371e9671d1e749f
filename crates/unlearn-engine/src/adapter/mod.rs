//! Low-rank adapters (LoRA; Hu et al., 2021): trained beside frozen linear layers, merged into them, or kept apart in
//! the layout of Hugging Face's PEFT.

mod merge;
mod pattern;
pub mod peft;

use rand::RngExt;
use unlearn_core::recipe::LoraSection;
use unlearn_core::seed;

use crate::decoder::{Layout, Role, Spec};
use crate::{Decoder, Parameters};

pub(crate) use merge::delta;
pub use merge::{merged, unmerged};
pub use pattern::matches;

/// Attaches fresh adapters to the parameters at `places`: `A` uniform as PyTorch initialises a linear layer, `B` zero,
/// so that nothing changes at first.
pub fn attach(parameters: &mut Parameters, places: &[usize], lora: &LoraSection, seed: u64) {
    for &i in places {
        let specs = specs(&parameters.specs()[i], lora.rank);
        let bound = (parameters.specs()[i].shape[0] as f64).powf(-0.5);
        let mut rng = seed::stream(seed, &format!("lora/{}", specs[0].name));
        let down = (0..specs[0].len()).map(|_| ((2.0 * rng.random::<f64>() - 1.0) * bound) as f32).collect();
        let up = vec![0.0; specs[1].len()];
        let [a, b] = specs;
        parameters.attach(i, [(a, down), (b, up)], lora.scale());
    }
}

/// What `A` and `B` beside a weight are.
fn specs(weight: &Spec, rank: usize) -> [Spec; 2] {
    let module = module(weight);
    let [from, to] = weight.shape;
    let spec = |end: &str, shape, role| Spec {
        name: format!("base_model.model.{module}.{end}.weight"),
        shape,
        layout: Layout::Linear,
        role,
        layer: weight.layer,
    };
    [spec("lora_A", [from, rank], Role::AdapterDown), spec("lora_B", [rank, to], Role::AdapterUp)]
}

/// The name of the linear layer that a weight belongs to.
fn module(weight: &Spec) -> &str {
    weight.name.strip_suffix(".weight").unwrap_or(&weight.name)
}

/// The linear layers inside blocks, by place.
pub fn linear_layers(decoder: &Decoder) -> Vec<usize> {
    (0..decoder.specs().len()).filter(|&i| decoder.specs()[i].is_linear()).collect()
}
