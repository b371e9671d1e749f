//! How alike two representations of the same items are: centred kernel alignment (CKA) with linear kernels.
//!
//! A representation is a row-major slice of `items` rows; the two may differ in width. CKA is unchanged where either is
//! rotated, mirrored, scaled by one factor or shifted, and blind to nothing else.

/// The sums over pairs of items that CKA needs, of the Gram matrices K = XXᵀ and L = YYᵀ.
#[derive(Default)]
struct Products {
    /// Σ K∘K, Σ K∘L and Σ L∘L.
    products: [f64; 3],
    row_sums: [Vec<f64>; 2],
}

/// Linear CKA, ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) in Frobenius norms with columns centred, in [0, 1].
///
/// `x` is `[items, width]`, `y` `[items, another width]`. 1 where one is the other up to rotation, scale and shift.
/// With fewer items than columns it is near 1 for anything: then [`debiased_linear_cka`] is to be preferred. Time
/// grows with items² · (both widths), memory with the size of the input.
///
/// `None` for fewer than two items, where a length is not a multiple of `items`, where all rows of one are equal, and
/// where a value is not finite.
///
/// # Source
/// Kornblith et al., "Similarity of neural network representations revisited", arXiv 1905.00414.
///
/// # Examples
/// ```
/// use unlearn_stats::similarity::linear_cka;
/// let cka = linear_cka(&[0.0, 1.0, 4.0], &[0.0, 0.0, -2.0, 0.0, -8.0, 0.0], 3).unwrap();
/// assert!((cka - 1.0).abs() < 1e-12);
/// ```
pub fn linear_cka<T: Copy + Into<f64>>(x: &[T], y: &[T], items: usize) -> Option<f64> {
    if items < 2 {
        return None;
    }
    let [xx, xy, yy] = pairwise(x, y, items, true)?.products;
    alignment(xy, xx, yy).map(|cka| cka.clamp(0.0, 1.0))
}

/// Linear CKA from the unbiased estimate of HSIC: near 0, and as often below as above it, for unrelated
/// representations of any width. At most 1.
///
/// HSIC₁ = (Σ K̃∘L̃ + 1ᵀK̃1 · 1ᵀL̃1 / ((n-1)(n-2)) - 2/(n-2) · 1ᵀK̃L̃1) / (n(n-3)), where K̃ and L̃ are the Gram
/// matrices with zeros on the diagonal; CKA is HSIC₁(x, y) / √(HSIC₁(x, x) HSIC₁(y, y)).
///
/// `None` for fewer than four items, and otherwise as [`linear_cka`].
///
/// # Source
/// Song et al., "Feature selection via dependence maximization" (2012), eq. 5; Nguyen et al., arXiv 2010.15327.
pub fn debiased_linear_cka<T: Copy + Into<f64>>(x: &[T], y: &[T], items: usize) -> Option<f64> {
    if items < 4 {
        return None;
    }
    let Products { products, row_sums: [x_sums, y_sums] } = pairwise(x, y, items, false)?;
    let count = items as f64;
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    // The factor 1 / (n (n - 3)) is in numerator and denominator.
    let hsic = |product: f64, a: &[f64], b: &[f64]| {
        let mixed: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        product + sum(a) * sum(b) / ((count - 1.0) * (count - 2.0)) - 2.0 / (count - 2.0) * mixed
    };
    let [xx, xy, yy] = products;
    alignment(hsic(xy, &x_sums, &y_sums), hsic(xx, &x_sums, &x_sums), hsic(yy, &y_sums, &y_sums))
        .map(|cka| cka.clamp(-1.0, 1.0))
}

fn alignment(cross: f64, first: f64, second: f64) -> Option<f64> {
    let alignment = cross / (first.sqrt() * second.sqrt());
    (first > 0.0 && second > 0.0 && alignment.is_finite()).then_some(alignment)
}

fn pairwise<T: Copy + Into<f64>>(x: &[T], y: &[T], items: usize, diagonal: bool) -> Option<Products> {
    let (x, y) = (centred(x, items)?, centred(y, items)?);
    let row = |values: &[f64], index: usize| {
        let width = values.len() / items;
        index * width..(index + 1) * width
    };
    let mut sums = Products { row_sums: [vec![0.0; items], vec![0.0; items]], ..Products::default() };
    for first in 0..items {
        let (x_first, y_first) = (&x[row(&x, first)], &y[row(&y, first)]);
        for second in if diagonal { first } else { first + 1 }..items {
            let (k, l) = (dot(x_first, &x[row(&x, second)]), dot(y_first, &y[row(&y, second)]));
            let times = if first == second { 1.0 } else { 2.0 };
            for (sum, product) in sums.products.iter_mut().zip([k * k, k * l, l * l]) {
                *sum += times * product;
            }
            for (row_sums, value) in sums.row_sums.iter_mut().zip([k, l]) {
                row_sums[first] += value;
                row_sums[second] += value;
            }
        }
    }
    Some(sums)
}

/// The values less their columns' means. Centring before the products, not after, keeps the digits of columns whose
/// mean is far from 0.
fn centred<T: Copy + Into<f64>>(values: &[T], items: usize) -> Option<Vec<f64>> {
    let width = values.len() / items;
    let mut centred: Vec<f64> = values.iter().map(|value| (*value).into()).collect();
    if width == 0 || width * items != values.len() || centred.iter().any(|value| !value.is_finite()) {
        return None;
    }
    for column in 0..width {
        // The first row is taken off first: equal rows must come out as exactly 0.
        let origin = centred[column];
        let mean = (0..items).map(|item| centred[item * width + column] - origin).sum::<f64>() / items as f64;
        for item in 0..items {
            let value = &mut centred[item * width + column];
            *value = (*value - origin) - mean;
        }
    }
    Some(centred)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
