//! Student's t distribution, and the interval of a mean of few values that it gives.

/// The mean of some values, how far they scatter, and where the mean of many would lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation, divided by n - 1.
    pub deviation: f64,
    /// The interval of the mean at the level asked for: mean ± t · deviation / √n.
    pub interval: [f64; 2],
}

impl Spread {
    /// Of values that are normal and independent, such as a score of models trained from several seeds.
    ///
    /// `None` for fewer than two values, where one is not finite, and for a level outside (0, 1).
    ///
    /// # Examples
    /// ```
    /// use unlearn_stats::student::Spread;
    /// let spread = Spread::of(&[1.0, 3.0], 0.95).unwrap();
    /// assert_eq!((spread.mean, spread.deviation), (2.0, 2.0_f64.sqrt()));
    /// assert!((spread.interval[1] - (2.0 + 12.706204736174694)).abs() < 1e-9);
    /// ```
    pub fn of(values: &[f64], level: f64) -> Option<Self> {
        let n = values.len() as f64;
        if values.len() < 2 || !(level > 0.0 && level < 1.0) {
            return None;
        }
        let mean = crate::normal::mean(values)?;
        let deviation = (crate::normal::squared_deviations(values)? / (n - 1.0)).sqrt();
        let half = quantile(0.5 + level / 2.0, n - 1.0)? * deviation / n.sqrt();
        deviation.is_finite().then_some(Self { mean, deviation, interval: [mean - half, mean + half] })
    }
}

/// The chance of a difference of means, mean(`a`) - mean(`b`), as large as that of these values or larger, where all are
/// independent and normal with one mean and one variance (Student, 1908).
///
/// `None` where a side has no value, both together fewer than three, one is not finite, or none differs from its side's
/// mean.
///
/// # Examples
/// ```
/// use unlearn_stats::student::chance_of_difference;
/// let p = chance_of_difference(&[3.0, 4.0], &[1.0, 2.0]).unwrap();
/// assert!((p - 0.05278640450004207).abs() < 1e-12);
/// ```
pub fn chance_of_difference(a: &[f64], b: &[f64]) -> Option<f64> {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let difference = crate::normal::mean(a)? - crate::normal::mean(b)?;
    let squares = crate::normal::squared_deviations(a)? + crate::normal::squared_deviations(b)?;
    let freedom = n + m - 2.0;
    let error = (squares / freedom * (1.0 / n + 1.0 / m)).sqrt();
    tail(difference / error, freedom).filter(|_| error > 0.0)
}

/// The chance of a mean as large as that of these values or larger, where they are independent and normal with mean 0.
///
/// `None` for fewer than two values, where one is not finite, and where all are the same.
pub fn chance_of_mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let error = (crate::normal::squared_deviations(values)? / (n - 1.0) / n).sqrt();
    tail(crate::normal::mean(values)? / error, n - 1.0).filter(|_| error > 0.0)
}

/// P(T ≥ `t`).
fn tail(t: f64, freedom: f64) -> Option<f64> {
    cdf(-t, freedom)
}

/// P(T ≤ `t`) for T with `freedom` degrees of freedom; `None` where these are not above 0 or `t` is not a number.
pub fn cdf(t: f64, freedom: f64) -> Option<f64> {
    if t.is_nan() || !(freedom > 0.0 && freedom.is_finite()) {
        return None;
    }
    let of = |part: f64| part / (freedom + t * t);
    let tail = 0.5 * incomplete_beta([of(freedom), of(t * t)], freedom / 2.0, 0.5);
    Some(if t > 0.0 { 1.0 - tail } else { tail })
}

/// The t below which a share `p` of the distribution lies; `None` for `p` outside (0, 1), and as [`cdf`].
pub fn quantile(p: f64, freedom: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    // The tail is computed without cancellation, so that the lower half is searched.
    let (share, sign) = if p > 0.5 { (1.0 - p, 1.0) } else { (p, -1.0) };
    let (mut near, mut far) = (0.0, 1.0);
    while cdf(-far, freedom)? > share {
        far *= 2.0;
        if far > 1e150 {
            return None;
        }
    }
    while near < far {
        let middle = near + (far - near) / 2.0;
        if middle <= near || middle >= far {
            break;
        }
        if cdf(-middle, freedom)? > share { near = middle } else { far = middle }
    }
    Some(if near == 0.0 && share == 0.5 { 0.0 } else { sign * far })
}

/// The regularised incomplete beta function I_x(a, b), by the continued fraction on the side where it converges fast.
/// `y` is 1 - x: where one of them is small, it is not to be had from the other.
fn incomplete_beta([x, y]: [f64; 2], a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta([y, x], b, a);
    }
    let ln_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let ln = |part: f64, rest: f64| if rest < 0.5 { (-rest).ln_1p() } else { part.ln() };
    let front = (a * ln(x, y) + b * ln(y, x) - ln_beta).exp() / a;
    front / fraction(x, a, b)
}

/// 1 + d₁ / (1 + d₂ / (1 + …)), from its end, far enough that more changes nothing.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const DEPTH: u32 = 300;
    let part = |n: u32| {
        let m = f64::from(n / 2);
        if n.is_multiple_of(2) {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    };
    (1..=DEPTH).rev().fold(1.0, |rest, n| 1.0 + part(n) / rest)
}
