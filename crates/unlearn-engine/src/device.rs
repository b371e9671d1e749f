//! Devices by name, the number of threads, and the precision of products.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
pub use unlearn_core::recipe::Precision;

use crate::EngineError;

/// The processor; the processor by the tensor library's own operations, which are what any other device computes by;
/// and NVIDIA's cards, `cuda` or `cuda:1`, where this build has them.
pub const NAMES: &str =
    if cfg!(feature = "cuda") { "`cpu`, `cpu-composed`, `cuda` and `cuda:N`" } else { "`cpu` and `cpu-composed`" };

/// Whether this process computes by the fused operations: on the processor, unless they are not wanted.
static FUSED: AtomicBool = AtomicBool::new(true);

/// The device that `--device` names (see [`NAMES`]). Operations are of the process: after `cpu-composed` or a card, there
/// is no way back to the fused ones.
///
/// # Errors
/// When this build or this machine has no such device.
pub fn by_name(name: &str) -> Result<Device, EngineError> {
    let fail = |reason: String| Err(EngineError::Device { name: name.into(), reason });
    match name.split_once(':').unwrap_or((name, "0")) {
        _ if name == "cpu" => Ok(Device::flex()),
        _ if name == "cpu-composed" => {
            FUSED.store(false, Ordering::Relaxed);
            Ok(Device::flex())
        }
        ("cuda", index) => match index.parse() {
            Ok(index) => cuda(index).or_else(fail),
            Err(_) => fail(format!("this build knows {NAMES}")),
        },
        ("wgpu" | "metal" | "rocm", _) => fail("this program has no such devices".into()),
        _ => fail(format!("this build knows {NAMES}")),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: usize) -> Result<Device, String> {
    Err("this build was made without it: build with `--features cuda`".into())
}

/// A card that answers.
#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Device, String> {
    use burn::tensor::Tensor;
    // Without a driver or a card, the tensor library panics, on a thread of its own.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let answer = std::panic::catch_unwind(|| {
        let device = Device::cuda(index);
        let two = Tensor::<1>::from_data([1.0f32], &device).add_scalar(1.0).into_data();
        (two.iter::<f32>().next() == Some(2.0)).then_some(device)
    });
    std::panic::set_hook(hook);
    let device = answer.ok().flatten();
    let device = device.ok_or("no such card answers: are NVIDIA's driver (`libcuda.so.1`) and the card there?")?;
    FUSED.store(false, Ordering::Relaxed);
    Ok(device)
}

/// Whether the fused operations are there.
#[must_use]
pub fn has_fused() -> bool {
    FUSED.load(Ordering::Relaxed)
}

/// Sets the number of threads that compute; must come before the first computation. 0: one for each core.
///
/// # Errors
/// When the threads are already running.
pub fn set_threads(n: usize) -> Result<(), EngineError> {
    let built = rayon::ThreadPoolBuilder::new().num_threads(n).stack_size(STACK).build_global();
    built.map_err(|e| EngineError::Tensor { message: e.to_string() })
}

/// Bytes of stack of a thread that computes: as much as a program's first thread has by custom.
const STACK: usize = 8 << 20;

/// Does something on one of the threads that compute.
pub fn among_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// Threads that compute.
#[must_use]
pub fn threads() -> usize {
    rayon::current_num_threads()
}

static BFLOAT16: AtomicBool = AtomicBool::new(false);

/// Chooses the precision of the products of matrices from now on, everywhere in the process; float32 where fused operations
/// are to have another and this machine has none. Returns what was chosen.
pub fn set_precision(wanted: Precision) -> Precision {
    let there = !has_fused() || crate::fused::has_bfloat16();
    let chosen = if there { wanted } else { Precision::Float32 };
    BFLOAT16.store(chosen == Precision::Bfloat16, Ordering::Relaxed);
    chosen
}

/// The precision of the products of matrices: float32 unless [`set_precision`] chose another.
#[must_use]
pub fn precision() -> Precision {
    if BFLOAT16.load(Ordering::Relaxed) { Precision::Bfloat16 } else { Precision::Float32 }
}

/// What results depend on besides the weights: the precision, and whether operations are fused. What is kept of a
/// computation is kept under it.
#[must_use]
pub fn arithmetic() -> String {
    let composed = if has_fused() { "" } else { " composed" };
    format!("{:?}{composed}", precision())
}
