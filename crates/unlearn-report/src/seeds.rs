//! Runs of one recipe from several seeds: what they come to on average, and how far the seed alone moves it.

use std::path::Path;

use unlearn_core::recipe::{ModelSection, Recipe};
use unlearn_core::score::Direction;
use unlearn_stats::student::Spread;

use crate::comparison::Comparison;
use crate::measure;
use crate::view::RunView;

/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// Runs that differ in nothing but their seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Seeds<'a> {
    /// The runs, no two of one seed.
    pub runs: Vec<&'a RunView>,
    /// Each metric that at least two of them have, in reading order.
    pub rows: Vec<SeedRow<'a>>,
}

/// One metric over seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedRow<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// Which way is better.
    pub direction: Direction,
    /// How many of the runs have it.
    pub n: usize,
    /// Its mean, how far it scatters, and the 95 % t interval of the mean.
    pub spread: Spread,
}

impl<'a> Seeds<'a> {
    /// The names of the runs.
    pub fn names(&self) -> Vec<&'a str> {
        self.runs.iter().map(|run| run.name.as_str()).collect()
    }
}

/// The runs of a comparison by recipe, where there are several seeds of one. Of two runs of the same seed, the first
/// counts: the other says nothing about seeds.
pub fn groups(comparison: &Comparison) -> Vec<Seeds<'_>> {
    let mut groups: Vec<(Recipe, Vec<&RunView>)> = Vec::new();
    for run in comparison.runs.iter().filter(|run| run.eval.is_some()) {
        let Some(recipe) = recipe(run) else { continue };
        let command = |other: &RunView| other.record.command == run.record.command;
        match groups.iter_mut().find(|(other, runs)| command(runs[0]) && alike(other, &recipe)) {
            Some((_, runs)) if runs.iter().any(|other| other.record.seed == run.record.seed) => {}
            Some((_, runs)) => runs.push(run),
            None => groups.push((recipe, vec![run])),
        }
    }
    let several = groups.into_iter().map(|(_, runs)| runs).filter(|runs| runs.len() > 1);
    several.map(|runs| Seeds { rows: rows(comparison, &runs), runs }).filter(|seeds| !seeds.rows.is_empty()).collect()
}

/// What the run was told to do; a recipe of another version may no longer be valid.
fn recipe(run: &RunView) -> Option<Recipe> {
    let recipe = Recipe::from_table(run.recipe.as_ref()?.parse().ok()?, None).ok()?;
    Some(Recipe { seed: run.record.seed, ..recipe.essence() })
}

/// Whether two recipes differ in nothing but the seed and what models of that seed are called.
fn alike(a: &Recipe, b: &Recipe) -> bool {
    let rest = |recipe: &Recipe| Recipe { seed: 0, model: ModelSection::default(), ..recipe.clone() };
    rest(a) == rest(b) && (a.model == b.model || without_seed(a) == without_seed(b))
}

fn without_seed(recipe: &Recipe) -> [Vec<String>; 5] {
    let model = &recipe.model;
    let one = |path: &Option<std::path::PathBuf>| path.iter().map(|p| named(p, recipe.seed)).collect();
    let all = |paths: &[std::path::PathBuf]| paths.iter().map(|p| named(p, recipe.seed)).collect();
    [one(&model.path), one(&model.reference), one(&model.retrained), all(&model.retrained_also), all(&model.shadows)]
}

/// A path in which the seed, where it stands as a number of its own, is left open.
fn named(path: &Path, seed: u64) -> String {
    let (text, seed) = (path.to_string_lossy(), seed.to_string());
    let mut open = String::new();
    let mut rest = text.as_ref();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let number = &rest[start..start + length];
        open += &rest[..start];
        open += if number == seed { "{seed}" } else { number };
        rest = &rest[start + length..];
    }
    open + rest
}

fn rows<'a>(comparison: &'a Comparison, runs: &[&RunView]) -> Vec<SeedRow<'a>> {
    let row = |metric: &'a str| {
        let scores = || runs.iter().filter_map(|run| run.eval.as_ref()?.metrics.get(metric));
        let values: Vec<f64> = scores().filter_map(|score| score.value).collect();
        let (direction, n) = (scores().next()?.direction, values.len());
        Some(SeedRow { metric, direction, n, spread: Spread::of(&values, LEVEL)? })
    };
    let mut rows: Vec<SeedRow> = comparison.metrics().into_iter().filter_map(row).collect();
    rows.sort_by_key(|row| measure::order(row.metric));
    rows
}
