//! Leading singular vectors, and affine maps by least squares.

mod ridge;

use faer::{Mat, MatRef, Par, set_global_parallelism};
use unlearn_core::seed;

use crate::EngineError;
use crate::tensor::{Device, Tensor, matrix, values};

pub use ridge::{Affine, Moments};

/// The leading part of a singular value decomposition `M ≈ U diag(S) Vᵀ`, values falling.
#[derive(Debug, Clone)]
pub struct Svd {
    /// `[k, rows]`: each row a left singular vector.
    pub u: Vec<Vec<f32>>,
    /// `k` singular values.
    pub s: Vec<f64>,
    /// `[k, cols]`: each row a right singular vector.
    pub v: Vec<Vec<f32>>,
}

/// Directions beyond the wanted ones in which a large matrix is looked at, and how often it is applied to them.
const EXTRA: usize = 16;
const ROUNDS: usize = 4;

/// The `k` leading singular triples of a `[rows, cols]` matrix, row by row. Exact (to float64) for matrices with at most
/// `2k + 2·EXTRA` rows or columns; others are first projected on directions that they themselves pick out (Halko,
/// Martinsson and Tropp, 2011, algorithm 4.4).
///
/// # Errors
/// When the matrix holds what is no number.
pub fn svd(of: &[f32], [rows, cols]: [usize; 2], k: usize, seed: u64) -> Result<Svd, EngineError> {
    let k = k.min(rows).min(cols);
    let width = (k + EXTRA).min(rows).min(cols);
    if rows.min(cols) <= 2 * width {
        let whole = Mat::from_fn(rows, cols, |r, c| f64::from(of[r * cols + c]));
        return exact(whole.as_ref(), k);
    }
    let device = Device::flex();
    let m = matrix(of.to_vec(), rows, cols, &device);
    let draws = seed::normal(seed, "svd", cols * width).into_iter().map(|x| x as f32).collect();
    let mut basis = orthonormal(m.clone().matmul(matrix(draws, cols, width, &device)))?;
    for _ in 0..ROUNDS {
        let across = orthonormal(m.clone().transpose().matmul(basis))?;
        basis = orthonormal(m.clone().matmul(across))?;
    }
    let small = values(basis.clone().transpose().matmul(m));
    let inner = exact(Mat::from_fn(width, cols, |r, c| f64::from(small[r * cols + c])).as_ref(), k)?;
    let turned: Vec<f32> = inner.u.concat();
    let u = values(matrix(turned, k, width, &device).matmul(basis.transpose()));
    Ok(Svd { u: u.chunks(rows).map(<[f32]>::to_vec).collect(), ..inner })
}

fn exact(m: MatRef<'_, f64>, k: usize) -> Result<Svd, EngineError> {
    // One thread: the same digits whatever their number.
    set_global_parallelism(Par::Seq);
    let svd = m.thin_svd().map_err(|e| failed(&format!("{e:?}")))?;
    let row = |of: MatRef<'_, f64>, i: usize| (0..of.nrows()).map(|r| of[(r, i)] as f32).collect();
    let s: Vec<f64> = (0..k).map(|i| svd.S().column_vector()[i]).collect();
    if s.iter().any(|x| !x.is_finite()) {
        return Err(failed("a singular value is not finite"));
    }
    Ok(Svd { u: (0..k).map(|i| row(svd.U(), i)).collect(), s, v: (0..k).map(|i| row(svd.V(), i)).collect() })
}

/// An orthonormal basis of the columns of `[n, k]`.
fn orthonormal(columns: Tensor<2>) -> Result<Tensor<2>, EngineError> {
    let ([n, k], device) = (columns.dims(), columns.device());
    let all = values(columns);
    if all.iter().any(|x| !x.is_finite()) {
        return Err(failed("an entry is not finite"));
    }
    set_global_parallelism(Par::Seq);
    let q = Mat::from_fn(n, k, |r, c| f64::from(all[r * k + c])).qr().compute_thin_Q();
    let flat = (0..n).flat_map(|r| (0..k).map(move |c| (r, c))).map(|at| q[at] as f32).collect();
    Ok(matrix(flat, n, k, &device))
}

fn failed(why: &str) -> EngineError {
    EngineError::Tensor { message: format!("a singular value decomposition failed: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebuilt(svd: &Svd, [rows, cols]: [usize; 2]) -> Vec<f64> {
        let mut all = vec![0.0; rows * cols];
        for ((u, s), v) in svd.u.iter().zip(&svd.s).zip(&svd.v) {
            for (r, x) in u.iter().enumerate() {
                v.iter().enumerate().for_each(|(c, y)| all[r * cols + c] += f64::from(*x) * s * f64::from(*y));
            }
        }
        all
    }

    #[test]
    fn all_of_it_is_the_matrix_and_vectors_are_orthonormal() {
        let shape = [9, 14];
        let m: Vec<f32> = seed::normal(1, "m", 9 * 14).into_iter().map(|x| x as f32).collect();
        let svd = svd(&m, shape, 99, 0).expect("decomposes");
        assert_eq!(svd.s.len(), 9);
        for (a, b) in rebuilt(&svd, shape).iter().zip(&m) {
            assert!((a - f64::from(*b)).abs() < 1e-5, "{a} and {b}");
        }
        for (i, a) in svd.v.iter().enumerate() {
            for (j, b) in svd.v.iter().enumerate() {
                let product: f64 = a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_large_matrix_gives_the_same_leading_part() {
        // Singular values that fall fast: the projection must find the first ones to many digits.
        let (rows, cols, k) = (90, 110, 4);
        let mut m = vec![0f32; rows * cols];
        for i in 0..40 {
            let (u, v) = (seed::normal(i, "u", rows), seed::normal(i, "v", cols));
            let s = 0.6f64.powi(i as i32);
            for r in 0..rows {
                (0..cols).for_each(|c| m[r * cols + c] += (s * u[r] * v[c]) as f32);
            }
        }
        let ours = svd(&m, [rows, cols], k, 7).expect("decomposes");
        let theirs = svd(&m, [rows, cols], 99, 7).expect("decomposes");
        for i in 0..k {
            assert!((ours.s[i] / theirs.s[i] - 1.0).abs() < 1e-4, "{:?} and {:?}", ours.s, &theirs.s[..k]);
            let product: f64 = ours.v[i].iter().zip(&theirs.v[i]).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((product.abs() - 1.0).abs() < 1e-4);
        }
    }
}
