//! Which kinds of adapters an attacker trains, one after the other.

use serde::{Deserialize, Serialize};
use unlearn_core::recipe::AdapterKind;

/// One kind or several: `"none"`, `"lora"`, `["none", "lora"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub(super) struct Adapters(Vec<AdapterKind>);

impl Adapters {
    pub(super) fn kinds(&self) -> &[AdapterKind] {
        &self.0
    }
}

impl Default for Adapters {
    fn default() -> Self {
        Self(vec![AdapterKind::None])
    }
}

const NAMES: [(&str, AdapterKind); 2] = [("none", AdapterKind::None), ("lora", AdapterKind::Lora)];

impl TryFrom<toml::Value> for Adapters {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let kind = |value: &toml::Value| NAMES.iter().find(|(name, _)| value.as_str() == Some(name)).map(|(_, k)| *k);
        let kinds: Option<Vec<AdapterKind>> = match &value {
            toml::Value::Array(several) => several.iter().map(kind).collect(),
            one => kind(one).map(|kind| vec![kind]),
        };
        let once = |kinds: &Vec<AdapterKind>| (1..kinds.len()).all(|i| !kinds[..i].contains(&kinds[i]));
        let kinds = kinds.filter(|kinds| !kinds.is_empty() && once(kinds));
        kinds.map(Self).ok_or_else(|| format!("`adapter` is \"none\", \"lora\" or a list of them, not {value}"))
    }
}

impl From<Adapters> for toml::Value {
    fn from(Adapters(kinds): Adapters) -> Self {
        let name = |kind: &AdapterKind| NAMES.iter().find(|(_, k)| k == kind).map_or("none", |(name, _)| name);
        match kinds.as_slice() {
            [one] => name(one).into(),
            several => several.iter().map(name).collect::<Vec<_>>().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_several_go_round_and_others_are_refused() {
        let of = |text: &str| text.parse::<toml::Table>().expect("TOML").remove("a").expect("a value");
        for text in ["a = 'none'", "a = 'lora'", "a = ['none', 'lora']", "a = ['lora', 'none']"] {
            let adapters = Adapters::try_from(of(text)).expect(text);
            assert_eq!(toml::Value::from(adapters), of(text));
        }
        assert_eq!(Adapters::try_from(of("a = ['lora']")), Adapters::try_from(of("a = 'lora'")));
        for text in ["a = 'dora'", "a = []", "a = ['lora', 'lora']", "a = ['none', 1]", "a = 3"] {
            let error = Adapters::try_from(of(text)).expect_err(text);
            assert!(error.contains("`adapter` is"), "{error}");
        }
    }
}
