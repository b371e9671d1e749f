//! Tests of the GGUF reader and its conversions.

mod attacks;
mod blocks;
mod golden;
mod llama;
mod model;
mod mutations;
mod sentencepiece;
mod tokenizer;
mod vocabularies;
mod writer;
