//! Several subjects side by side: what each comes to, and which are on the Pareto front.

use unlearn_core::score::Score;

use crate::comparison::{Comparison, Role, SubjectColumn};
use crate::judgement::Outcome as VerdictOutcome;
use crate::measure;
use crate::pareto::{self, Outcome};
use crate::view::RunView;

/// The scores that a plane may be drawn of, best first: how well the forget set is known, and how well the rest.
const AXES: &[(&str, &str)] = &[
    ("forget/probability", "retain/probability"),
    ("forget/probability", "model-utility"),
    ("forget/probability", "neighbour/probability"),
    ("forget/rouge", "retain/rouge"),
];

/// The forget–utility plane: what subjects come to on two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane<'a> {
    /// The metric of how well the forget set is still known.
    pub forget: &'static str,
    /// The metric of how well the rest is known.
    pub kept: &'static str,
    /// The subjects that have both.
    pub places: Vec<Place<'a>>,
}

/// Where a subject lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a> {
    /// The subject.
    pub subject: &'a SubjectColumn,
    /// How well the forget set is still known.
    pub forget: &'a Score,
    /// How well the rest is known.
    pub kept: &'a Score,
    /// What the subject stands for.
    pub role: Role,
    /// Whether it is on the Pareto front of the subjects that were changed.
    pub is_front: bool,
}

/// One line of the table of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLine<'a> {
    /// The subject that was changed.
    pub subject: &'a SubjectColumn,
    /// Its run.
    pub run: Option<&'a RunView>,
    /// What its verdict comes to, if it has one.
    pub outcome: Option<VerdictOutcome>,
    /// Where it lies on the plane.
    pub place: Option<Place<'a>>,
}

impl<'a> Plane<'a> {
    /// The plane that most subjects have a place on, if two have.
    pub fn of(comparison: &'a Comparison) -> Option<Self> {
        let planes = AXES.iter().map(|(forget, kept)| Self { forget, kept, places: places(comparison, forget, kept) });
        let most = planes.fold(None, |best: Option<Self>, plane| match best {
            Some(best) if best.places.len() >= plane.places.len() => Some(best),
            _ => Some(plane),
        });
        most.filter(|plane| plane.places.len() > 1)
    }

    /// How many subjects that were changed have a place on it.
    pub fn changed(&self) -> usize {
        self.places.iter().filter(|p| p.role == Role::After).count()
    }

    /// The short name of an axis, such as `forget: Probability of the answer`.
    pub fn axis(metric: &str) -> String {
        match measure::split(metric) {
            ("", _) => measure::label(metric).to_owned(),
            (set, _) => format!("{set}: {}", measure::label(metric).to_lowercase()),
        }
    }
}

fn places<'a>(comparison: &'a Comparison, forget: &str, kept: &str) -> Vec<Place<'a>> {
    let place = |subject: &'a SubjectColumn| {
        let score = |metric: &str| {
            let score = subject.eval.as_ref()?.metrics.get(metric)?;
            score.value.filter(|x| x.is_finite()).map(|_| score)
        };
        Some(Place { subject, forget: score(forget)?, kept: score(kept)?, role: subject.role(), is_front: false })
    };
    let mut places: Vec<Place> = comparison.subjects.iter().filter_map(place).collect();
    let value = |score: &Score| score.value.unwrap_or(f64::NAN);
    let changed = || places.iter().filter(|p| p.role == Role::After);
    let outcomes: Vec<Outcome> = changed().map(|p| Outcome { forget: value(p.forget), kept: value(p.kept) }).collect();
    let front = pareto::front(&outcomes);
    let changed = places.iter_mut().filter(|p| p.role == Role::After);
    changed.zip(front).for_each(|(place, is_front)| place.is_front = is_front);
    places
}

/// The subjects that were changed, where there are several.
pub fn run_lines<'a>(comparison: &'a Comparison, plane: Option<&Plane<'a>>) -> Vec<RunLine<'a>> {
    let line = |subject: &'a SubjectColumn| RunLine {
        subject,
        run: comparison.run_of(subject),
        outcome: subject.eval.as_ref().and_then(|e| e.verdict.as_ref()).map(VerdictOutcome::of),
        place: plane.and_then(|p| p.places.iter().find(|place| std::ptr::eq(place.subject, subject)).cloned()),
    };
    let lines: Vec<RunLine> = comparison.with_role(Role::After).map(line).collect();
    if lines.len() > 1 { lines } else { Vec::new() }
}
