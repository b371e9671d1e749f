//! Attention with grouped keys over stretches of tokens: neither scores nor masks are kept, each token's scores exist
//! while it is looked at (after Dao et al., 2022, arXiv 2205.14135, without blocks: a row's scores fit into the cache).

mod together;

use std::ops::Range;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::exp::exp;
use super::lanes::{add, sum};
use super::{Fused, Kernel, by_rows};
use crate::decoder::{Group, Reach};
use together::{Each, QUERIES, Rows, Turned};

/// What of attention is no tensor.
#[derive(Debug, Clone)]
pub struct Form {
    /// Which token sees which.
    pub reach: Arc<Reach>,
    /// A token sees itself and those before it, so many in all.
    pub window: Option<usize>,
    /// Query heads, key heads.
    pub heads: [usize; 2],
    /// What products are multiplied by.
    pub scale: f32,
    /// Scores are squeezed below it by a hyperbolic tangent.
    pub cap: Option<f32>,
}

#[derive(Clone, Copy)]
struct Inputs<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    form: &'a Form,
    head_dim: usize,
}

impl<'a> Inputs<'a> {
    fn new([q, k, v]: [&'a [f32]; 3], form: &'a Form) -> Self {
        let head_dim = q.len() / (form.reach.len() * form.heads[0]).max(1);
        Self { q, k, v, form, head_dim }
    }

    /// Rows of keys or of values, of which a query head looks at a part.
    fn looked_at(&self, values: &'a [f32], head: usize) -> Rows<'a> {
        let [heads, keys] = self.form.heads;
        let (width, at) = (keys * self.head_dim, head / (heads / keys) * self.head_dim);
        Rows { values, width, at, dim: self.head_dim }
    }

    /// The key head that a query head looks at.
    fn key_head(&self, head: usize) -> usize {
        let [heads, keys] = self.form.heads;
        head / (heads / keys)
    }

    /// Keys or values for [`Turned::products`].
    fn turned(&self, values: &[f32]) -> Turned {
        Turned::new(values, self.form.heads[1], self.head_dim)
    }

    /// A query head's part of rows like those of the queries, for each token of a group: `rows` `[QUERIES][head_dim]`, and
    /// the same turned. Where there is no token, it is zeros.
    #[inline(always)]
    fn gather(&self, from: &[f32], tokens: &Range<usize>, head: usize, rows: &mut Vec<f32>, turned: &mut Vec<Each>) {
        let dim = self.head_dim;
        rows.clear();
        rows.resize(QUERIES * dim, 0.0);
        turned.clear();
        turned.resize(dim, [0.0; QUERIES]);
        for (i, token) in tokens.clone().enumerate() {
            let row = &from[(token * self.form.heads[0] + head) * dim..][..dim];
            rows[i * dim..][..dim].copy_from_slice(row);
            for (turned, &x) in turned.iter_mut().zip(row) {
                turned[i] = x;
            }
        }
    }

    /// Finds the softmax over what each query of a group sees, and, with a cap, the cap's derivative.
    #[inline(always)]
    fn look<S: Simd>(&self, simd: S, keys: &Turned, head: usize, group: &Group, found: &mut Found) {
        let Found { turned, scores, shares, slopes, by, .. } = found;
        scores.iter_mut().for_each(Vec::clear);
        for range in &group.seen {
            keys.products(simd, turned, self.key_head(head), range.clone(), scores);
        }
        by.clear();
        by.resize(scores[0].len(), [0.0; QUERIES]);
        for (i, span) in group.spans().enumerate() {
            let scores = &mut scores[i][span.clone()];
            let scale = f64::from(self.form.scale);
            for s in scores.iter_mut() {
                *s *= scale;
            }
            if let Some(cap) = self.form.cap.map(f64::from) {
                slopes[i].clear();
                for s in scores.iter_mut() {
                    let squeezed = (*s / cap).tanh();
                    slopes[i].push((1.0 - squeezed * squeezed) as f32);
                    *s = cap * squeezed;
                }
            }
            let most = greatest(scores);
            shares.clear();
            shares.resize(scores.len(), 0.0);
            // A difference is rounded, not the scores: the largest shares are the most exact.
            for (share, &s) in shares.iter_mut().zip(scores.iter()) {
                *share = exp((s - most) as f32);
            }
            let all = sum(shares);
            for (by, &share) in by[span].iter_mut().zip(shares.iter()) {
                by[i] = share / all;
            }
        }
    }
}

#[inline(always)]
fn greatest(scores: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    let (whole, rest) = scores.as_chunks::<8>();
    for scores in whole {
        for (most, &s) in lanes.iter_mut().zip(scores) {
            *most = if s > *most { s } else { *most };
        }
    }
    let mut most = f64::NEG_INFINITY;
    for &s in lanes.iter().chain(rest) {
        most = if s > most { s } else { most };
    }
    most
}

/// What is made of the tokens that a group's queries see.
#[derive(Default)]
struct Found {
    /// The queries, `[QUERIES][head_dim]`, and turned.
    rows: Vec<f32>,
    turned: Vec<Each>,
    /// Of each query, scores of all that the group sees; of what a query itself sees, shares and slopes.
    scores: [Vec<f64>; QUERIES],
    shares: Vec<f32>,
    slopes: [Vec<f32>; QUERIES],
    /// Shares of all that the group sees: zeros for what a query does not see.
    by: Vec<Each>,
}

/// Rows `[heads * head_dim]` of tokens.
struct Forward<'a>(Inputs<'a>, Turned);

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, first: usize, part: &mut [f32]) {
        let (inputs, keys) = (self.0, &self.1);
        let (heads, dim) = (inputs.form.heads[0], inputs.head_dim);
        let (mut found, mut out) = (Found::default(), vec![0.0; QUERIES * dim]);
        let mut walk = inputs.form.reach.walk(first..first + part.len() / (heads * dim), inputs.form.window);
        while let Some(group) = walk.steps(QUERIES) {
            for head in 0..heads {
                inputs.gather(inputs.q, &group.tokens, head, &mut found.rows, &mut found.turned);
                inputs.look(simd, keys, head, group, &mut found);
                together::sums(simd, &mut out, inputs.looked_at(inputs.v, head), &group.seen, &found.by);
                for (token, out) in group.tokens.clone().zip(out.chunks_exact(dim)) {
                    part[((token - first) * heads + head) * dim..][..dim].copy_from_slice(out);
                }
            }
        }
    }
}

