//! The golden models on a card, in a build that can use one; skipped, with a line, where there is none.
#![cfg(feature = "cuda")]

const DEVICE: &str = "cuda";

mod golden;
