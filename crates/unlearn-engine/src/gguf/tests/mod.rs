//! Tests of the GGUF reader and its conversions.

mod attacks;
mod blocks;
mod export;
mod llama;
mod model;
mod mutations;
mod quantise;
mod tokenizer;
mod write;
mod writer;
