//! Attention of one new token in each row to all that are in the cache, as generation takes it: without a gradient.
use pulp::Simd;

use super::exp::exp;
use super::lanes::{add, dot, greatest, sum};
use super::{Kernel, by_rows_of};

/// What a row's query heads look at.
pub(super) struct Looking<'a> {
    /// `[rows, heads, head_dim]`, scaled.
    pub(super) q: &'a [f32],
    /// Keys and values `[rows, key heads, room, head_dim]`.
    pub(super) cached: [&'a [f32]; 2],
    pub(super) room: usize,
    /// `[rows or 1, keys]`, which is added to scores.
    pub(super) mask: &'a [f32],
    /// Query heads, and how many of them share a key head.
    pub(super) heads: [usize; 2],
    pub(super) keys: usize,
    pub(super) head_dim: usize,
    pub(super) cap: Option<f32>,
}

impl Kernel for Looking<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let Self { q, cached: [k, v], room, mask, heads: [heads, each], keys, head_dim, cap } = *self;
        let mut shares = vec![0.0; keys];
        for (i, out) in part.chunks_exact_mut(head_dim).enumerate() {
            let line = first + i;
            let of_key = line / each * room * head_dim;
            let (k, v) = (&k[of_key..][..keys * head_dim], &v[of_key..][..keys * head_dim]);
            let query = &q[line * head_dim..][..head_dim];
            let shown = line / heads * keys % mask.len();
            for ((share, key), &hidden) in shares.iter_mut().zip(k.chunks_exact(head_dim)).zip(&mask[shown..][..keys]) {
                let score = dot(query, key);
                *share = hidden + if let Some(cap) = cap { (score / cap).tanh() * cap } else { score };
            }
            let most = greatest(&shares);
            for share in &mut shares {
                *share = exp(*share - most);
            }
            let all = sum(&shares);
            out.fill(0.0);
            for (&share, value) in shares.iter().zip(v.chunks_exact(head_dim)) {
                add(out, share / all, value);
            }
        }
    }
}

/// `[rows, heads, head_dim]`.
pub(super) fn attention(looking: &Looking<'_>) -> Vec<f32> {
    let mut out = vec![0.0; looking.q.len()];
    by_rows_of(&mut out, looking.head_dim, 2 * looking.keys * looking.head_dim, looking);
    out
}
