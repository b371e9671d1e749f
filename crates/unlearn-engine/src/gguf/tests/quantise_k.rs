//! Encoding to blocks of 256: which scales are chosen is free, what they mean and that they are good is not.

use std::path::Path;

use proptest::prelude::*;
use unlearn_core::seed::normal;

use crate::gguf::TensorKind;

const BLOCK: usize = 256;
const GROUP: usize = 32;
const BLOCKS: usize = 64;
/// The types, with those of blocks of 32 that have as many bits.
const KINDS: [(TensorKind, [TensorKind; 2]); 2] = [
    (TensorKind::Q4_K, [TensorKind::Q4_0, TensorKind::Q4_1]),
    (TensorKind::Q5_K, [TensorKind::Q5_0, TensorKind::Q5_1]),
];

fn encoded(kind: TensorKind, values: &[f32]) -> Vec<u8> {
    kind.encode(values, BLOCK).unwrap()
}

fn rounded(kind: TensorKind, values: &[f32]) -> Vec<f32> {
    kind.decode(&encoded(kind, values))
}

fn normals(scale: f64) -> Vec<f32> {
    normal(7, "weights", BLOCK * BLOCKS).into_iter().map(|x| (scale * x) as f32).collect()
}

/// Student's t with one degree of freedom, cut off.
fn heavy_tailed() -> Vec<f32> {
    let below = normal(8, "below", BLOCK * BLOCKS);
    normals(1.0).into_iter().zip(below).map(|(x, y)| x / y.abs().max(0.05) as f32).collect()
}

fn with_outliers(size: f32) -> Vec<f32> {
    normals(1.0).into_iter().enumerate().map(|(i, x)| if i % BLOCK == 70 { size } else { x }).collect()
}

/// The mean square, and that with the weights that the encoder has.
fn errors(values: &[f32], stored: &[f32]) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (values, stored) in values.chunks(GROUP).zip(stored.chunks(GROUP)) {
        let usual = (values.iter().map(|x| f64::from(x * x)).sum::<f64>() / GROUP as f64).sqrt();
        for (x, y) in values.iter().zip(stored) {
            let square = f64::from(x - y).powi(2);
            sums[0] += square;
            sums[1] += (usual + f64::from(x.abs())) * square;
        }
    }
    sums.map(|sum| sum / values.len() as f64)
}

/// `testdata/gen/gguf_quantise_k.py` says where these come from: values, what this program stored for them, and what the
/// `gguf` package reads in it.
#[test]
fn what_is_written_is_what_the_gguf_package_reads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gguf/quantised_k");
    let values = TensorKind::F32.decode(&std::fs::read(folder.join("values.bin")).unwrap());
    assert!(values.len() >= 8 * BLOCK);
    for (kind, _) in KINDS {
        let content = std::fs::read(folder.join(format!("{}.bin", kind.name().to_lowercase()))).unwrap();
        let (stored, expected) = content.split_at(values.len() / BLOCK * kind.bytes_per_block());
        assert_eq!(encoded(kind, &values), stored, "{kind:?}");
        assert_eq!(TensorKind::F32.encode(&kind.decode(stored), BLOCK).unwrap(), expected, "{kind:?}");
    }
}

/// Codes other than the one that was stored, by the decoder: `code` everywhere in the blocks.
fn with_code(kind: TensorKind, bytes: &[u8], code: u8) -> Vec<f32> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_mut(kind.bytes_per_block()) {
        let low = block.len() - BLOCK / 2;
        block[16..low].fill(if code & 16 == 0 { 0x00 } else { 0xff });
        block[low..].fill((code & 0x0f) * 0x11);
    }
    kind.decode(&bytes)
}

#[test]
fn every_value_gets_the_nearest_code_of_its_group() {
    for values in [normals(0.02), normals(1e-5), heavy_tailed(), with_outliers(-50.0)] {
        for (kind, codes) in [(TensorKind::Q4_K, 16), (TensorKind::Q5_K, 32)] {
            let bytes = encoded(kind, &values);
            let all: Vec<Vec<f32>> = (0..codes).map(|code| with_code(kind, &bytes, code)).collect();
            for (i, (value, stored)) in values.iter().zip(kind.decode(&bytes)).enumerate() {
                let nearest = all.iter().map(|values| (value - values[i]).abs()).fold(f32::INFINITY, f32::min);
                let rounding = (value.abs() + stored.abs()) * 1e-6;
                assert!((value - stored).abs() <= nearest + rounding, "{kind:?}: {value} became {stored}");
            }
        }
    }
}

#[test]
fn the_error_is_less_than_in_blocks_of_32() {
    let uniform: Vec<f32> = normals(1.0).into_iter().map(|x| (x * 3.0).sin()).collect();
    let positive: Vec<f32> = normals(1.0).into_iter().map(f32::abs).collect();
    for values in [normals(0.02), normals(1e-5), normals(3e4), heavy_tailed(), uniform, positive] {
        for (kind, others) in KINDS {
            let own = errors(&values, &rounded(kind, &values));
            for other in others {
                let theirs = errors(&values, &rounded(other, &values));
                assert!(own[0] < theirs[0] && own[1] < theirs[1], "{kind:?} {own:?}, {other:?} {theirs:?}");
            }
        }
    }
}

