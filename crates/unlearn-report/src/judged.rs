//! Whose verdicts are shown in full, and whose beside them in a line.

use unlearn_core::verdict::Verdict;

use crate::comparison::{Comparison, Role, SubjectColumn};

/// A subject with its verdict.
pub(crate) type Pair<'a> = (&'a SubjectColumn, &'a Verdict);

/// The subjects that have a verdict.
pub(crate) struct Judged<'a> {
    /// Those that were changed; where there is none, the model before, or else the retrained one.
    pub full: Vec<Pair<'a>>,
    /// The models before.
    pub before: Vec<Pair<'a>>,
    /// The retrained models, which are the control.
    pub retrained: Vec<Pair<'a>>,
}

impl<'a> Judged<'a> {
    pub fn of(comparison: &'a Comparison) -> Self {
        let verdict = |subject: &'a SubjectColumn| Some((subject, subject.eval.as_ref()?.verdict.as_ref()?));
        let of = |role| comparison.with_role(role).filter_map(verdict).collect::<Vec<Pair>>();
        let [full, before, retrained] = [Role::After, Role::Before, Role::Retrained].map(of);
        match (full.is_empty(), before.is_empty()) {
            (false, _) => Self { full, before, retrained },
            (true, false) => Self { full: before, before: Vec::new(), retrained },
            (true, true) => Self { full: retrained, before: Vec::new(), retrained: Vec::new() },
        }
    }
}
