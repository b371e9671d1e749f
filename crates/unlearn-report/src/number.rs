//! Numbers as people read them.

/// What is shown where there is no number.
pub const MISSING: &str = "–";

/// A score: three decimals from 0 to 10, fewer above; a power of ten where three decimals would hide it.
pub fn score(x: f64) -> String {
    let size = x.abs();
    match () {
        () if !x.is_finite() => "not finite".into(),
        () if size != 0.0 && size < 0.0005 => scientific(x, 1),
        () if size < 10.0 => fixed(x, 3),
        () if size < 1000.0 => fixed(x, 1),
        () if size < 1e6 => minus(format!("{}{}", if x < 0.0 { "-" } else { "" }, count(size.round() as u64))),
        () => scientific(x, 2),
    }
}

/// A score in a sentence: two decimals, or one digit where two decimals would hide it.
pub fn short(x: f64) -> String {
    let size = x.abs();
    match () {
        () if !x.is_finite() => "not finite".into(),
        () if size == 0.0 || (0.01..10.0).contains(&size) => fixed(x, 2),
        () if (0.001..0.01).contains(&size) => fixed(x, 3),
        () if size < 0.001 => scientific(x, 0),
        () => score(x),
    }
}

/// A difference of scores, with its sign.
pub fn signed(x: f64) -> String {
    let text = score(x);
    if x > 0.0 && text != score(0.0) { format!("+{text}") } else { text }
}

/// The ends of an interval.
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", score(low), score(high))
}

/// A whole number with its thousands set apart.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span of time: `0.42 s`, `17.0 s`, `2 min 05 s`, `3 h 07 min`.
pub fn seconds(s: f64) -> String {
    if !s.is_finite() || s < 0.0 {
        return MISSING.into();
    }
    let whole = s.round() as u64;
    match () {
        () if s < 9.995 => format!("{s:.2} s"),
        () if whole < 60 => format!("{s:.1} s"),
        () if whole < 3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        () => format!("{} h {:02} min", count(whole / 3600), whole % 3600 / 60),
    }
}

/// An amount of memory in binary units.
pub fn bytes(n: u64) -> String {
    if n < 1024 {
        return format!("{n} bytes");
    }
    with_prefix(n as f64, 1024.0, &["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// A number of floating-point operations: `3.20 PFLOP`.
pub fn flops(x: f64) -> String {
    match () {
        () if !x.is_finite() || x < 0.0 => MISSING.into(),
        () if x >= 1e27 => format!("{} FLOP", scientific(x, 2)),
        () if x < 1000.0 => format!("{x:.0} FLOP"),
        () => with_prefix(x, 1000.0, &["kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP", "ZFLOP", "YFLOP"]),
    }
}

/// A speed in tokens.
pub fn rate(tokens: u64, seconds: f64) -> String {
    let rate = tokens as f64 / seconds;
    match () {
        () if !rate.is_finite() || rate < 0.0 => MISSING.into(),
        () if rate < 10.0 => format!("{rate:.1} tokens per second"),
        () => format!("{} tokens per second", count(rate.round() as u64)),
    }
}

/// `x` as a power of ten with `decimals` decimals before it: `3.1 × 10⁻⁷`.
pub fn scientific(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    minus(format!("{digits} × 10{}", superscript(exponent)))
}

/// `x` with a fixed number of decimals, never a negative zero.
pub fn fixed(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$}");
    let is_zero = !text.contains(|c: char| ('1'..='9').contains(&c));
    if is_zero { text.trim_start_matches('-').to_owned() } else { minus(text) }
}

fn minus(text: String) -> String {
    text.replace('-', "−")
}

fn superscript(exponent: &str) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    exponent.chars().map(|c| c.to_digit(10).map_or('⁻', |d| digits[d as usize])).collect()
}

fn with_prefix(x: f64, base: f64, units: &[&str]) -> String {
    let mut value = x / base;
    let mut unit = 0;
    while value >= base - 0.5 && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores() {
        let cases = [
            (0.93, "0.930"),
            (0.0, "0.000"),
            (-0.0, "0.000"),
            (1.0, "1.000"),
            (0.0123, "0.012"),
            (3.1e-7, "3.1 × 10⁻⁷"),
        ];
        for (x, text) in cases {
            assert_eq!(score(x), text);
        }
        let cases = [
            (-54.32, "−54.3"),
            (12345.6, "12,346"),
            (-12345.6, "−12,346"),
            (1.5e9, "1.50 × 10⁹"),
            (f64::NAN, "not finite"),
        ];
        for (x, text) in cases {
            assert_eq!(score(x), text);
        }
    }

    #[test]
    fn differences() {
        let cases = [(0.02, "+0.020"), (-0.02, "−0.020"), (0.0, "0.000"), (f64::NAN, "not finite")];
        for (x, text) in cases {
            assert_eq!(signed(x), text);
        }
    }

    #[test]
    fn scores_in_a_sentence() {
        let cases = [
            (0.9341, "0.93"),
            (0.0412, "0.04"),
            (0.0042, "0.004"),
            (0.0, "0.00"),
            (0.00002, "2 × 10⁻⁵"),
            (54.32, "54.3"),
        ];
        for (x, text) in cases {
            assert_eq!(short(x), text);
        }
    }

    #[test]
    fn times() {
        let cases = [
            (0.423, "0.42 s"),
            (17.0, "17.0 s"),
            (59.7, "1 min 00 s"),
            (125.0, "2 min 05 s"),
            (11220.0, "3 h 07 min"),
            (f64::NAN, "–"),
        ];
        for (x, text) in cases {
            assert_eq!(seconds(x), text);
        }
    }

    #[test]
    fn amounts() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123_456), "123,456");
        assert_eq!(bytes(12), "12 bytes");
        assert_eq!(bytes(1536), "1.50 KiB");
        assert_eq!(bytes(1_073_741_824), "1.00 GiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!(flops(3.2e15), "3.20 PFLOP");
        assert_eq!(flops(999_999.0), "1.00 MFLOP");
        assert_eq!(flops(5.0), "5 FLOP");
        assert_eq!(flops(1e40), "1.00 × 10⁴⁰ FLOP");
        assert_eq!(rate(1000, 0.0), MISSING);
        assert_eq!(rate(120_000, 60.0), "2,000 tokens per second");
    }
}
