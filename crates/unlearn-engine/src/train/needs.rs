//! What an objective reads: of the policy's passes, of the reference, of other answers.

/// Which half of a step a micro-batch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Rows of the forget set (of `train`: of the data).
    Forget,
    /// Rows of the retain set.
    Retain,
}

/// A set of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// What must go.
    Forget,
    /// Other answers to the forget questions.
    ForgetAlternates,
    /// What must keep working.
    Retain,
    /// Other answers to the retain questions.
    RetainAlternates,
}

impl Set {
    /// The side whose micro-batches hold its rows.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Self::Forget | Self::ForgetAlternates => Side::Forget,
            Self::Retain | Self::RetainAlternates => Side::Retain,
        }
    }
}

impl Side {
    /// Its rows, and the other answers to them.
    #[must_use]
    pub fn sets(self) -> [Set; 2] {
        match self {
            Self::Forget => [Set::Forget, Set::ForgetAlternates],
            Self::Retain => [Set::Retain, Set::RetainAlternates],
        }
    }
}

/// A state inside the decoder, `[rows, tokens, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inner {
    /// The output of a block, counted from 0: the residual stream after it.
    Block(usize),
    /// The output of a block's feed-forward network, before it is added to the stream.
    Mlp(usize),
}

impl Inner {
    /// The block.
    #[must_use]
    pub fn layer(self) -> usize {
        match self {
            Self::Block(layer) | Self::Mlp(layer) => layer,
        }
    }
}

/// What a loss reads of a micro-batch's pass. Layers above the highest that is read are not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Scores over the vocabulary.
    pub scores: bool,
    /// States inside the decoder.
    pub inner: Vec<Inner>,
}

impl Reads {
    /// Nothing: no micro-batch of this side is made.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Scores over the vocabulary alone.
    #[must_use]
    pub fn scores() -> Self {
        Self { scores: true, inner: Vec::new() }
    }

    /// States inside the decoder alone.
    #[must_use]
    pub fn inner(inner: impl IntoIterator<Item = Inner>) -> Self {
        Self { scores: false, inner: inner.into_iter().collect() }
    }

    /// This and that.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.scores |= other.scores;
        self.inner.extend(other.inner.iter().filter(|i| !self.inner.contains(i)).copied().collect::<Vec<_>>());
        self
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        !self.scores && self.inner.is_empty()
    }

    /// Blocks that have to be run of `layers`.
    #[must_use]
    pub fn depth(&self, layers: usize) -> usize {
        if self.scores { layers } else { self.inner.iter().map(|i| i.layer() + 1).max().unwrap_or(0).min(layers) }
    }
}

/// What can be asked of the reference, at each supervised position of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// The log-probability of the supervised token.
    TokenLogProbs,
    /// The distribution over the vocabulary.
    Distributions,
    /// The distribution over the vocabulary where the row stands after one of [`Needs::contexts`].
    Within(usize),
    /// A state inside the decoder.
    Inner(Inner),
}

/// How the model is asked for other answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    /// Answers to each question.
    pub answers: usize,
    /// What the model is asked; `{question}` and `{answer}` are filled in.
    pub prompt: String,
    /// Temperature of the sampling.
    pub temperature: f64,
    /// Longest answer.
    pub max_new_tokens: usize,
}

/// Where other answers come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Alternative {
    /// The data: a row's `alternate`, or the file of `data.alternate`.
    Given,
    /// The data where it has some, or else refusals, drawn anew at each visit of a row.
    OrRefusals,
    /// The data where it has some, or else the model itself, asked for them before the first step.
    OrSampled(Asking),
    /// This many answers to retain questions, drawn anew at each visit of a row.
    Mismatched(usize),
}

/// Which answers to the forget questions go through the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passing {
    /// Their own, and the other ones where there are some.
    #[default]
    Both,
    /// Their own; of the other ones, only the reference says something.
    Own,
    /// The other ones.
    Alternates,
}

/// What an objective wants to know before the first step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Needs {
    /// What it reads of the forget rows.
    pub forget: Reads,
    /// What it reads of the retain rows.
    pub retain: Reads,
    /// Which answers to the forget questions go through the policy.
    pub passing: Passing,
    /// What it asks of the reference.
    pub reference: Vec<(Set, Quantity)>,
    /// Tokens that are put before rows for [`Quantity::Within`].
    pub contexts: Vec<Vec<u32>>,
    /// Other answers to forget questions.
    pub forget_alternates: Option<Alternative>,
    /// Other answers to retain questions.
    pub retain_alternates: Option<Alternative>,
}

impl Needs {
    /// Scores on the forget rows, and nothing else.
    #[must_use]
    pub fn forget_scores() -> Self {
        Self { forget: Reads::scores(), ..Self::default() }
    }

    /// What it reads of a side.
    #[must_use]
    pub fn reads(&self, side: Side) -> &Reads {
        match side {
            Side::Forget => &self.forget,
            Side::Retain => &self.retain,
        }
    }

    /// Whether it makes no sense without retain rows.
    #[must_use]
    pub fn retain_rows(&self) -> bool {
        !self.retain.is_nothing() || matches!(self.forget_alternates, Some(Alternative::Mismatched(_)))
    }

    /// Where the other answers to a side's questions come from.
    #[must_use]
    pub fn alternates(&self, side: Side) -> Option<&Alternative> {
        match side {
            Side::Forget => self.forget_alternates.as_ref(),
            Side::Retain => self.retain_alternates.as_ref(),
        }
    }

    /// Whether the rows of a side go through the policy, and whether the other answers do.
    pub(super) fn passing_of(&self, side: Side) -> [bool; 2] {
        match (side, self.passing) {
            (Side::Retain, _) | (_, Passing::Both) => [true, true],
            (_, Passing::Own) => [true, false],
            (_, Passing::Alternates) => [false, true],
        }
    }

    /// Adds what another part needs.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let join = |a: &mut Reads, b: Reads| {
            a.scores |= b.scores;
            a.inner.extend(b.inner);
            a.inner.sort_unstable();
            a.inner.dedup();
        };
        join(&mut self.forget, other.forget);
        join(&mut self.retain, other.retain);
        if self.passing == Passing::Both {
            self.passing = other.passing;
        }
        self.reference.extend(other.reference);
        self.reference.sort_unstable();
        self.reference.dedup();
        self.contexts.extend(other.contexts);
        self.forget_alternates = self.forget_alternates.or(other.forget_alternates);
        self.retain_alternates = self.retain_alternates.or(other.retain_alternates);
        self
    }
}
