//! Making models smaller: what is lost on the way is sometimes what hid something.

mod prune;
mod round;
mod truncate;

use crate::decoder::{Layout, Spec};

pub use prune::{Importance, pruned};
pub use round::{Format, Rounded, codes, rounded};
pub use truncate::without_leading;

/// A matrix of a linear layer with a row for each output, from memory's layout `[in, out]`, and back: the same for
/// every family, however its checkpoint stores it.
fn by_output(spec: &Spec, values: Vec<f32>) -> Vec<f32> {
    Spec { layout: Layout::Linear, ..spec.clone() }.to_disk(values)
}

fn from_output(spec: &Spec, values: Vec<f32>) -> Vec<f32> {
    Spec { layout: Layout::Linear, ..spec.clone() }.from_disk(values)
}
