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

/// Every type that the `gguf` package decodes too.
fn with_golden_values() -> impl Iterator<Item = TensorKind> {
    TensorKind::all().filter(|kind| *kind != TensorKind::Q8_K)
}

#[test]
fn every_kind_decodes_to_the_same_bits_as_the_gguf_package() {
    for kind in with_golden_values() {
        let (stored, expected) = golden(kind);
        let tensor = TensorInfo { name: "w", shape: vec![expected.len()], kind, bytes: &stored };
        assert!(expected.len() >= 256, "{kind:?}");
        assert_eq!(bits(&tensor.to_f32()), expected, "{kind:?}");
    }
}

#[test]
fn rows_are_decoded_in_the_order_asked_for() {
    for kind in with_golden_values() {
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

/// `d · q`; the sums behind the values change nothing.
#[test]
fn q8_k_is_scale_times_value() {
    let scales = [0.1f32, -3.5, 0.0, 1e-30];
    let block = |(i, scale): (usize, &f32)| {
        let quantised = (0..=255u8).map(|q| q.wrapping_add(i as u8));
        scale.to_le_bytes().into_iter().chain(quantised).chain([i as u8 * 77; 32]).collect::<Vec<_>>()
    };
    let stored: Vec<u8> = scales.iter().enumerate().flat_map(block).collect();
    let expected = scales
        .iter()
        .enumerate()
        .flat_map(|(i, scale)| (0..=255u8).map(move |q| scale * f32::from(q.wrapping_add(i as u8) as i8)));
    assert_eq!(bits(&TensorKind::Q8_K.decode(&stored)), bits(&expected.collect::<Vec<_>>()));
}
