//! Encoding against the `gguf` package's bytes, and the laws of rounding.

use std::path::Path;

use proptest::prelude::*;

use crate::gguf::{Fault, TensorKind};

const WIDTH: usize = 32;

/// The types that the package writes too: those whose blocks divide the rows here.
fn kinds() -> impl Iterator<Item = TensorKind> {
    TensorKind::writable().filter(|kind| WIDTH.is_multiple_of(kind.values_per_block()))
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gguf/quantised").join(name)).unwrap()
}

#[test]
fn floats_and_blocks_of_32_store_the_same_bytes_as_the_gguf_package() {
    let values: Vec<f32> = TensorKind::F32.decode(&golden("values.bin"));
    assert!(values.len() >= 80 * WIDTH);
    for kind in kinds() {
        let name =
            if kind == TensorKind::F32 { "values.bin".into() } else { format!("{}.bin", kind.name().to_lowercase()) };
        let (found, expected) = (kind.encode(&values, WIDTH).unwrap(), golden(&name));
        let block = kind.bytes_per_block() * WIDTH / kind.values_per_block();
        for (row, (found, expected)) in found.chunks(block).zip(expected.chunks(block)).enumerate() {
            let values = &values[row * WIDTH..][..WIDTH];
            assert_eq!(found, expected, "{}, row {row}: {values:?}", kind.name());
        }
        assert_eq!(found.len(), expected.len());
    }
}

#[test]
fn what_cannot_be_stored_is_refused() {
    assert_eq!(TensorKind::Q2_K.encode(&[0.0; 256], 256), Err(Fault::ReadOnly("Q2_K")));
    let block = |row| Err(Fault::Block { row, kind: "Q4_K", block: 256 });
    assert_eq!(TensorKind::Q4_K.encode(&[0.0; 256], 128), block(128));
    let block = |row| Err(Fault::Block { row, kind: "Q8_0", block: 32 });
    assert_eq!(TensorKind::Q8_0.encode(&[0.0; 64], 16), block(16));
    assert_eq!(TensorKind::Q8_0.encode(&[0.0; 96], 64), block(64));
    assert_eq!(TensorKind::Q8_0.encode(&[], 0), Ok(Vec::new()));
    assert_eq!(TensorKind::writable_by_name("q8_0"), Some(TensorKind::Q8_0));
    assert_eq!(TensorKind::writable_by_name("Q4_K"), Some(TensorKind::Q4_K));
    assert_eq!(TensorKind::writable_by_name("q2_k"), None);
}

/// The distance between two neighbours of the steps that a block of these values has, and the error that the 16-bit
/// scale and offset add.
fn step(kind: TensorKind, values: &[f32]) -> (f32, f32) {
    let most = values.iter().fold(0.0f32, |most, value| value.abs().max(most));
    let range = values.iter().copied().fold(f32::MIN, f32::max) - values.iter().copied().fold(f32::MAX, f32::min);
    match kind {
        TensorKind::Q8_0 => (most / 127.0, most / 1024.0),
        TensorKind::Q4_0 => (most / 8.0, most / 1024.0),
        TensorKind::Q5_0 => (most / 16.0, most / 1024.0),
        TensorKind::Q4_1 => (range / 15.0, (range + most) / 1024.0),
        TensorKind::Q5_1 => (range / 31.0, (range + most) / 1024.0),
        TensorKind::F16 => (most / 1024.0, 0.0),
        TensorKind::BF16 => (most / 128.0, 0.0),
        _ => (0.0, 0.0),
    }
}

fn weights() -> impl Strategy<Value = Vec<f32>> {
    (-8i32..8).prop_flat_map(|power| {
        prop::collection::vec(-1.0f32..1.0, WIDTH)
            .prop_map(move |values| values.into_iter().map(|value| value * 2.0f32.powi(power)).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The highest step of the types without an offset is half a step below the largest value of the other sign:
    /// there the error may be a whole step.
    #[test]
    fn a_value_moves_by_half_a_step_at_most(values in weights()) {
        for kind in kinds() {
            let stored = kind.decode(&kind.encode(&values, WIDTH).unwrap());
            let (step, rounding) = step(kind, &values);
            let clipped = if matches!(kind, TensorKind::Q4_0 | TensorKind::Q5_0) { step } else { step / 2.0 };
            let largest = values.iter().fold(0.0f32, |most, value| value.abs().max(most));
            for (value, stored) in values.iter().zip(stored) {
                let bound = if value.abs() > largest - step { clipped } else { step / 2.0 };
                prop_assert!((value - stored).abs() <= bound + rounding, "{kind:?}: {value} became {stored}");
            }
        }
    }

    /// For the types without an offset, which is rounded apart from the values that it is added to.
    #[test]
    fn rounding_twice_is_rounding_once(values in weights()) {
        let with_offset = [TensorKind::Q4_1, TensorKind::Q5_1];
        for kind in kinds().filter(|kind| !with_offset.contains(kind)) {
            let once = kind.decode(&kind.encode(&values, WIDTH).unwrap());
            let twice = kind.decode(&kind.encode(&once, WIDTH).unwrap());
            prop_assert_eq!(&once, &twice, "{:?}", kind);
        }
    }

    #[test]
    fn rows_do_not_know_each_other(rows in prop::collection::vec(weights(), 1..4)) {
        for kind in kinds() {
            let each: Vec<u8> = rows.iter().flat_map(|row| kind.encode(row, WIDTH).unwrap()).collect();
            prop_assert_eq!(kind.encode(&rows.concat(), WIDTH).unwrap(), each);
        }
    }
}
