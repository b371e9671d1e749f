//! Long text as rows that fit a context.

/// The longest window in bytes: about 500 tokens of English, within the context of every model.
pub(super) const LONGEST: usize = 2048;

/// A text cut into pieces of at most `longest` bytes, which joined give the text: after a line where that is near
/// enough, else after a word, else between characters.
pub(super) fn windows(text: &str, longest: usize) -> Vec<&str> {
    let (mut rest, mut all) = (text, Vec::new());
    while rest.len() > longest {
        let end = (1..=longest).rev().find(|&i| rest.is_char_boundary(i));
        // A character longer than a window stands alone.
        let end = end.unwrap_or_else(|| rest.chars().next().map_or(rest.len(), char::len_utf8));
        let piece = &rest[..end];
        let line = piece.rfind('\n').map(|i| i + 1).filter(|&i| i > end / 2);
        let cut = line.or_else(|| piece.rfind(' ').map(|i| i + 1).filter(|&i| i > end / 2)).unwrap_or(end);
        all.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    if !rest.is_empty() {
        all.push(rest);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::windows;

    #[test]
    fn a_text_is_cut_after_lines_and_words() {
        assert_eq!(windows("one two\nthree four\n", 12), ["one two\n", "three four\n"]);
        assert_eq!(windows("one two three four", 10), ["one two ", "three four"]);
        assert_eq!(windows("", 10), Vec::<&str>::new());
        assert_eq!(windows("äöü", 1), ["ä", "ö", "ü"]);
    }

    proptest! {
        #[test]
        fn windows_joined_are_the_text(text in "(\\PC|\n| ){0,200}", longest in 4usize..40) {
            let pieces = windows(&text, longest);
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|p| !p.is_empty() && p.len() <= longest));
        }
    }
}
