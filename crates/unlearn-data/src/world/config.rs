//! What a world is built from, and why one cannot be built.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::fact::Relation;

/// Wrong answers per row.
pub(super) const WRONG_ANSWERS: usize = 5;
/// The largest share that can be forgotten: forgotten and held-out people are all of different households.
const LARGEST_SHARE: f64 = 0.2;
/// People per household: a mother, her husband and her daughter.
const HOUSEHOLD: usize = 3;

/// The size and the seed of a world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldConfig {
    /// People that the model which is to forget is trained on; as many as are forgotten come on top, held out.
    pub people: usize,
    /// The share of `people` that is forgotten, above 0 and at most 0.2; at least one person is.
    pub forget_share: f64,
    /// Where all names and facts come from.
    pub seed: u64,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self { people: 60, forget_share: 0.1, seed: 0 }
    }
}

/// Why a world cannot be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorldError {
    /// The share is not a number above 0 and at most 0.2.
    #[error("`forget_share` is {share}, not above 0 and at most {LARGEST_SHARE}")]
    ForgetShare {
        /// The share asked for.
        share: f64,
    },
    /// Some question would have too few wrong answers, or some forgotten people would be of one household.
    #[error("`people` is {people}, but a world with `forget_share` {share} needs at least {least}")]
    TooFewPeople {
        /// The number asked for.
        people: usize,
        /// The share asked for.
        share: f64,
        /// The smallest number, not below the one asked for, that works.
        least: usize,
    },
    /// There are more things than names for them.
    #[error("the world needs {wanted} names of the kind `{kind}`, and there are {available}")]
    TooFewNames {
        /// What is named.
        kind: &'static str,
        /// How many names are needed.
        wanted: usize,
        /// How many there are.
        available: usize,
    },
    /// The draw left too few different objects to make wrong answers of.
    #[error("the relation `{relation}` has too few different objects for its wrong answers")]
    TooFewAnswers {
        /// The relation.
        relation: Relation,
    },
}

impl WorldError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::ForgetShare { .. } => "forget a tenth: `forget_share = 0.1`".into(),
            Self::TooFewPeople { least, .. } => format!("set `people = {least}`"),
            Self::TooFewNames { .. } => "set `people` to a smaller number".into(),
            Self::TooFewAnswers { .. } => "take another `seed` or more `people`".into(),
        }
    }
}

/// Counts that follow from a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    /// People forgotten, and people held out.
    pub(super) special: usize,
    /// Everybody, held-out people included.
    pub(super) everybody: usize,
    /// Households; the people left over live alone.
    pub(super) households: usize,
    pub(super) towns: usize,
    pub(super) regions: usize,
    /// Different trades; instruments and genres are as many.
    pub(super) trades: usize,
}

impl WorldConfig {
    /// The counts, once they are known to fit each other.
    pub(super) fn size(&self) -> Result<Size, WorldError> {
        let share = self.forget_share;
        if !(share > 0.0 && share <= LARGEST_SHARE) {
            return Err(WorldError::ForgetShare { share });
        }
        let size = counts(self.people, share);
        if size.fits() {
            return Ok(size);
        }
        let least = (self.people..).find(|&people| counts(people, share).fits()).unwrap_or(usize::MAX);
        Err(WorldError::TooFewPeople { people: self.people, share, least })
    }
}

fn counts(people: usize, share: f64) -> Size {
    let special = ((people as f64 * share).round() as usize).max(1);
    let everybody = people.saturating_add(special);
    let towns = (everybody / 3).max(8);
    Size {
        special,
        everybody,
        households: everybody / HOUSEHOLD,
        towns,
        regions: (towns / 4).max(WRONG_ANSWERS + 1),
        trades: (everybody / 2).max(WRONG_ANSWERS + 1),
    }
}

impl Size {
    fn fits(&self) -> bool {
        let special_per_role = 2 * self.special.div_ceil(HOUSEHOLD);
        let enough_for_wrong_answers = self.households > special_per_role + WRONG_ANSWERS;
        let enough_for_teachers = self.households > 2 * special_per_role + 2;
        self.households >= 2 * self.special && enough_for_wrong_answers && enough_for_teachers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_number_of_people_is_the_one_that_works() {
        let config = WorldConfig { people: 3, ..WorldConfig::default() };
        let Err(WorldError::TooFewPeople { least, .. }) = config.size() else { panic!("three people are too few") };
        assert!(WorldConfig { people: least, ..config.clone() }.size().is_ok());
        assert!(WorldConfig { people: least - 1, ..config }.size().is_err());
    }

    #[test]
    fn a_share_that_cannot_be_forgotten_is_refused() {
        for forget_share in [0.0, -0.1, 0.21, 1.0, f64::NAN, f64::INFINITY] {
            let config = WorldConfig { forget_share, ..WorldConfig::default() };
            assert!(matches!(config.size(), Err(WorldError::ForgetShare { .. })), "{forget_share}");
        }
    }

    #[test]
    fn the_configuration_has_defaults_and_refuses_unknown_fields() {
        let read = serde_json::from_str::<WorldConfig>;
        assert_eq!(read("{}").expect("all defaults"), WorldConfig::default());
        assert_eq!(read(r#"{"seed": 7}"#).expect("one field"), WorldConfig { seed: 7, ..WorldConfig::default() });
        assert!(read(r#"{"person": 7}"#).is_err());
    }
}
