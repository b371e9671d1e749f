//! Tests of reading and writing GGUF files, and of the conversions both ways.

mod attacks;
mod blocks;
mod export;
mod export_tokenizer;
mod golden;
mod llama;
mod model;
mod mutations;
mod quantise;
mod quantise_k;
mod sentencepiece;
mod tokenizer;
mod vocabularies;
mod write;
mod writer;
