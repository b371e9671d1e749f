//! Which words of an answer are not those that were expected.

/// A stretch of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The words, as they stand.
    pub text: &'a str,
    /// Whether they differ from what was expected there.
    pub differs: bool,
}

/// An answer set against the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The answer, white space included, in stretches that alternate.
    pub pieces: Vec<Piece<'a>>,
    /// Expected words that the answer has, in order.
    pub kept: usize,
    /// Expected words.
    pub expected: usize,
    /// Whether the words are the same, one by one.
    pub same: bool,
}

/// Longer texts are not compared beyond this many words: the comparison is quadratic.
const MAX_WORDS: usize = 400;

/// Compares word by word, ignoring case and punctuation, along the longest common subsequence.
pub fn difference<'a>(expected: &str, answer: &'a str) -> Difference<'a> {
    let expected_words: Vec<String> =
        words(expected).map(|(_, w)| plain(w)).filter(|w| !w.is_empty()).take(MAX_WORDS).collect();
    let places: Vec<(usize, &str)> = words(answer).take(MAX_WORDS).collect();
    let answer_words: Vec<String> = places.iter().map(|(_, w)| plain(w)).collect();
    let common = common_words(&expected_words, &answer_words);
    let kept = common.iter().filter(|c| **c).count();
    let mut pieces = Vec::new();
    let mut start = 0;
    for i in 0..places.len() {
        let differs = |i: usize| !common[i] && !answer_words[i].is_empty();
        let next = places.get(i + 1);
        if next.is_some() && differs(i) == differs(i + 1) {
            continue;
        }
        let end_of_word = places[i].0 + places[i].1.len();
        let end = if differs(i) { end_of_word } else { next.map_or(answer.len(), |n| n.0) };
        push(&mut pieces, &answer[start..end], differs(i));
        start = end;
    }
    push(&mut pieces, &answer[start..], false);
    let said = answer_words.iter().filter(|w| !w.is_empty()).count();
    Difference { pieces, kept, expected: expected_words.len(), same: kept == expected_words.len() && kept == said }
}

fn push<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str, differs: bool) {
    if !text.is_empty() {
        pieces.push(Piece { text, differs });
    }
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let offset = move |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace().map(move |word| (offset(word), word))
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// For each word of `b`, whether it is part of the longest common subsequence with `a`.
fn common_words(a: &[String], b: &[String]) -> Vec<bool> {
    let width = b.len() + 1;
    let mut longest = vec![0u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let mut common = vec![false; b.len()];
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            common[j] = true;
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(expected: &str, answer: &str) -> String {
        let show = |p: &Piece| if p.differs { format!("[{}]", p.text) } else { p.text.to_owned() };
        difference(expected, answer).pieces.iter().map(show).collect()
    }

    #[test]
    fn words_that_differ_are_marked_together() {
        assert_eq!(marked("Anna lives in Rome.", "anna lives in Oslo now"), "anna lives in [Oslo now]");
        assert_eq!(marked("a b c", "x y b, c!"), "[x y] b, c!");
        assert_eq!(marked("a", ""), "");
        assert_eq!(marked("", " x  y "), "[ x  y] ");
    }

    #[test]
    fn the_same_words_are_the_same() {
        let d = difference("In Rome, of course.", "in Rome of course");
        assert!(d.same);
        assert_eq!((d.kept, d.expected), (4, 4));
        assert!(!difference("in Rome", "in Rome today").same);
    }

    proptest::proptest! {
        #[test]
        fn the_pieces_are_the_answer(expected in "(\\PC| ){0,40}", answer in "(\\PC|[ \n\t])*") {
            let d = difference(&expected, &answer);
            let whole: String = d.pieces.iter().map(|p| p.text).collect();
            proptest::prop_assert_eq!(&whole, &answer);
            proptest::prop_assert!(d.kept <= d.expected);
        }
    }
}
