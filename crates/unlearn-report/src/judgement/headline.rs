//! The one sentence that a verdict comes to.

use unlearn_core::verdict::{Charge, Verdict};

/// What a verdict comes to. Where several are true, the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Hardly anything is left of what was to be kept.
    Collapsed,
    /// The forget set is still known.
    NotForgotten,
    /// A guard withholds the forget set; the model behind it may know it still.
    Masked,
    /// The forget set is avoided.
    Overdone,
    /// Less of the rest is known.
    Damaged,
    /// The rest is declined.
    Declines,
    /// Nothing was found against it, but whether the forget set is still known was not tested.
    Untested,
    /// Nothing was found against it when asked directly, but it is still known by another way.
    Leaks,
    /// Nothing was found against it but that the forget rows stand out.
    StandsOut,
    /// Forgotten, and the rest kept, as far as was tested.
    ForgottenAndKept,
}

impl Outcome {
    /// What a verdict comes to.
    pub fn of(verdict: &Verdict) -> Self {
        let charged = |charge| verdict.on(charge).any(|f| f.found == Some(true));
        let tested = verdict.on(Charge::Remembers).any(|f| f.found.is_some());
        let charges = [
            (Charge::Collapsed, Self::Collapsed),
            (Charge::Remembers, Self::NotForgotten),
            (Charge::Masks, Self::Masked),
            (Charge::Shuns, Self::Overdone),
            (Charge::Damaged, Self::Damaged),
            (Charge::Refuses, Self::Declines),
        ];
        match charges.into_iter().find(|(charge, _)| charged(*charge)) {
            Some((_, outcome)) => outcome,
            None if charged(Charge::Leaks) => Self::Leaks,
            None if charged(Charge::Marked) => Self::StandsOut,
            None if !tested => Self::Untested,
            None => Self::ForgottenAndKept,
        }
    }

    /// It in a word or a few.
    pub fn label(self) -> &'static str {
        match self {
            Self::Collapsed => "collapsed",
            Self::NotForgotten => "not forgotten",
            Self::Masked => "masked",
            Self::Overdone => "overdone",
            Self::Damaged => "damaged",
            Self::Declines => "declines",
            Self::Untested => "untested",
            Self::Leaks => "forgotten, but leaks",
            Self::StandsOut => "forgotten, but stands out",
            Self::ForgottenAndKept => "forgotten and kept",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Collapsed => "Collapsed: the model lost nearly everything, not only what it was to forget",
            Self::NotForgotten => "Not forgotten: the model still knows what it was to forget",
            Self::Masked => {
                "Masked: a guard withholds what the model was to forget; the weights behind it were not made to forget \
                 anything by it"
            }
            Self::Overdone => "Overdone: the model avoids what it was to forget, which gives away what that was",
            Self::Damaged => "Damaged: the model knows less of what it was to keep",
            Self::Declines => "Declines: the model refuses to answer what it was to keep",
            Self::Untested => "Untested: whether the model still knows what it was to forget could not be told",
            Self::Leaks => {
                "Forgotten when asked directly, but it still leaks: asked in another way, the model knows more than it \
                 should"
            }
            Self::StandsOut => "Forgotten, but it can be told that it was once learned: the forget rows stand out",
            Self::ForgottenAndKept => {
                "Forgotten and kept: no trace of the forget set was found, and no loss of the rest"
            }
        }
    }

    /// The same as an addition to a sentence on another outcome.
    fn addition(self) -> Option<&'static str> {
        match self {
            Self::NotForgotten => Some("what was to be forgotten is still known"),
            Self::Masked => Some("a guard withholds what was to be forgotten"),
            Self::Overdone => Some("what was to be forgotten is avoided"),
            Self::Damaged => Some("less is known of what was to be kept"),
            Self::Declines => Some("what was to be kept is declined"),
            Self::Leaks => Some("what was to be forgotten is known by other ways of asking"),
            Self::StandsOut => Some("it can be told that it was once learned"),
            Self::Collapsed | Self::Untested | Self::ForgottenAndKept => None,
        }
    }
}

/// The sentence: the gravest charge, then the others.
pub(super) fn headline(outcome: Outcome, verdict: &Verdict) -> String {
    let kept = verdict.on(Charge::Damaged).any(|f| f.found.is_some());
    if outcome == Outcome::ForgottenAndKept && !kept {
        return "Forgotten: no trace of the forget set was found. Whether the rest was kept was not tested.".into();
    }
    let charges = verdict.charges();
    let others = [
        (Charge::Remembers, Outcome::NotForgotten),
        (Charge::Masks, Outcome::Masked),
        (Charge::Shuns, Outcome::Overdone),
        (Charge::Damaged, Outcome::Damaged),
        (Charge::Refuses, Outcome::Declines),
        (Charge::Leaks, Outcome::Leaks),
        (Charge::Marked, Outcome::StandsOut),
    ];
    let others = others.into_iter().filter(|(charge, other)| charges.contains(charge) && *other != outcome);
    // What has collapsed is damaged: no need to say so.
    let others = others.filter(|(charge, _)| outcome != Outcome::Collapsed || *charge != Charge::Damaged);
    // What is still known leaks by every way of asking.
    let known = [Charge::Leaks, Charge::Marked];
    let others = others.filter(|(charge, _)| outcome != Outcome::NotForgotten || !known.contains(charge));
    let more: Vec<&str> = others.filter_map(|(_, other)| other.addition()).collect();
    let untested = match verdict.on(Charge::Remembers).any(|f| f.found.is_some()) || outcome == Outcome::Untested {
        true => "",
        false => " Whether the forget set is still known was not tested.",
    };
    let more = if more.is_empty() { String::new() } else { format!(" Also: {}.", more.join("; ")) };
    format!("{}.{more}{untested}", outcome.sentence())
}

/// What it means for the tests themselves that the retrained model, put to them as well, came out like this.
pub fn control(verdict: &Verdict) -> &'static str {
    let charged = verdict.findings.iter().any(|f| f.found == Some(true));
    let tested = verdict.findings.iter().any(|f| f.found.is_some());
    match () {
        () if charged => {
            "The same tests find fault with the retrained model too, which never saw the forget set: take the verdict \
             above with care."
        }
        () if tested => {
            "The same tests find nothing against the retrained model, as they should: it never saw the forget set."
        }
        () => "The retrained model was there, but the tests could not be put to it.",
    }
}
