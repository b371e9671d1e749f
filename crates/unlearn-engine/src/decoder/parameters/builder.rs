//! Collects the parameters of a decoder while it is laid out.

use super::{Layout, Role, Spec};

/// The parameters so far, and the block that is being laid out.
#[derive(Debug, Default)]
pub(in crate::decoder) struct Builder {
    pub(in crate::decoder) specs: Vec<Spec>,
    pub(in crate::decoder) layer: Option<usize>,
}

impl Builder {
    /// A matrix, `shape` as in memory; returns its place.
    pub(in crate::decoder) fn matrix(&mut self, name: &str, shape: [usize; 2], layout: Layout, role: Role) -> usize {
        self.push(format!("{name}.weight"), shape, layout, role)
    }

    /// A vector; `name` with its ending.
    pub(in crate::decoder) fn vector(&mut self, name: String, width: usize, role: Role) -> usize {
        self.push(name, [1, width], Layout::Vector, role)
    }

    fn push(&mut self, name: String, shape: [usize; 2], layout: Layout, role: Role) -> usize {
        self.specs.push(Spec { name, shape, layout, role, layer: self.layer });
        self.specs.len() - 1
    }
}