/// A group's step is a 64th of the block's largest or more: an outlier costs more than where it has a scale of its own.
#[test]
fn one_value_that_is_a_hundred_times_the_others_costs_little_more() {
    for size in [-100.0, 100.0] {
        let values = with_outliers(size);
        for (kind, others) in KINDS {
            let own = errors(&values, &rounded(kind, &values))[0].sqrt();
            let theirs = others.map(|other| errors(&values, &rounded(other, &values))[0].sqrt());
            let [least, most] = [theirs[0].min(theirs[1]), theirs[0].max(theirs[1])];
            assert!(own <= 1.1 * least && own <= most, "{kind:?}, {size}: {own}, {theirs:?}");
        }
    }
}

/// The 16-bit scale and minimum are what is rounded, as in blocks of 32.
#[test]
fn blocks_without_a_spread_lose_a_scales_rounding_alone() {
    let at = |place: usize, size: f32| (0..BLOCK).map(|i| if i == place { size } else { 0.0 }).collect::<Vec<_>>();
    let alternating: Vec<f32> = (0..BLOCK).map(|i| if i % 2 == 0 { 0.7 } else { -0.7 }).collect();
    for values in
        [vec![0.7; BLOCK], vec![-0.7; BLOCK], at(0, 5.3), at(255, -5.3), at(100, 0.2), at(9, 6e7), alternating]
    {
        for (kind, _) in KINDS {
            let most = values.iter().fold(0.0f32, |most, x| x.abs().max(most));
            for (value, stored) in values.iter().zip(rounded(kind, &values)) {
                assert!((value - stored).abs() <= most / 1024.0, "{kind:?}: {value} became {stored}");
            }
        }
    }
    for (kind, _) in KINDS {
        for zero in [0.0, -0.0] {
            assert_eq!(encoded(kind, &[zero; BLOCK]), vec![0; kind.bytes_per_block()]);
        }
    }
}

#[test]
fn what_is_too_small_is_zero_and_what_is_too_large_is_no_number() {
    for (kind, _) in KINDS {
        for scale in [1e-45, 1e-40, 1e-30, 1e-12, 1e-8] {
            let values = normals(scale);
            let most = values.iter().fold(0.0f32, |most, x| x.abs().max(most));
            let stored = rounded(kind, &values);
            assert!(values.iter().zip(&stored).all(|(x, y)| (x - y).abs() <= most), "{kind:?}, {scale}");
            assert!(scale > 1e-10 || stored.iter().all(|x| *x == 0.0), "{kind:?}, {scale}");
        }
        for scale in [1.0, 1e3, 8e5] {
            assert!(rounded(kind, &normals(scale)).iter().all(|x| x.is_finite()), "{kind:?}, {scale}");
        }
        for scale in [1e9, 1e20, 5e37] {
            assert!(rounded(kind, &normals(scale)).iter().any(|x| !x.is_finite()), "{kind:?}, {scale}");
        }
        for no_number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = normals(1.0);
            values[BLOCK + 3] = no_number;
            let stored = rounded(kind, &values);
            let is_whole = |block: &[f32]| block.iter().all(|x| x.is_finite());
            let whole: Vec<bool> = stored.chunks(BLOCK).map(is_whole).collect();
            assert!(!stored[BLOCK + 3].is_finite() && whole.iter().filter(|is| !**is).count() == 1, "{kind:?}");
        }
    }
}

/// Scales are looked for again, so that rounding twice is not rounding once; but next to it.
#[test]
fn rounding_again_moves_little() {
    for values in [normals(0.02), normals(1e-5), heavy_tailed(), with_outliers(50.0)] {
        for (kind, _) in KINDS {
            let once = rounded(kind, &values);
            let [first, second] = [errors(&values, &once)[0].sqrt(), errors(&once, &rounded(kind, &once))[0].sqrt()];
            assert!(second <= 0.3 * first, "{kind:?}: {first}, then {second}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_do_not_know_each_other(
        blocks in prop::collection::vec((-8i32..8, prop::collection::vec(-1.0f32..1.0, BLOCK)), 1..4),
    ) {
        let scaled = |(power, values): (i32, Vec<f32>)| -> Vec<f32> {
            values.into_iter().map(|x| x * 2.0f32.powi(power)).collect()
        };
        let blocks: Vec<Vec<f32>> = blocks.into_iter().map(scaled).collect();
        for (kind, _) in KINDS {
            let each: Vec<u8> = blocks.iter().flat_map(|block| encoded(kind, block)).collect();
            prop_assert_eq!(encoded(kind, &blocks.concat()), each);
        }
    }
}
