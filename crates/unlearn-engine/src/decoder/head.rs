//! The output layer.

use std::sync::Arc;

use burn::tensor::{Device, Gradients as Tape, Tensor, TensorData};

use super::Packed;
use crate::fused::{product, writing_product};

/// Values of a packed matrix that are unpacked at once.
const PART: usize = if cfg!(test) { 64 } else { 16 << 20 };

/// What turns final hidden states into scores over the vocabulary.
#[derive(Debug, Clone)]
pub struct Head {
    pub(super) matrix: Matrix,
    /// `[1, vocabulary]`
    pub(super) bias: Option<Tensor<2>>,
    /// See [`super::DecoderConfig::logit_cap`].
    pub(super) cap: Option<f64>,
}

/// The output matrix.
#[derive(Debug, Clone)]
pub(super) enum Matrix {
    /// `[width, vocabulary]`
    Plain {
        matrix: Tensor<2>,
        /// Whether it is for answers that are being written.
        writing: bool,
    },
    /// Frozen and packed: unpacked part by part, so that the whole never exists.
    Packed {
        packed: Arc<Packed>,
        /// As it lies in memory.
        shape: [usize; 2],
        /// Whether it lies as `[vocabulary, width]`.
        tied: bool,
        device: Device,
    },
}

impl Head {
    /// Scores `[n, vocabulary]` of final hidden states `[n, width]`.
    #[must_use]
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.finish(self.matrix.forward(hidden))
    }

    /// Where it lies.
    #[must_use]
    pub fn device(&self) -> Device {
        match &self.matrix {
            Matrix::Plain { matrix, .. } => matrix.device(),
            Matrix::Packed { device, .. } => device.clone(),
        }
    }

    /// The same with the graph cut at a packed matrix, which a graph would keep unpacked until the way back.
    #[must_use]
    pub fn logits_cut(&self, hidden: Tensor<2>) -> (Tensor<2>, Option<Cut>) {
        if matches!(self.matrix, Matrix::Plain { .. }) {
            return (self.logits(hidden), None);
        }
        let scores = self.matrix.forward(hidden.clone().detach()).detach().autodiff().require_grad();
        let cut = Cut { matrix: self.matrix.clone(), below: hidden, above: scores.clone() };
        (self.finish(scores), Some(cut))
    }

    fn finish(&self, scores: Tensor<2>) -> Tensor<2> {
        let scores = match &self.bias {
            Some(bias) => scores + bias.clone(),
            None => scores,
        };
        match self.cap {
            Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
            None => scores,
        }
    }
}

/// Where a graph was cut at the output matrix.
#[derive(Debug)]
pub struct Cut {
    matrix: Matrix,
    below: Tensor<2>,
    above: Tensor<2>,
}

impl Cut {
    /// Goes on below the cut with what a backward pass left above it.
    #[must_use]
    pub fn backward(self, tape: &mut Tape) -> Option<Tape> {
        let gradient = self.above.grad_remove(tape)?;
        let gradient = self.matrix.backward(gradient.detach());
        Some((self.below * gradient).sum().backward())
    }
}

impl Matrix {
    /// `[n, width]` to `[n, vocabulary]`.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Plain { matrix, writing: true } => writing_product(x, matrix.clone()),
            Self::Plain { matrix, .. } => product(x, matrix.clone()),
            Self::Packed { tied: true, .. } => {
                Tensor::cat(self.parts().map(|(_, part)| product(x.clone(), part.transpose())).collect(), 1)
            }
            Self::Packed { .. } => sum(self.parts().map(|(from, part)| {
                let rows = part.dims()[0];
                product(x.clone().narrow(1, from, rows), part)
            })),
        }
    }

    /// `[n, vocabulary]` to `[n, width]`: the gradient of the states from that of the scores.
    fn backward(&self, g: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Plain { matrix, .. } => product(g, matrix.clone().transpose()),
            Self::Packed { tied: true, .. } => sum(self.parts().map(|(from, part)| {
                let rows = part.dims()[0];
                product(g.clone().narrow(1, from, rows), part)
            })),
            Self::Packed { .. } => {
                Tensor::cat(self.parts().map(|(_, part)| product(g.clone(), part.transpose())).collect(), 1)
            }
        }
    }

    /// Some rows at a time, and where they begin; none of a plain matrix.
    fn parts(&self) -> impl Iterator<Item = (usize, Tensor<2>)> {
        let (rows, width) = match self {
            Self::Plain { .. } => (0, 1),
            Self::Packed { shape, .. } => (shape[0], shape[1].max(1)),
        };
        let step = (PART / width).max(1);
        (0..rows).step_by(step).filter_map(move |from| match self {
            Self::Plain { .. } => None,
            Self::Packed { packed, device, .. } => {
                let count = step.min(rows - from);
                let values = packed.range(from * width, count * width);
                Some((from, Tensor::from_data(TensorData::new(values, [count, width]), device)))
            }
        })
    }
}

fn sum(parts: impl Iterator<Item = Tensor<2>>) -> Tensor<2> {
    let mut all: Option<Tensor<2>> = None;
    for part in parts {
        all = Some(match all {
            Some(sum) => sum + part,
            None => part,
        });
    }
    all.unwrap_or_else(|| Tensor::empty([0, 0], &Device::flex()))
}

#[cfg(test)]
mod tests {
    use super::super::Packing;
    use super::*;
    use crate::tensor::{matrix, values};

    #[test]
    fn part_by_part_is_the_whole() {
        let device = crate::device::by_name("cpu").expect("cpu");
        let (n, width, vocabulary) = (3, 10, 37);
        let wave = |len: usize, by: f32| -> Vec<f32> { (0..len).map(|i| (i as f32 * by).sin()).collect() };
        let x = matrix(wave(n * width, 0.7), n, width, &device);
        let g = matrix(wave(n * vocabulary, 0.3), n, vocabulary, &device);
        for tied in [false, true] {
            let shape = if tied { [vocabulary, width] } else { [width, vocabulary] };
            let packed = Arc::new(Packed::new(Packing::Q8, &wave(width * vocabulary, 1.1)));
            let whole = matrix(packed.values(), shape[0], shape[1], &device);
            let matrix = if tied { whole.transpose() } else { whole };
            let plain = Matrix::Plain { matrix, writing: false };
            let parts = Matrix::Packed { packed, shape, tied, device: device.clone() };
            for (a, b) in [
                (plain.forward(x.clone()), parts.forward(x.clone())),
                (plain.backward(g.clone()), parts.backward(g.clone())),
            ] {
                let (a, b) = (values(a), values(b));
                assert!(a.len() == b.len() && a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-5), "tied {tied}");
            }
        }
    }
}
