//! What a metric wants to have seen.

/// What a metric wants to have seen of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// What the subject makes of the answers' tokens.
    pub answer: bool,
    /// The same of `paraphrased_answer`.
    pub paraphrased: bool,
    /// The same of every `perturbed_answer`.
    pub perturbed: bool,
    /// The same of every choice.
    pub choices: bool,
    /// Greedy answers.
    pub generations: bool,
    /// Norms of the gradients of the answers' losses.
    pub gradients: bool,
    /// What is inside the subject where it predicts the answers.
    pub inside: bool,
    /// Sampled answers.
    pub samples: bool,
}

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self {
        answer: false,
        paraphrased: false,
        perturbed: false,
        choices: false,
        generations: false,
        gradients: false,
        inside: false,
        samples: false,
    };
    /// The answers' tokens.
    pub const ANSWER: Self = Self { answer: true, ..Self::NONE };
    /// Greedy answers.
    pub const GENERATIONS: Self = Self { generations: true, ..Self::NONE };

    /// What either wants.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            answer: self.answer || other.answer,
            paraphrased: self.paraphrased || other.paraphrased,
            perturbed: self.perturbed || other.perturbed,
            choices: self.choices || other.choices,
            generations: self.generations || other.generations,
            gradients: self.gradients || other.gradients,
            inside: self.inside || other.inside,
            samples: self.samples || other.samples,
        }
    }

    /// Whether the subject is asked about given tokens.
    #[must_use]
    pub fn likelihoods(self) -> bool {
        self.answer || self.paraphrased || self.perturbed || self.choices
    }
}
