//! Written files: the `gguf` package's bytes, read back the same, and what is refused.

use std::fs;
use std::path::Path;

use crate::gguf::{Entries, Gguf, MetaValue, NewTensor, OwnedValue, TensorKind, ValueKind, write};

fn tensor<'a>(name: &str, kind: TensorKind, shape: &[usize], value: impl Fn(usize) -> f32 + 'a) -> NewTensor<'a> {
    let len: usize = shape.iter().product();
    NewTensor {
        name: name.into(),
        shape: shape.to_vec(),
        kind,
        values: Box::new(move || (0..len).map(&value).collect()),
    }
}

fn entries(values: Vec<(&str, OwnedValue)>) -> Entries {
    values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The content of `testdata/gen/gguf_written.py`.
fn everything() -> (Entries, Vec<NewTensor<'static>>) {
    let metadata = entries(vec![
        ("general.architecture", "llama".into()),
        ("x.u8", 200u8.into()),
        ("x.i8", (-100i8).into()),
        ("x.u16", 60_000u16.into()),
        ("x.i16", (-30_000i16).into()),
        ("x.u32", 4_000_000_000u32.into()),
        ("x.i32", (-2_000_000_000i32).into()),
        ("x.f32", 0.1f32.into()),
        ("x.bool", true.into()),
        ("x.string", "Grüße, 世界".into()),
        ("x.u64", u64::MAX.into()),
        ("x.i64", i64::MIN.into()),
        ("x.f64", 0.1f64.into()),
        ("x.strings", ["", "a", "bé"].map(str::to_owned).to_vec().into()),
        ("x.i32s", vec![1, -2, 3].into()),
        ("x.f32s", vec![0.5f32, -1.0].into()),
        ("x.bools", vec![true, false].into()),
    ]);
    let count = |i: usize| i as f32 / 8.0 - 3.0;
    let tensors = vec![
        tensor("norm.weight", TensorKind::F32, &[5], count),
        tensor("blk.0.a.weight", TensorKind::F16, &[3, 4], count),
        tensor("blk.0.b.weight", TensorKind::BF16, &[2, 3, 2], count),
        tensor("blk.1.a.weight", TensorKind::Q8_0, &[3, 64], count),
        tensor("blk.1.b.weight", TensorKind::Q4_0, &[2, 32], count),
    ];
    (metadata, tensors)
}

#[test]
fn a_file_is_the_one_that_the_gguf_package_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    let (metadata, tensors) = everything();
    write(&path, &metadata, &tensors).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gguf/written.gguf");
    assert!(fs::read(&path).unwrap() == fs::read(golden).unwrap(), "the bytes differ");
}

#[test]
fn what_was_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    let (mut metadata, tensors) = everything();
    let nested = OwnedValue::Array(ValueKind::Array, vec![vec![1u8, 2].into(), vec![0.5f64].into()]);
    metadata.extend(entries(vec![("x.nested", nested), ("x.none", Vec::<u64>::new().into())]));
    write(&path, &metadata, &tensors).unwrap();
    let bytes = fs::read(&path).unwrap();
    let gguf = Gguf::parse(&bytes).unwrap();
    assert_eq!((gguf.version, gguf.metadata.iter().count()), (3, metadata.len()));
    assert_eq!(gguf.metadata.get("x.i64"), Some(MetaValue::Signed(i64::MIN)));
    assert_eq!(gguf.metadata.strings("x.strings").unwrap(), ["", "a", "bé"]);
    assert!(gguf.metadata.array("x.none").unwrap().is_empty());
    let inner: Vec<_> = gguf.metadata.array("x.nested").unwrap().iter().collect();
    assert!(
        matches!(inner[..], [MetaValue::Array(a), MetaValue::Array(b)] if a.len() == 2 && b.kind() == ValueKind::F64)
    );
    for (written, read) in tensors.iter().zip(&gguf.tensors) {
        assert_eq!((read.name, &read.shape, read.kind), (written.name.as_str(), &written.shape, written.kind));
        let expected = written.kind.encode(&(written.values)(), *written.shape.last().unwrap()).unwrap();
        assert!(read.bytes == expected, "{}", read.name);
    }
}

