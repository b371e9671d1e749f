//! What holds of every search's settings.

use serde::Serialize;
use serde::de::DeserializeOwned;
use unlearn_eval::attacks::prompt_search::{AutoPrompt, Gcg, RandomSearch, SoftPrompt};

const HEADINGS: [&str; 6] =
    ["# Idea", "# Objective", "# Paper", "# Reference implementation", "# Defaults", "# Deviations"];

fn holds<T: Serialize + DeserializeOwned + Default + PartialEq + std::fmt::Debug>(name: &str, page: &str) {
    let mut from = 0;
    for heading in HEADINGS {
        let at = page[from..].find(heading);
        from += at.unwrap_or_else(|| panic!("{name}: `{heading}` is missing or out of order"));
    }
    let defaults = serde_json::to_value(T::default()).expect("JSON");
    for (field, _) in defaults.as_object().expect("an object") {
        assert!(page.contains(&format!("`{field}")), "{name}: the page says nothing of `{field}`");
    }
    assert_eq!(serde_json::from_value::<T>(defaults).expect("itself"), T::default());
    assert_eq!(serde_json::from_str::<T>("{}").expect("defaults"), T::default());
    assert!(serde_json::from_str::<T>("{\"widht\": 1}").expect_err("unknown").to_string().contains("widht"));
}

#[test]
fn pages_have_every_heading_and_field_and_settings_their_defaults() {
    holds::<Gcg>("gcg", Gcg::PAGE);
    holds::<AutoPrompt>("autoprompt", AutoPrompt::PAGE);
    holds::<RandomSearch>("random-search", RandomSearch::PAGE);
    holds::<SoftPrompt>("soft-prompt", SoftPrompt::PAGE);
}
