//! Devices by name, and the number of threads.

use burn::tensor::Device;

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
