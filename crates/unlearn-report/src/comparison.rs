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
        "retrained" => Some(Role::Retrained),
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

    /// Several runs, one column each. Before them stands each model that they started from, once.
    pub fn of_runs(views: Vec<RunView>) -> Self {
        let afters = views.iter().filter_map(|v| SubjectColumn::new(&v.name, &v.eval, &v.answers));
        let subjects = befores(&views).into_iter().chain(afters).collect();
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

    /// The subjects that stand for a role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &SubjectColumn> {
        self.subjects.iter().filter(move |s| s.role() == role)
    }
}

/// The models that the runs started from, without those that are themselves the subject of a run.
fn befores(views: &[RunView]) -> Vec<SubjectColumn> {
    let mut shown: Vec<&EvalReport> = views.iter().filter_map(|v| v.eval.as_ref()).collect();
    let mut starts: Vec<&RunView> = Vec::new();
    for view in views {
        let Some(before) = &view.eval_before else { continue };
        if !shown.iter().any(|other| is_same_subject(other, before)) {
            shown.push(before);
            starts.push(view);
        }
    }
    let heading = |view: &RunView| match starts.len() {
        1 => "before".to_owned(),
        _ => format!("before {}", view.name),
    };
    starts.iter().filter_map(|v| SubjectColumn::new(heading(v), &v.eval_before, &v.answers_before)).collect()
}

fn is_same_subject(a: &EvalReport, b: &EvalReport) -> bool {
    if a.subject.digest.is_empty() { a == b } else { a.subject.digest == b.subject.digest }
}

fn origin(view: &RunView) -> String {
    let method = view.method.as_ref().map(|m| format!(" with `{m}`")).unwrap_or_default();
    format!("`unlearn {}`{method}, on {}, seed {}", view.record.command, view.record.device, view.record.seed)
}
