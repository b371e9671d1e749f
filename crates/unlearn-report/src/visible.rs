//! Text that a model wrote, made safe to show: it may hold control characters and terminal commands.

/// `text` with every control character replaced by its picture (`␛`), and everything that reorders the
/// line's direction by `�`. Line breaks and tabs stay.
pub fn visible(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(picture).collect()
}

/// As [`visible`], on one line: every run of white space is one blank.
pub fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first `limit` characters of `text`, and how many are left off.
pub fn cut(text: &str, limit: usize) -> (&str, usize) {
    match text.char_indices().nth(limit) {
        Some((at, _)) => (&text[..at], text[at..].chars().count()),
        None => (text, 0),
    }
}

/// As [`one_line`], at most `limit` characters; an ellipsis says that there was more.
pub fn one_line_cut(text: &str, limit: usize) -> String {
    let line = one_line(text);
    match cut(&line, limit) {
        (_, 0) => line,
        (head, _) => format!("{}…", head.trim_end()),
    }
}

/// `text` with numbers and what belongs to them kept on one line: `92 %`, `p = 0.34`.
pub fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%").replace("p = ", "p\u{a0}=\u{a0}").replace("p < ", "p\u{a0}<\u{a0}")
}

fn picture(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_seen_and_do_nothing() {
        assert_eq!(visible("a\u{1b}[31m\0\u{7f}\u{9b}\u{202e}b\tc\r\nd\re"), "a␛[31m␀␡��b\tc\nd␍e");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 2), ("äö", 1));
        assert_eq!(cut("äöü", 3), ("äöü", 0));
        assert_eq!(one_line_cut(" a\n b  c", 4), "a b…");
    }
}
