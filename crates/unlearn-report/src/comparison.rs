//! What a report shows: subjects side by side, and the runs that they come from.

use std::collections::BTreeSet;

use unlearn_core::score::{Answer, EvalReport};

use crate::view::RunView;

/// Subjects side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// The page's heading.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// The columns of the tables.
    pub subjects: Vec<SubjectColumn>,
    /// The runs whose training, cost and origin are shown.
    pub runs: Vec<RunView>,
    /// At most this many questions of each set are shown.
    pub max_answers: usize,
}

/// One subject: a column of every table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubjectColumn {
    /// Its heading.
    pub name: String,
    /// Its scores.
    pub eval: Option<EvalReport>,
    /// Its answers.
    pub answers: Vec<Answer>,
}

/// What a subject stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The model as it was.
    Before,
    /// A model that was changed.
    After,
    /// The gold standard: a model trained without the forget set.
    Retrained,
}

impl SubjectColumn {
    /// A column, unless there is nothing to put into it.
    fn new(name: impl Into<String>, eval: &Option<EvalReport>, answers: &[Answer]) -> Option<Self> {
        let is_empty = eval.is_none() && answers.is_empty();
        (!is_empty).then(|| Self { name: name.into(), eval: eval.clone(), answers: answers.to_vec() })
    }

    /// What the subject stands for, by its heading or else by the name that its scores were taken under.
    pub fn role(&self) -> Role {
        let examined = self.eval.as_ref().map(|e| e.subject.name.as_str());
        [Some(self.name.as_str()), examined].into_iter().flatten().find_map(role_of).unwrap_or(Role::After)
    }
}

fn role_of(name: &str) -> Option<Role> {
    match name {
        "before" | "target" | "reference" | "original" => Some(Role::Before),
        "after" | "unlearned" => Some(Role::After),
        // Of several, each has something to its name: `retrained-seed-2`.
        _ if name.strip_prefix("retrained")?.chars().next().is_none_or(|c| !c.is_alphabetic()) => Some(Role::Retrained),
        _ => None,
    }
}

impl Comparison {
    /// So many questions of each set are shown unless the caller says otherwise.
    pub const MAX_ANSWERS: usize = 8;

    /// One run: its subject before and after, and the retrained model where it was examined beside them.
    pub fn of_run(view: RunView) -> Self {
        let before = SubjectColumn::new("before", &view.eval_before, &view.answers_before);
        let examined = view.eval.as_ref().map_or(view.name.as_str(), |e| e.subject.name.as_str());
        let after_name = if before.is_some() { "after" } else { examined };
        let after = SubjectColumn::new(after_name, &view.eval, &view.answers);
        let retrained = SubjectColumn::new("retrained", &view.eval_retrained, &view.answers_retrained);
        Self {
            title: format!("Report of {}", view.name),
            subtitle: origin(&view),
            subjects: before.into_iter().chain(after).chain(retrained).collect(),
            runs: vec![view],
            max_answers: Self::MAX_ANSWERS,
        }
    }

    /// Several runs, one column each. Before them stands each model that they started from, once, and after them each
    /// retrained model.
    pub fn of_runs(views: Vec<RunView>) -> Self {
        let afters = views.iter().filter_map(|v| SubjectColumn::new(&v.name, &v.eval, &v.answers));
        let befores = beside(&views, "before", |v| (&v.eval_before, &v.answers_before));
        let retrained = beside(&views, "retrained", |v| (&v.eval_retrained, &v.answers_retrained));
        let subjects = befores.into_iter().chain(afters).chain(retrained).collect();
        let names: Vec<&str> = views.iter().map(|v| v.name.as_str()).collect();
        Self {
            title: format!("Comparison of {} runs", views.len()),
            subtitle: names.join(", "),
            subjects,
            runs: views,
            max_answers: Self::MAX_ANSWERS,
        }
    }

    /// The names of all metrics that any subject has a score for, in reading order.
    pub fn metrics(&self) -> Vec<&str> {
        let evals = self.subjects.iter().filter_map(|s| s.eval.as_ref());
        let names: BTreeSet<&str> = evals.flat_map(|e| e.metrics.keys().map(String::as_str)).collect();
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_by_key(|name| crate::measure::order(name));
        names
    }

    /// The run that a subject comes from: the one whose subject it is, or else beside whose it was examined.
    pub fn run_of(&self, subject: &SubjectColumn) -> Option<&RunView> {
        let eval = subject.eval.as_ref()?;
        let is = |other: &Option<EvalReport>| other.as_ref().is_some_and(|o| is_same_subject(o, eval));
        let own = self.runs.iter().find(|r| is(&r.eval));
        own.or_else(|| self.runs.iter().find(|r| is(&r.eval_before) || is(&r.eval_retrained)))
    }

    /// The subjects that stand for a role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &SubjectColumn> {
        self.subjects.iter().filter(move |s| s.role() == role)
    }
}

/// Models that were examined beside the runs' own, each once, without those that are themselves the subject of a run.
fn beside(
    views: &[RunView],
    name: &str,
    of: impl Fn(&RunView) -> (&Option<EvalReport>, &Vec<Answer>),
) -> Vec<SubjectColumn> {
    let mut shown: Vec<&EvalReport> = views.iter().filter_map(|v| v.eval.as_ref()).collect();
    let mut found: Vec<&RunView> = Vec::new();
    for view in views {
        let Some(other) = of(view).0 else { continue };
        if !shown.iter().any(|seen| is_same_subject(seen, other)) {
            shown.push(other);
            found.push(view);
        }
    }
    let heading = |view: &RunView| match found.len() {
        1 => name.to_owned(),
        _ => format!("{name} {}", view.name),
    };
    let column = |view: &&RunView| SubjectColumn::new(heading(view), of(view).0, of(view).1);
    found.iter().filter_map(column).collect()
}

fn is_same_subject(a: &EvalReport, b: &EvalReport) -> bool {
    if a.subject.digest.is_empty() { a == b } else { a.subject.digest == b.subject.digest }
}

fn origin(view: &RunView) -> String {
    let method = view.method.as_ref().map(|m| format!(" with `{m}`")).unwrap_or_default();
    format!("`unlearn {}`{method}, on {}, seed {}", view.record.command, view.record.device, view.record.seed)
}
