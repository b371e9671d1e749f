//! Compressed lengths must be those of Python's `zlib.compress`, byte for byte, for texts of every kind and size.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use unlearn_stats::zlib::compressed_len;

const LICENCE: &[u8] = include_bytes!("../../../LICENSE-APACHE");

/// The same draws as in `testdata/gen/statistics.py`.
struct Draws {
    state: u64,
}

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % bound
    }

    fn letters(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| b'a' + self.below(26) as u8).collect()
    }
}

fn text(kind: &str, seed: u64, length: usize) -> Vec<u8> {
    let mut draws = Draws { state: seed };
    let mut out = Vec::new();
    match kind {
        "bytes" => {
            let alphabet = 1 + draws.below(256);
            out.extend((0..length).map(|_| draws.below(alphabet) as u8));
        }
        "words" => {
            let count = 5 + draws.below(500);
            let words: Vec<Vec<u8>> = (0..count)
                .map(|_| {
                    let length = 1 + draws.below(9);
                    draws.letters(length)
                })
                .collect();
            while out.len() < length {
                let most = 1 + draws.below(words.len());
                out.extend_from_slice(&words[draws.below(most)]);
                out.push(b' ');
            }
        }
        "skewed" => {
            let mut weights = vec![1, 1];
            while weights.len() < 20 {
                weights.push(weights[weights.len() - 1] + weights[weights.len() - 2]);
            }
            while out.len() < length {
                let (mut drawn, mut letter) = (draws.below(weights.iter().sum()), 0);
                while drawn >= weights[letter] {
                    drawn -= weights[letter];
                    letter += 1;
                }
                out.extend([letter as u8, draws.below(256) as u8]);
            }
        }
        "copies" => {
            while out.len() < length {
                if out.is_empty() || draws.below(4) == 0 {
                    let count = 1 + draws.below(60);
                    out.extend(draws.letters(count));
                } else {
                    let start = out.len() - 1 - draws.below(out.len().min(40_000));
                    let end = out.len().min(start + 3 + draws.below(400));
                    out.extend_from_within(start..end);
                }
            }
        }
        "licence" => {
            while out.len() < length {
                let start = draws.below(LICENCE.len());
                let end = LICENCE.len().min(start + 1 + draws.below(3000));
                out.extend_from_slice(&LICENCE[start..end]);
            }
        }
        other => panic!("no text of the kind `{other}`"),
    }
    out.truncate(length);
    out
}

#[test]
fn lengths_are_those_of_python() {
    let made = include_str!("../../../testdata/statistics/zlib.json");
    let cases: Vec<(String, u64, usize, usize)> = serde_json::from_str(made).unwrap();
    assert!(cases.len() > 300);
    for (kind, seed, length, compressed) in cases {
        assert_eq!(compressed_len(&text(&kind, seed, length)), compressed, "{kind} {seed} of {length} bytes");
    }
}

proptest! {
    /// At worst the text is stored, in blocks of at least 16383 bytes, each with five bytes around it at most.
    #[test]
    fn nothing_grows_much(text in vec(any::<u8>(), 0..40_000)) {
        prop_assert!(compressed_len(&text) <= text.len() + 5 * (text.len() / 16_383 + 1) + 6);
    }

    /// Random bytes alone are stored; with their repetition they come with a code, of up to 200 bytes.
    #[test]
    fn a_repetition_costs_little(text in vec(any::<u8>(), 40..2000)) {
        prop_assert!(compressed_len(&text.repeat(2)) < compressed_len(&text) + 200 + text.len() / 40);
    }
}
