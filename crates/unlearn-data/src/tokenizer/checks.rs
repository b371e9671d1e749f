//! What a `tokenizer.json` may ask for. It comes from outside; the library trusts it.

use serde::Deserialize;
use serde_json::Value;

/// A text may become so many times longer on its way through a tokenizer. Known tokenizers stay below 20.
const MOST_GROWTH: f64 = 256.0;
/// Length of the charsmap's first field in Base64, which gives the length of the next.
const CHARSMAP_HEAD: usize = 6;

/// The parts that change texts. The vocabulary is left to the library: it is as large as the file.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
}

/// Refuses what would panic, or fill the memory with a text of a few words.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn check(json: &[u8]) -> Result<(), String> {
    let parts: Parts = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let ways = [
        ("normalizer", growth(&parts.normalizer)? * growth(&parts.pre_tokenizer)?),
        ("post_processor", growth(&parts.post_processor)?),
        ("decoder", growth(&parts.decoder)?),
    ];
    match ways.into_iter().find(|(_, factor)| *factor > MOST_GROWTH) {
        Some((part, factor)) => Err(format!("its `{part}` makes texts {factor:.0} times longer")),
        None => Ok(()),
    }
}

/// How many times longer a part makes a text at most. Its fields tell what it is, whatever its `type` says: the library
/// goes by them where it does not know the type.
fn growth(part: &Value) -> Result<f64, String> {
    if part.is_null() {
        return Ok(1.0);
    }
    let mut factor = growth_of_type(part["type"].as_str().ok_or("one of its parts has no `type`")?);
    for name in ["normalizers", "pretokenizers", "processors", "decoders"] {
        for inner in part[name].as_array().into_iter().flatten() {
            factor *= growth(inner)?;
        }
    }
    if let Some(content) = part["content"].as_str() {
        factor *= match part["pattern"]["String"].as_str().map_or(0, str::len) {
            // An expression can match between any two characters.
            0 => 1.0 + content.len() as f64,
            pattern => (content.len() as f64 / pattern as f64).max(1.0),
        };
    }
    if let Some(pieces) = part["single"].as_array() {
        factor *= (pieces.iter().filter(|piece| piece.get("Sequence").is_some()).count() as f64).max(1.0);
    }
    if let Some(charsmap) = part.get("precompiled_charsmap") {
        check_charsmap(charsmap.as_str().unwrap_or_default())?;
    }
    if part["length"].as_u64() == Some(0) {
        return Err("it cuts texts into pieces of nothing".to_owned());
    }
    Ok(factor)
}

/// The most that Unicode's normal forms, lower case, spaces around ideographs and letters for bytes come to.
fn growth_of_type(name: &str) -> f64 {
    match name {
        "NFC" | "NFD" | "Lowercase" => 3.0,
        "NFKC" | "NFKD" => 11.0,
        "BertNormalizer" => 9.0,
        "ByteLevel" => 2.0,
        "Metaspace" => 4.0,
        _ => 1.0,
    }
}

/// The charsmap begins with the length of a table, for which the library reserves memory before it looks.
fn check_charsmap(base64: &str) -> Result<(), String> {
    let digits = base64.bytes().take(CHARSMAP_HEAD).map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let digits = digits.collect::<Option<Vec<u8>>>().filter(|digits| digits.len() == CHARSMAP_HEAD);
    let digits = digits.ok_or("its `precompiled_charsmap` is too short, or no Base64")?;
    let head = digits.iter().fold(0u64, |bits, digit| bits << 6 | u64::from(*digit)) << 12;
    let [_, _, a, b, c, d, ..] = head.to_be_bytes();
    let (table, there) = (u32::from_le_bytes([a, b, c, d]) as usize, base64.len() / 4 * 3);
    if table == 0 || table > there {
        return Err(format!("its `precompiled_charsmap` claims a table of {table} bytes, and has {there}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(normalizer: Value) -> Result<(), String> {
        check(json!({"normalizer": normalizer, "model": {"vocab": {}}}).to_string().as_bytes())
    }

    #[test]
    fn what_known_tokenizers_do_passes() {
        let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        let prepend = json!({"type": "Prepend", "prepend": "▁"});
        of(Value::Null).expect("nothing");
        of(json!({"type": "Sequence", "normalizers": [prepend, replace]})).expect("Llama 2");
        let clip = json!({"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "});
        of(json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, clip, {"type": "Lowercase"}]})).expect("CLIP");
        of(json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAAA"})).expect("a table of four bytes");
    }

    #[test]
    fn growth_and_false_lengths_are_refused() {
        let doubling = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
        let error = of(json!({"type": "Sequence", "normalizers": vec![doubling; 40]})).expect_err("2⁴⁰");
        assert!(error.contains("1099511627776 times longer"), "{error}");
        let error = of(json!({"type": "Precompiled", "precompiled_charsmap": "//////////8="})).expect_err("4 GiB");
        assert!(error.contains("4294967295 bytes"), "{error}");
        assert!(of(json!({"type": "Precompiled", "precompiled_charsmap": "AA"})).is_err());
        assert!(of(json!({"pattern": {"String": "a"}})).is_err(), "no type");
    }
}
