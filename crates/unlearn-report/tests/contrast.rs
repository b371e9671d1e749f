//! The colours of the page: text has a contrast of at least 4.5 to 1, what is drawn of at least 3 to 1.

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../src/page/style.css");

/// The `--name: #rrggbb` of a scheme, which begins where `after` ends.
fn colours(after: &str) -> BTreeMap<&'static str, [f64; 3]> {
    let (_, scheme) = STYLE.split_once(after).expect("the scheme");
    let (block, _) = scheme.split_once('}').expect("its end");
    let pairs = block.split(';').filter_map(|part| part.trim().strip_prefix("--")?.split_once(": #"));
    pairs.map(|(name, hex)| (name, channels(hex))).collect()
}

fn channels(hex: &str) -> [f64; 3] {
    let digits = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
    [0, 2, 4].map(|i| f64::from(u8::from_str_radix(&digits[i..i + 2], 16).expect("a colour")) / 255.0)
}

/// The relative luminance and contrast of WCAG 2.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let luminance = |c: [f64; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_scheme_can_be_read() {
    for scheme in ["color-scheme: light;", "color-scheme: dark;"] {
        let colours = colours(scheme);
        let assert_contrast = |front: &str, back: &str, least: f64| {
            let found = contrast(colours[front], colours[back]);
            assert!(found >= least, "{scheme} {front} on {back}: {found:.2}");
        };
        for back in ["page", "card", "soft"] {
            ["text", "muted", "link", "good", "bad", "open"].iter().for_each(|front| assert_contrast(front, back, 4.5));
        }
        ["mark", "notice"].iter().for_each(|back| assert_contrast("text", back, 4.5));
        ["c0", "c1", "c2", "c3", "c4", "c5", "mark-line"].iter().for_each(|front| assert_contrast(front, "card", 3.0));
    }
}
