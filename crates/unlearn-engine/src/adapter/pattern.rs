//! Choosing parameters by name.

/// Whether a pattern chooses a name: with `*` (any characters) it must fit the whole name, without it must be some
/// of the name's dotted parts in a row (`q_proj`, `mlp.down_proj`, `layers.3.mlp`).
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') {
        return fits(pattern.as_bytes(), name.as_bytes());
    }
    let (wanted, parts): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), name.split('.').collect());
    !pattern.is_empty() && parts.windows(wanted.len()).any(|run| run == wanted)
}

/// Whether `text` fits `pattern`, in time that grows with their product at most.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_stars() {
        let name = "model.layers.13.mlp.down_proj.weight";
        for yes in ["down_proj", "mlp", "mlp.down_proj", "layers.13", "model.layers.*.mlp.*", "*.weight", "*", name] {
            assert!(matches(yes, name), "{yes}");
        }
        for no in ["", "down", "layers.1", "proj", "mlp.*", "*.bias", "layers.*.mlp"] {
            assert!(!matches(no, name), "{no}");
        }
    }
}
