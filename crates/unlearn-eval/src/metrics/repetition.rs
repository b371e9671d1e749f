//! `repetition`

use std::collections::HashSet;

use unlearn_core::score::Direction;

use super::{Metric, Rows, Takes, of_generations};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "repetition",
    page: "# Idea\n\
        How much of an answer says again what it has said: a collapsed model goes round in circles.\n\n\
        # Formula\n\
        `1 - distinct / all` of the greedy answer's pairs of neighbouring words; 0 for an answer of fewer than three \
        words. The set's value is the mean over its rows.\n\n\
        # Paper\n\
        Welleck et al., *Neural text generation with unlikelihood training*, 2019, arXiv 1908.04319 (`seq-rep-2`).\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        Words are what stands between white space, not tokens.\n",
    needs: Needs::GENERATIONS,
    usual: true,
    takes: Takes::Rows(Rows {
        direction: |_| Direction::Lower,
        ..Rows::known(|seen| of_generations(seen, |_, said| repeated(said)))
    }),
};

fn repeated(said: &str) -> f64 {
    let words: Vec<&str> = said.split_whitespace().collect();
    if words.len() < 3 {
        return 0.0;
    }
    let distinct: HashSet<&[&str]> = words.windows(2).collect();
    1.0 - distinct.len() as f64 / (words.len() - 1) as f64
}