/// Of `q` `[n, heads * head_dim]`, `k` and `v` `[n, key heads * head_dim]`: as `q`.
pub(super) fn forward(tensors: [&[f32]; 3], form: &Form) -> Vec<f32> {
    let inputs = Inputs::new(tensors, form);
    let mut out = vec![0.0; inputs.q.len()];
    by_rows(&mut out, form.heads[0] * inputs.head_dim, &Forward(inputs, inputs.turned(inputs.k)));
    out
}

/// One row for each query head: the gradients of its queries, keys and values, `[3, n, head_dim]`.
struct ByHead<'a> {
    inputs: Inputs<'a>,
    /// Keys, and values.
    turned: [Turned; 2],
    gradient: &'a [f32],
}

impl Kernel for ByHead<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, first: usize, part: &mut [f32]) {
        let (inputs, [keys, values]) = (self.inputs, &self.turned);
        let (n, dim) = (inputs.form.reach.len(), inputs.head_dim);
        let (mut found, mut by_query) = (Found::default(), vec![0.0; QUERIES * dim]);
        let (mut pull, mut pull_turned) = (Vec::new(), Vec::new());
        let (mut products, mut changes) = (<[Vec<f64>; QUERIES]>::default(), Vec::new());
        for (head, part) in (first..).zip(part.chunks_exact_mut(3 * n * dim)) {
            part.fill(0.0);
            let (by_q, rest) = part.split_at_mut(n * dim);
            let (by_k, by_v) = rest.split_at_mut(n * dim);
            let mut walk = inputs.form.reach.walk(0..n, inputs.form.window);
            while let Some(group) = walk.steps(QUERIES) {
                inputs.gather(inputs.q, &group.tokens, head, &mut found.rows, &mut found.turned);
                inputs.look(simd, keys, head, group, &mut found);
                inputs.gather(self.gradient, &group.tokens, head, &mut pull, &mut pull_turned);
                together::spread(simd, by_v, &pull, dim, &group.seen, &found.by);
                products.iter_mut().for_each(Vec::clear);
                for range in &group.seen {
                    values.products(simd, &pull_turned, inputs.key_head(head), range.clone(), &mut products);
                }
                changes.clear();
                changes.resize(found.by.len(), [0.0; QUERIES]);
                for (i, span) in group.spans().enumerate() {
                    let (products, shares) = (&products[i][span.clone()], &found.by[span.clone()]);
                    let mut mean = 0.0;
                    for (&product, share) in products.iter().zip(shares) {
                        mean += product * f64::from(share[i]);
                    }
                    let scale = f64::from(inputs.form.scale);
                    for ((change, &product), share) in changes[span].iter_mut().zip(products).zip(shares) {
                        change[i] = share[i] * ((product - mean) * scale) as f32;
                    }
                }
                if inputs.form.cap.is_some() {
                    for (i, span) in group.spans().enumerate() {
                        for (change, &slope) in changes[span].iter_mut().zip(&found.slopes[i]) {
                            change[i] *= slope;
                        }
                    }
                }
                together::sums(simd, &mut by_query, inputs.looked_at(inputs.k, head), &group.seen, &changes);
                by_q[group.tokens.start * dim..group.tokens.end * dim]
                    .copy_from_slice(&by_query[..group.tokens.len() * dim]);
                together::spread(simd, by_k, &found.rows, dim, &group.seen, &changes);
            }
        }
    }
}

