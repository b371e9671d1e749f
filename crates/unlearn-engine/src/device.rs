//! Devices by name, the number of threads, and the precision of products.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
pub use unlearn_core::recipe::Precision;

use crate::EngineError;

/// The device that `--device` names: `cpu` in this build.
///
/// # Errors
/// When this build has no such device.
pub fn by_name(name: &str) -> Result<Device, EngineError> {
    match name {
        "cpu" => Ok(Device::flex()),
        "cuda" | "wgpu" | "metal" | "rocm" => {
            Err(EngineError::Device { name: name.into(), reason: "this build was made without it".into() })
        }
        _ => Err(EngineError::Device { name: name.into(), reason: "this build knows `cpu`".into() }),
    }
}

/// Sets the number of threads that compute; must come before the first computation. 0: one for each core.
///
/// # Errors
/// When the threads are already running.
pub fn set_threads(n: usize) -> Result<(), EngineError> {
    let built = rayon::ThreadPoolBuilder::new().num_threads(n).build_global();
    built.map_err(|e| EngineError::Tensor { message: e.to_string() })
}

/// Threads that compute.
#[must_use]
pub fn threads() -> usize {
    rayon::current_num_threads()
}

static BFLOAT16: AtomicBool = AtomicBool::new(false);

/// Chooses the precision of the products of matrices from now on, everywhere in the process; float32 where this machine
/// has no other. Returns what was chosen.
pub fn set_precision(wanted: Precision) -> Precision {
    let chosen =
        if wanted == Precision::Bfloat16 && crate::fused::has_bfloat16() { wanted } else { Precision::Float32 };
    BFLOAT16.store(chosen == Precision::Bfloat16, Ordering::Relaxed);
    chosen
}

/// The precision of the products of matrices: float32 unless [`set_precision`] chose another.
#[must_use]
pub fn precision() -> Precision {
    if BFLOAT16.load(Ordering::Relaxed) { Precision::Bfloat16 } else { Precision::Float32 }
}
