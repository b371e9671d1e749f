//! Decoded blocks against values from outside; `testdata/gen/gguf_blocks.py` says from where.

use std::path::Path;

use crate::gguf::{TensorInfo, TensorKind};

fn golden(kind: TensorKind) -> (Vec<u8>, Vec<u32>) {
    let name = format!("{}.bin", kind.name().to_lowercase());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gguf").join(name);
    let content = std::fs::read(&path).unwrap();
    let blocks = content.len() / (kind.bytes_per_block() + 4 * kind.values_per_block());
    let (stored, values) = content.split_at(blocks * kind.bytes_per_block());
    (stored.to_vec(), values.as_chunks().0.iter().map(|value| u32::from_le_bytes(*value)).collect())
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_kind_decodes_to_the_same_bits_as_the_gguf_package() {
    for kind in TensorKind::all() {
        let (stored, expected) = golden(kind);
        let tensor = TensorInfo { name: "w", shape: vec![expected.len()], kind, bytes: &stored };
        assert!(expected.len() >= 256, "{kind:?}");
        assert_eq!(bits(&tensor.to_f32()), expected, "{kind:?}");
    }
}

#[test]
fn rows_are_decoded_in_the_order_asked_for() {
    for kind in TensorKind::all() {
        let (stored, expected) = golden(kind);
        let row = kind.values_per_block();
        let rows = expected.len() / row;
        let tensor = TensorInfo { name: "w", shape: vec![rows, row], kind, bytes: &stored };
        let reversed = tensor.rows_to_f32(|i| rows - 1 - i);
        let expected: Vec<u32> = expected.chunks(row).rev().flatten().copied().collect();
        assert_eq!(bits(&reversed), expected, "{kind:?}");
    }
}

#[test]
fn the_table_of_kinds_is_in_the_order_of_the_enum() {
    for kind in TensorKind::all() {
        assert_eq!(TensorKind::from_number(kind.number()), Ok(kind));
    }
}
