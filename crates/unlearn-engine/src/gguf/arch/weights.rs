//! The weights of a file under their names in the model, by the table of its architecture.

use std::collections::HashSet;

use super::failed;
use super::sizes::Sizes;
use crate::gguf::{Bias, Fault, Gguf, GgufError, Names, Part, Place, TensorInfo, Weight};

/// Queries, keys and values in one tensor, which llama.cpp takes for any architecture that has them apart.
const FUSED: &str = "attn_qkv";
const FUSED_PARTS: [&str; 3] = ["attn_q", "attn_k", "attn_v"];

/// Names and checks all weights.
pub(super) fn weights<'a>(gguf: &Gguf<'a>, names: &Names, sizes: &Sizes) -> Result<Vec<Weight<'a>>, GgufError> {
    let mut weights = Vec::new();
    let mut found = HashSet::new();
    for tensor in gguf.tensors.iter().filter(|tensor| !names.computed.contains(&tensor.name)) {
        for (place, tensor) in places(names, sizes, tensor)? {
            let expected = sizes.shape(&place);
            if expected.as_ref() != Some(&tensor.shape) {
                let expected = expected.map_or("a smaller one".to_owned(), |shape| format!("{shape:?}"));
                return Err(wrong_shape(&tensor, expected));
            }
            if !found.insert(place.file) {
                return Err(failed(tensor.name, Fault::Duplicate));
            }
            weights.push(Weight { name: place.model, tensor, form: place.form, head_dim: sizes.head_dim });
        }
    }
    match needed(gguf, names, sizes.layers).find(|name| !found.contains(name)) {
        Some(name) => Err(failed(&name, Fault::Missing)),
        None => Ok(weights),
    }
}

/// Whether any part of a group has a bias in this file.
pub(super) fn has_bias(gguf: &Gguf<'_>, names: &Names, group: Bias) -> bool {
    let biased = |tensor: &TensorInfo<'_>| {
        let stem = tensor.name.strip_suffix(".bias").and_then(|path| path.rsplit('.').next());
        let in_group = |part: &&Part| part.bias == group && Some(part.file) == stem;
        names.layer.iter().any(|part| in_group(&part)) || (stem == Some(FUSED) && group == Bias::Attention)
    };
    gguf.tensors.iter().any(biased)
}

/// The place of a tensor, or of each of those that it holds.
fn places<'a>(
    names: &Names,
    sizes: &Sizes,
    tensor: &TensorInfo<'a>,
) -> Result<Vec<(Place, TensorInfo<'a>)>, GgufError> {
    let in_layers = |place: &Place| place.layer.is_none_or(|layer| layer < sizes.layers);
    if let Some(place) = names.in_model(tensor.name).filter(in_layers) {
        return Ok(vec![(place, tensor.clone())]);
    }
    let all_rows = || "whole rows for the queries, the keys and the values".to_owned();
    let mut start = 0usize;
    let mut split = Vec::new();
    for stem in FUSED_PARTS {
        let unfused = tensor.name.replace(FUSED, stem);
        let place = names.in_model(&unfused).filter(in_layers).filter(|_| unfused != tensor.name);
        let unknown = || Fault::Conflict(format!("no such tensor belongs to a {} model", names.architecture));
        let place = place.ok_or_else(|| failed(tensor.name, unknown()))?;
        let rows = sizes.of(place.part.rows).and_then(|rows| Some((rows, start.checked_add(rows)?)));
        let slice = rows.and_then(|(rows, end)| Some((tensor.first_rows(start, rows)?, end)));
        let (slice, end) = slice.ok_or_else(|| wrong_shape(tensor, all_rows()))?;
        start = end;
        split.push((place, slice));
    }
    if tensor.shape.first() == Some(&start) { Ok(split) } else { Err(wrong_shape(tensor, all_rows())) }
}

fn needed(gguf: &Gguf<'_>, names: &Names, layers: usize) -> impl Iterator<Item = String> {
    let fields = |part: &Part| {
        let biased = part.bias == Bias::Yes
            || (matches!(part.bias, Bias::Attention | Bias::Mlp) && has_bias(gguf, names, part.bias));
        [Some(".weight"), biased.then_some(".bias")].into_iter().flatten()
    };
    let stems = |parts: &[Part]| {
        let needed = parts.iter().filter(|part| !part.optional);
        needed.flat_map(|part| fields(part).map(|field| format!("{}{field}", part.file))).collect::<Vec<_>>()
    };
    let inside = stems(names.layer);
    let layers =
        (0..layers).flat_map(move |layer| inside.iter().map(|stem| format!("blk.{layer}.{stem}")).collect::<Vec<_>>());
    stems(names.outside).into_iter().chain(layers)
}

fn wrong_shape(tensor: &TensorInfo<'_>, expected: String) -> GgufError {
    failed(tensor.name, Fault::Shape { found: tensor.shape.clone(), expected })
}