#[test]
fn what_the_format_cannot_hold_is_refused_and_the_old_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    fs::write(&path, "old").unwrap();
    let one = |kind, shape: &[usize], value: f32| vec![tensor("blk.0.w", kind, shape, move |_| value)];
    let lone = |kind, value: f32| vec![tensor("blk.0.w", kind, &[256], move |i| if i == 37 { value } else { 0.5 })];
    let good = || one(TensorKind::F32, &[2], 1.0);
    let keys = |values| entries(values);
    let deep = |_| OwnedValue::Array(ValueKind::Array, vec![]);
    let deeper = (0..4).fold(deep(()), |inner, _| OwnedValue::Array(ValueKind::Array, vec![inner]));
    let mixed = OwnedValue::Array(ValueKind::U32, vec![1u32.into(), 1i32.into()]);
    let cut_short = NewTensor { values: Box::new(|| vec![0.0]), ..good().remove(0) };
    type Case<'a> = (Entries, Vec<NewTensor<'a>>, &'a [&'a str]);
    let cases: Vec<Case<'_>> = vec![
        (keys(vec![("", 1u8.into())]), good(), &["metadata ``", "0 bytes"]),
        (keys(vec![("a", 1u8.into()), ("a", 1u8.into())]), good(), &["metadata `a`", "twice"]),
        (keys(vec![("general.alignment", 64u32.into())]), good(), &["`general.alignment`"]),
        (keys(vec![("a", mixed)]), good(), &["metadata `a`", "expected u32, found i32"]),
        (keys(vec![("a", deeper)]), good(), &["metadata `a`", "deeper than 4"]),
        (vec![], [good(), good()].into_iter().flatten().collect(), &["tensor `blk.0.w`", "twice"]),
        (vec![], vec![tensor(&"x".repeat(64), TensorKind::F32, &[1], |_| 0.0)], &["64 bytes", "1 to 63"]),
        (vec![], one(TensorKind::F32, &[], 1.0), &["`blk.0.w`", "0 dimensions"]),
        (vec![], one(TensorKind::F32, &[1; 5], 1.0), &["`blk.0.w`", "5 dimensions"]),
        (vec![], one(TensorKind::F32, &[2, 0], 1.0), &["`blk.0.w`", "[2, 0]"]),
        (vec![], one(TensorKind::Q8_0, &[2, 33], 1.0), &["`blk.0.w`", "33 values", "Q8_0"]),
        (vec![], one(TensorKind::Q2_K, &[2, 256], 1.0), &["`blk.0.w`", "Q2_K can be read"]),
        (vec![], one(TensorKind::Q4_K, &[2, 128], 1.0), &["`blk.0.w`", "128 values", "Q4_K"]),
        (vec![], one(TensorKind::Q4_K, &[256], f32::NAN), &["`blk.0.w`", "Q4_K cannot hold the value NaN"]),
        (vec![], one(TensorKind::Q5_K, &[256], 1e9), &["`blk.0.w`", "Q5_K cannot hold"]),
        (vec![], lone(TensorKind::Q4_K, f32::INFINITY), &["`blk.0.w`", "Q4_K cannot hold the value inf"]),
        (vec![], lone(TensorKind::Q4_0, -1e9), &["`blk.0.w`", "Q4_0 cannot hold the value -1000000000"]),
        (vec![], one(TensorKind::F16, &[2], 7e4), &["`blk.0.w`", "F16 cannot hold the value 70000"]),
        (vec![], one(TensorKind::Q8_0, &[32], f32::NAN), &["`blk.0.w`", "Q8_0 cannot hold the value NaN"]),
        (vec![], one(TensorKind::Q4_0, &[32], -1e9), &["`blk.0.w`", "Q4_0 cannot hold"]),
        (vec![], vec![cut_short], &["`blk.0.w`", "[2]", "1 values"]),
    ];
    for (metadata, tensors, expected) in cases {
        let error = write(&path, &metadata, &tensors).unwrap_err();
        let message = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        expected.iter().chain(&["a.gguf`"]).for_each(|part| assert!(message.contains(part), "{expected:?}: {message}"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{message}");
    }
    let missing = write(&dir.path().join("no/a.gguf"), &[], &good()).unwrap_err();
    assert!(missing.to_string().contains("no/a.gguf`"), "{missing}");
}
