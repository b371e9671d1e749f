//! The golden models by the fused operations.

const DEVICE: &str = "cpu";

mod golden;