/// Rows of tokens, in each of which stand heads: sums over the query heads that belong to each.
struct Gathered<'a> {
    /// One for each query head.
    parts: Vec<&'a [f32]>,
    head_dim: usize,
    /// Query heads that belong to one.
    each: usize,
}

impl Kernel for Gathered<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let dim = self.head_dim;
        let heads = self.parts.len() / self.each;
        for (token, row) in (first..).zip(part.chunks_exact_mut(heads * dim)) {
            for (out, parts) in row.chunks_exact_mut(dim).zip(self.parts.chunks_exact(self.each)) {
                out.copy_from_slice(&parts[0][token * dim..][..dim]);
                for part in &parts[1..] {
                    add(out, 1.0, &part[token * dim..][..dim]);
                }
            }
        }
    }
}

/// The gradients of `q`, `k` and `v`.
pub(super) fn backward(tensors: [&[f32]; 3], gradient: &[f32], form: &Form) -> [Vec<f32>; 3] {
    let inputs = Inputs::new(tensors, form);
    let ([heads, keys], part) = (form.heads, form.reach.len() * inputs.head_dim);
    let mut by_head = vec![0.0; heads * 3 * part];
    let turned = [inputs.k, inputs.v].map(|values| inputs.turned(values));
    by_rows(&mut by_head, 3 * part, &ByHead { inputs, turned, gradient });
    let gathered = |which: usize, each: usize| {
        let parts = by_head.chunks_exact((3 * part).max(1)).map(|all| &all[which * part..][..part]).collect();
        let mut out = vec![0.0; heads / each * part];
        by_rows(&mut out, heads / each * inputs.head_dim, &Gathered { parts, head_dim: inputs.head_dim, each });
        out
    };
    [gathered(0, 1), gathered(1, heads / keys), gathered(2, heads / keys)]
}

#[derive(Debug)]
struct Attention;

impl<B: Backend + Fused> Backward<B, 3> for Attention {
    type State = ([FloatTensor<B>; 3], Form);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let parents = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let ([q, k, v], form) = ops.state;
        let (by_q, by_k, by_v) = B::attend_backward(q, k, v, gradient, form);
        for (node, gradient) in parents.into_iter().zip([by_q, by_k, by_v]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    [q, k, v]: [FloatTensor<Autodiff<B, C>>; 3],
    form: Form,
) -> FloatTensor<Autodiff<B, C>> {
    let ((q, q_node), (k, k_node), (v, v_node)) = (q.into_parts(), k.into_parts(), v.into_parts());
    match Attention.prepare::<C>([q_node, k_node, v_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = ([q.clone(), k.clone(), v.clone()], form.clone());
            prepared.finish(state, B::attend(q, k, v, form))
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::attend(q, k, v, form)),
    }
}
