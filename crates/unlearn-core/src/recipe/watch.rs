//! `[watch]`: looking at a run while it trains, choosing among its points, and stopping early.

use serde::{Deserialize, Serialize};

use super::RecipeError;

/// Which of the watched points a run ends with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The last.
    #[default]
    Last,
    /// The best by the rule.
    Best,
}

/// What makes a point better than another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The largest drop in forget probability, among the points that keep the retain probability.
    #[default]
    Forget,
}

/// A bound that may be off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub enum Bound {
    /// `"none"`
    #[default]
    None,
    /// At most this.
    AtMost(f64),
}

impl Bound {
    /// Whether a value lies over it.
    #[must_use]
    pub fn is_exceeded(self, value: f64) -> bool {
        matches!(self, Self::AtMost(bound) if value > bound)
    }
}

impl TryFrom<toml::Value> for Bound {
    type Error = String;
    fn try_from(value: toml::Value) -> Result<Self, String> {
        let bound = match &value {
            toml::Value::String(s) if s == "none" => return Ok(Self::None),
            toml::Value::Float(x) => *x,
            toml::Value::Integer(i) => *i as f64,
            _ => f64::NAN,
        };
        if bound > 0.0 && bound.is_finite() {
            Ok(Self::AtMost(bound))
        } else {
            Err(format!("a bound is \"none\" or a positive number, not {value}"))
        }
    }
}

impl From<Bound> for toml::Value {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::None => "none".into(),
            Bound::AtMost(x) => x.into(),
        }
    }
}

/// Mean answer probabilities of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// On the forget set.
    pub forget: f64,
    /// On the retain set, where there is one.
    pub retain: Option<f64>,
}

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSection {
    /// Steps between two points at which the model is looked at; 0: never.
    pub every: usize,
    /// At most this many rows of each set, evenly spread.
    pub rows: usize,
    /// Which point the run ends with.
    pub keep: Keep,
    /// What makes a point the best.
    pub rule: Rule,
    /// Share of the retain probability at step 0 that the best point may have lost.
    pub retain_within: f64,
    /// Points without a better one after which the run stops; 0: it does not.
    pub patience: usize,
    /// The run stops once the forget probability is below this; 0: it does not.
    pub forget_below: f64,
    /// Nats by which the model may come to differ from the reference on retain rows.
    pub disruption: Bound,
    /// A run whose retain probability is below this share of that at step 0 counts as diverged; 0: it does not.
    pub collapse: f64,
}

impl Default for WatchSection {
    fn default() -> Self {
        Self {
            every: 0,
            rows: 64,
            keep: Keep::Last,
            rule: Rule::Forget,
            retain_within: 0.05,
            patience: 0,
            forget_below: 0.0,
            disruption: Bound::None,
            collapse: 0.01,
        }
    }
}

impl WatchSection {
    /// The place of the best of `after` by the rule; `None` where none qualifies. Of equally good ones, the first.
    #[must_use]
    pub fn best(&self, before: Seen, after: impl IntoIterator<Item = Seen>) -> Option<usize> {
        let Rule::Forget = self.rule;
        let keeps = |seen: &Seen| match (before.retain, seen.retain) {
            (Some(before), Some(now)) => now >= (1.0 - self.retain_within) * before,
            _ => true,
        };
        let qualified = after.into_iter().enumerate().filter(|(_, seen)| seen.forget < before.forget && keeps(seen));
        qualified.min_by(|(_, a), (_, b)| a.forget.total_cmp(&b.forget)).map(|(place, _)| place)
    }

    /// Whether the retain set has to be there: the first field that asks for it.
    #[must_use]
    pub fn needs_retain(&self) -> Option<&'static str> {
        let asks = [
            ("watch.keep", self.keep == Keep::Best),
            ("watch.patience", self.patience > 0),
            ("watch.disruption", self.disruption != Bound::None),
        ];
        asks.into_iter().find(|(_, asks)| *asks).map(|(field, _)| field)
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn check(&self) -> Result<(), RecipeError> {
        if self.rows == 0 {
            return Err(RecipeError::value("watch.rows", 0, "it must be at least 1"));
        }
        let shares = [
            ("watch.retain_within", self.retain_within),
            ("watch.forget_below", self.forget_below),
            ("watch.collapse", self.collapse),
        ];
        for (field, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(RecipeError::value(field, value, "it must lie between 0 and 1"));
            }
        }
        let asks = self.needs_retain().or((self.forget_below > 0.0).then_some("watch.forget_below"));
        match asks.filter(|_| self.every == 0) {
            Some(field) => {
                let why = format!("`{field}` looks at the model while it trains: say how often");
                Err(RecipeError::value("watch.every", 0, why))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(forget: f64, retain: f64) -> Seen {
        Seen { forget, retain: Some(retain) }
    }

    #[test]
    fn the_best_has_the_largest_drop_among_those_that_keep_the_rest() {
        let section = WatchSection { retain_within: 0.1, ..WatchSection::default() };
        let before = seen(0.9, 0.8);
        let points = [seen(0.8, 0.8), seen(0.5, 0.73), seen(0.1, 0.7), seen(0.5, 0.8)];
        assert_eq!(section.best(before, points), Some(1), "the first of equals, the third lost too much");
        assert_eq!(section.best(before, [seen(0.95, 0.8), seen(0.2, 0.1)]), None);
        let half = WatchSection { retain_within: 0.5, ..section };
        assert_eq!(half.best(before, [seen(0.5, 0.4)]), Some(0), "the bound itself is within");
    }

    #[test]
    fn impossible_sections_are_refused() {
        let sections = [
            WatchSection { rows: 0, ..WatchSection::default() },
            WatchSection { retain_within: 1.5, ..WatchSection::default() },
            WatchSection { collapse: f64::NAN, ..WatchSection::default() },
            WatchSection { keep: Keep::Best, ..WatchSection::default() },
            WatchSection { forget_below: 0.1, ..WatchSection::default() },
        ];
        for section in sections {
            assert!(section.check().is_err(), "{section:?}");
        }
        assert!(Bound::try_from(toml::Value::from(-1.0)).is_err());
        assert_eq!(Bound::try_from(toml::Value::from("none")), Ok(Bound::None));
    }
}
