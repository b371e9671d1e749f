//! The golden models, and training, by the tensor library's own operations: what a device computes by that has no fused
//! ones.

const DEVICE: &str = "cpu-composed";

mod golden;
