//! Guards what a template assigns. A namespace that comes to hold itself, or lists nested in a loop, would be printed
//! and compared by recursion without an end, and overflow the stack. So every `{% set NAME = VALUE %}` is read as
//! `{% set NAME = (VALUE)|FILTER %}`, with a filter that lets the value pass or refuses it.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

/// Passes a value that a name gets.
pub(super) const OF_NAME: &str = "unlearn_assigned";
/// Passes a value that a field of a namespace gets.
pub(super) const OF_FIELD: &str = "unlearn_stored";

/// Lists in lists down to this depth.
const DEEPEST: usize = 32;
/// Types, as the engine calls them, that hold their values and do not look them up elsewhere.
const PLAIN: [&str; 6] = ["::Vec<", "::Tuple", "BTreeMap<", "IndexMap<", "StaticKeyMap", "::Loop"];
/// Visited values for one step of the template's fuel.
const VALUES_PER_FUEL: usize = 16;

/// The template with its assignments guarded; lines stay where they are.
pub(super) fn guarded(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = start_of_tag(rest) {
        let (text, tag) = rest.split_at(start);
        out.push_str(text);
        let length = length_of_tag(tag);
        let (tag, after) = tag.split_at(length);
        match assignment(tag) {
            Some((before, value, end, filter)) => {
                out.push_str(&format!("{before} ({value})|{filter} {end}"));
            }
            None => out.push_str(tag),
        }
        rest = after;
    }
    out + rest
}

fn start_of_tag(source: &str) -> Option<usize> {
    source.as_bytes().windows(2).position(|pair| matches!(pair, b"{%" | b"{{" | b"{#"))
}

/// Bytes of the tag at the beginning of `source`; all of it when the tag has no end. A raw block counts as one tag.
fn length_of_tag(source: &str) -> usize {
    let end = match &source[..2] {
        "{#" => source[2..].find("#}").map(|at| at + 4),
        "{{" => Scan::of(&source[2..], b"}}").end.map(|at| at + 4),
        _ if is_word(source, "raw") => {
            let blocks = source.match_indices("{%").skip(1);
            blocks.map(|(at, _)| at).find(|&at| is_word(&source[at..], "endraw")).and_then(|at| {
                let length = Scan::of(&source[at + 2..], b"%}").end?;
                Some(at + length + 4)
            })
        }
        _ => Scan::of(&source[2..], b"%}").end.map(|at| at + 4),
    };
    end.unwrap_or(source.len())
}

/// Whether a block tag consists of one word.
fn is_word(tag: &str, word: &str) -> bool {
    let inside = tag[2..].strip_prefix(['-', '+']).unwrap_or(&tag[2..]);
    inside.trim_ascii_start().strip_prefix(word).is_some_and(|rest| {
        let rest = rest.trim_ascii_start();
        rest.strip_prefix(['-', '+']).unwrap_or(rest).starts_with("%}")
    })
}

/// What comes before the value of an assignment, the value, the tag's end, and the filter for the value.
fn assignment(tag: &str) -> Option<(&str, &str, &str, &'static str)> {
    let inside = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside);
    let names = inside.strip_prefix(['-', '+']).unwrap_or(inside).trim_ascii_start().strip_prefix("set")?;
    let scan = Scan::of(names, b"%}");
    let equals = scan.equals.filter(|_| names.starts_with(|c: char| c.is_ascii_whitespace() || c == '('))?;
    let (names, value) = (&names[..equals], &names[equals + 1..]);
    // A value that closes more brackets than it opened is an error, and must stay one.
    if value.trim_ascii().is_empty() || Scan::of(value, b"%}").closes_too_much {
        return None;
    }
    let filter = if names.contains('.') { OF_FIELD } else { OF_NAME };
    let at = value.as_ptr() as usize - tag.as_ptr() as usize;
    Some((&tag[..at], value, &tag[at + value.len()..], filter))
}

/// What stands outside of texts and brackets, as the engine's lexer sees it.
#[derive(Default)]
struct Scan {
    /// The first of the wanted end.
    end: Option<usize>,
    /// The first `=` that assigns.
    equals: Option<usize>,
    closes_too_much: bool,
}

impl Scan {
    fn of(source: &str, end: &[u8; 2]) -> Self {
        let bytes = source.as_bytes();
        let (mut scan, mut depth, mut at) = (Self::default(), 0i64, 0);
        while let Some(&byte) = bytes.get(at) {
            if depth == 0 && bytes[at..].starts_with(end) {
                scan.end = Some(at);
                break;
            }
            match byte {
                b'"' | b'\'' => at += length_of_text(&bytes[at + 1..], byte),
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                b'=' | b'!' | b'<' | b'>' if bytes.get(at + 1) == Some(&b'=') => at += 1,
                b'=' if depth == 0 && scan.equals.is_none() => scan.equals = Some(at),
                _ => (),
            }
            scan.closes_too_much |= depth < 0;
            at += 1;
        }
        scan.closes_too_much |= depth != 0;
        scan
    }
}

/// Bytes up to the quotation mark that ends a text, with it.
fn length_of_text(bytes: &[u8], quote: u8) -> usize {
    let mut escaped = false;
    let ends = |&byte: &u8| {
        let is_end = !escaped && byte == quote;
        escaped = !escaped && byte == b'\\';
        is_end
    };
    bytes.iter().position(ends).map_or(bytes.len(), |at| at + 1)
}

/// [`OF_NAME`]: a namespace may get a name, and everything that a namespace may hold.
pub(super) fn assigned(state: &State, value: Value) -> Result<Value, Error> {
    if is_namespace(&value) { Ok(value) } else { stored(state, value) }
}

/// [`OF_FIELD`]: texts, numbers, and lists and maps of them.
pub(super) fn stored(state: &State, value: Value) -> Result<Value, Error> {
    Visit { state, values: 0 }.visit(value, 0)
}

struct Visit<'a, 'b, 'c> {
    state: &'a State<'b, 'c>,
    values: usize,
}

impl Visit<'_, '_, '_> {
    /// The value, with sequences that are computed anew whenever they are looked at made into lists.
    fn visit(&mut self, value: Value, depth: usize) -> Result<Value, Error> {
        let Some(object) = value.as_object() else { return Ok(value) };
        let refused = |reason: &str| Err(Error::new(ErrorKind::InvalidOperation, format!("a value that {reason}")));
        if is_namespace(&value) {
            return refused("holds a namespace cannot be assigned");
        }
        if depth == DEEPEST {
            return refused("is nested too deep cannot be assigned");
        }
        let is_plain = PLAIN.iter().any(|name| object.type_name().contains(name));
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                let items = self.each(value.try_iter()?, depth)?;
                Ok(if is_plain { value } else { Value::from(items) })
            }
            ValueKind::Map if is_plain => {
                let items = value.try_iter()?.map(|key| value.get_item(&key)).collect::<Result<Vec<_>, _>>()?;
                self.each(items.into_iter(), depth)?;
                Ok(value)
            }
            ValueKind::Map => refused("is computed from other maps cannot be assigned"),
            _ => Ok(value),
        }
    }

    fn each(&mut self, values: impl Iterator<Item = Value>, depth: usize) -> Result<Vec<Value>, Error> {
        let visit = |value| {
            self.values += 1;
            if self.values.is_multiple_of(VALUES_PER_FUEL) {
                self.state.consume_fuel(1)?;
            }
            self.visit(value, depth + 1)
        };
        values.map(visit).collect()
    }
}

/// The engine does not show its type.
fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("Namespace"))
}
