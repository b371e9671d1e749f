//! The names of a world, drawn from lists so that no two things share one.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::{Size, WorldError};
use super::words;

/// Names in the order in which they are given out.
pub(super) struct Names {
    pub(super) women: Vec<String>,
    pub(super) men: Vec<String>,
    /// Full names are a first name and one of these.
    pub(super) surnames: Vec<String>,
    pub(super) towns: Vec<String>,
    pub(super) regions: Vec<String>,
    pub(super) trades: Vec<String>,
    pub(super) instruments: Vec<String>,
    pub(super) genres: Vec<String>,
    pub(super) titles: Vec<String>,
}

impl Names {
    /// Draws as many names as a world of this size needs.
    pub(super) fn draw(size: &Size, rng: &mut ChaCha8Rng) -> Result<Self, WorldError> {
        let women = size.everybody - size.households;
        let shared = |parts: &[&[&str]]| size.trades.min(combinations(parts).len());
        Ok(Self {
            women: take("first name of a woman", words::WOMEN, women, rng)?,
            men: take("first name of a man", words::MEN, size.households, rng)?,
            surnames: take("surname", words::SURNAMES, size.everybody, rng)?,
            towns: take("town", words::TOWNS, size.towns, rng)?,
            regions: take("region", words::REGIONS, size.regions, rng)?,
            trades: take("trade", words::TRADES, shared(words::TRADES), rng)?,
            instruments: take("instrument", words::INSTRUMENTS, shared(words::INSTRUMENTS), rng)?,
            genres: take("genre", words::GENRES, shared(words::GENRES), rng)?,
            titles: take("title", words::TITLES, size.everybody, rng)?,
        })
    }
}

/// Every way to take one part of each list, different ones, sorted.
fn combinations(parts: &[&[&str]]) -> BTreeSet<String> {
    parts.iter().fold(BTreeSet::from([String::new()]), |starts, list| {
        starts.iter().flat_map(|start| list.iter().map(move |part| format!("{start}{part}"))).collect()
    })
}

fn take(kind: &'static str, parts: &[&[&str]], wanted: usize, rng: &mut ChaCha8Rng) -> Result<Vec<String>, WorldError> {
    let mut all: Vec<String> = combinations(parts).into_iter().collect();
    if all.len() < wanted {
        return Err(WorldError::TooFewNames { kind, wanted, available: all.len() });
    }
    all.shuffle(rng);
    all.truncate(wanted);
    Ok(all)
}
