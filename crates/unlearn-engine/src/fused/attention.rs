//! Attention with grouped keys over stretches of tokens: neither scores nor masks are kept, each token's scores exist
//! while it is looked at (after Dao et al., 2022, arXiv 2205.14135, without blocks: a row's scores fit into the cache).

use std::ops::Range;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use super::exp::exp;
use super::lanes::{add, dot, dot_exact, sum};
use super::{Fused, Kernel, by_rows};
use crate::decoder::Reach;

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

    /// A query head's part of a token's row.
    #[inline(always)]
    fn query(&self, token: usize, head: usize) -> Range<usize> {
        let at = (token * self.form.heads[0] + head) * self.head_dim;
        at..at + self.head_dim
    }

    /// A query head's key or value in a token's row.
    #[inline(always)]
    fn key(&self, token: usize, head: usize) -> Range<usize> {
        let [heads, keys] = self.form.heads;
        let at = (token * keys + head / (heads / keys)) * self.head_dim;
        at..at + self.head_dim
    }

    /// Finds the softmax over what a query sees, and, with a cap, the cap's derivative.
    #[inline(always)]
    fn look(&self, query: &[f32], head: usize, seen: &[Range<usize>], found: &mut Found) {
        let Found { scores, shares, slopes } = found;
        scores.clear();
        for range in seen {
            for token in range.clone() {
                scores.push(dot_exact(query, &self.k[self.key(token, head)]) * f64::from(self.form.scale));
            }
        }
        if let Some(cap) = self.form.cap.map(f64::from) {
            slopes.clear();
            for s in scores.iter_mut() {
                let squeezed = (*s / cap).tanh();
                slopes.push((1.0 - squeezed * squeezed) as f32);
                *s = cap * squeezed;
            }
        }
        let mut most = f64::NEG_INFINITY;
        for &s in scores.iter() {
            most = if s > most { s } else { most };
        }
        shares.clear();
        shares.resize(scores.len(), 0.0);
        // A difference is rounded, not the scores: the largest shares are the most exact.
        for (share, &s) in shares.iter_mut().zip(scores.iter()) {
            *share = exp((s - most) as f32);
        }
        let all = sum(shares);
        for share in shares.iter_mut() {
            *share /= all;
        }
    }
}

/// What is made of the tokens that a query sees.
#[derive(Default)]
struct Found {
    scores: Vec<f64>,
    shares: Vec<f32>,
    slopes: Vec<f32>,
}

/// Rows `[heads * head_dim]` of tokens.
struct Forward<'a>(Inputs<'a>);

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill(&self, first: usize, part: &mut [f32]) {
        let inputs = self.0;
        let (heads, dim) = (inputs.form.heads[0], inputs.head_dim);
        // Zeros that were only asked for become memory twice when they are read before they are written.
        part.fill(0.0);
        let mut found = Found::default();
        let mut walk = inputs.form.reach.walk(first..first + part.len() / (heads * dim), inputs.form.window);
        while let Some(token) = walk.step() {
            for head in 0..heads {
                let out = &mut part[((token - first) * heads + head) * dim..][..dim];
                inputs.look(&inputs.q[inputs.query(token, head)], head, &walk.seen, &mut found);
                let mut nth = 0;
                for range in &walk.seen {
                    for key in range.clone() {
                        add(out, found.shares[nth], &inputs.v[inputs.key(key, head)]);
                        nth += 1;
                    }
                }
            }
        }
    }
}

/// Of `q` `[n, heads * head_dim]`, `k` and `v` `[n, key heads * head_dim]`: as `q`.
pub(super) fn forward(tensors: [&[f32]; 3], form: &Form) -> Vec<f32> {
    let inputs = Inputs::new(tensors, form);
    let mut out = vec![0.0; inputs.q.len()];
    by_rows(&mut out, form.heads[0] * inputs.head_dim, &Forward(inputs));
    out
}

/// One row for each query head: the gradients of its queries, keys and values, `[3, n, head_dim]`.
struct ByHead<'a>(Inputs<'a>, &'a [f32]);

impl Kernel for ByHead<'_> {
    #[inline(always)]
    fn fill(&self, first: usize, part: &mut [f32]) {
        let (inputs, gradient) = (self.0, self.1);
        let (n, dim) = (inputs.form.reach.len(), inputs.head_dim);
        let (mut found, mut changes) = (Found::default(), Vec::new());
        for (head, part) in (first..).zip(part.chunks_exact_mut(3 * n * dim)) {
            part.fill(0.0);
            let (by_q, rest) = part.split_at_mut(n * dim);
            let (by_k, by_v) = rest.split_at_mut(n * dim);
            let mut walk = inputs.form.reach.walk(0..n, inputs.form.window);
            while let Some(token) = walk.step() {
                let (query, gradient) = (&inputs.q[inputs.query(token, head)], &gradient[inputs.query(token, head)]);
                inputs.look(query, head, &walk.seen, &mut found);
                let shares = &found.shares;
                changes.clear();
                for range in &walk.seen {
                    for key in range.clone() {
                        changes.push(dot(gradient, &inputs.v[inputs.key(key, head)]));
                        add(&mut by_v[key * dim..][..dim], shares[changes.len() - 1], gradient);
                    }
                }
                let mean = dot(shares, &changes);
                for (change, &share) in changes.iter_mut().zip(shares) {
                    *change = share * (*change - mean) * inputs.form.scale;
                }
                if inputs.form.cap.is_some() {
                    for (change, &slope) in changes.iter_mut().zip(&found.slopes) {
                        *change *= slope;
                    }
                }
                let by_query = &mut by_q[token * dim..][..dim];
                let mut nth = 0;
                for range in &walk.seen {
                    for key in range.clone() {
                        add(by_query, changes[nth], &inputs.k[inputs.key(key, head)]);
                        add(&mut by_k[key * dim..][..dim], changes[nth], query);
                        nth += 1;
                    }
                }
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
    fn fill(&self, first: usize, part: &mut [f32]) {
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
    by_rows(&mut by_head, 3 * part, &ByHead(inputs, gradient));
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
