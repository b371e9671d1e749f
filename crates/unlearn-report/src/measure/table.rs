//! The known metrics in words.

use super::Measure;

const fn measure(key: &'static str, label: &'static str, meaning: &'static str) -> Measure {
    Measure { key, label, meaning }
}

/// The known metrics, in the order in which they are shown.
pub const MEASURES: &[Measure] = &[
    measure(
        "probability",
        "Probability of the answer",
        "How likely the model finds the expected answer, per token. 1 is certain, 0 is impossible.",
    ),
    measure(
        "probability-paraphrased",
        "Probability, reworded",
        "The same for the expected answer in other words: it shows whether only the wording was forgotten.",
    ),
    measure(
        "probability-perturbed",
        "Probability of wrong answers",
        "How likely the model finds answers that look alike but are wrong.",
    ),
    measure(
        "probability-normalised",
        "Probability against wrong answers",
        "The probability of the expected answer as a share of that of all the answers offered.",
    ),
    measure(
        "rouge",
        "Overlap with the answer",
        "How much of the expected answer the model's own answer repeats (ROUGE-L recall). 1 is all of it.",
    ),
    measure(
        "rouge-1",
        "Overlap in words",
        "How many of the expected answer's words the model's own answer has (ROUGE-1 recall), in any order.",
    ),
    measure("rouge-2", "Overlap in pairs of words", "The same for pairs of neighbouring words (ROUGE-2 recall)."),
    measure(
        "rouge-f1",
        "Overlap, both ways",
        "As the overlap with the answer, but an answer that says much more than was expected loses (ROUGE-L F1).",
    ),
    measure(
        "knowledge",
        "Knowledge of a text",
        "Whether short answers to questions about a text are those expected (ROUGE-L F1). 1 is all of them.",
    ),
    measure(
        "verbatim",
        "A text word for word",
        "How far the model goes on with a text as the text itself goes on (ROUGE-L F1). 1 is word for word.",
    ),
    measure("cloze", "Blanks filled", "How often the model's answer has the expected words in it."),
    measure(
        "truth-ratio",
        "Truth ratio",
        "Whether the model still prefers what is true to what is false. Where forgetting is wanted, 1 says that it \
         prefers neither; elsewhere, high values say that it prefers the truth.",
    ),
    measure(
        "exact-memorization",
        "Tokens recalled exactly",
        "The share of the answer's tokens that the model would put there itself.",
    ),
    measure(
        "extraction-strength",
        "Extraction strength",
        "How much of the answer the model completes by itself. 1: it needs no help, 0: it needs all of it.",
    ),
    measure(
        "choice",
        "Right choice",
        "How often the model finds the right one of several choices the most likely. 1 is always; guessing gives one \
         in as many as there are choices.",
    ),
    measure("choice-normalised", "Right choice, by length", "The same, with long choices at no disadvantage."),
    measure(
        "perplexity",
        "Perplexity",
        "How surprised the model is by text: from so many tokens it might as well have chosen. 1 is none; a broken \
         model has thousands.",
    ),
    measure(
        "refusal",
        "Refusals",
        "The share of the answers that decline (\u{201c}I don't know\u{201d}). On what must go that may be wanted, and \
         may still be a mask over what the model knows; elsewhere it is damage.",
    ),
    measure("repetition", "Repetition", "How much of an answer says again what it has said: broken models do."),
    measure(
        "fluency",
        "Fluency",
        "How varied the words of an answer are: low where a model goes round in circles. It grows with the length of \
         answers.",
    ),
    measure(
        "leak",
        "Leakage over many tries",
        "How much of the expected answer the best of many sampled answers has: what one answer hides may come out when \
         a question is asked often.",
    ),
    measure(
        "loss",
        "Membership by loss",
        "How well the model's loss tells whether it was trained on a text. 0.5 is guessing, 1 is certain.",
    ),
    measure(
        "zlib",
        "Membership by loss and compressibility",
        "As membership by loss, with the loss set against how well the text compresses.",
    ),
    measure(
        "min-k",
        "Membership by least likely tokens",
        "As membership by loss, from the least likely tokens only (Min-K%).",
    ),
    measure(
        "min-k-plus-plus",
        "Membership by normalised tokens",
        "As Min-K%, with every token set against its alternatives (Min-K%++).",
    ),
    measure("gradient-norm", "Membership by gradient", "As membership by loss, from the size of the gradient."),
    measure(
        "reference",
        "Membership against a reference",
        "As membership by loss, with the loss set against that of a reference model.",
    ),
    measure(
        "lira",
        "Membership by shadow models, row by row",
        "As membership by loss, with each text set against models trained with it and without it (LiRA).",
    ),
    measure(
        "rmia",
        "Membership by shadow models, in proportion",
        "As membership by loss, with each text set against other models and other texts (RMIA).",
    ),
    measure(
        "forget-quality",
        "Forget quality",
        "How well the forget answers' scores pass for those of the retrained model: the p-value of a Kolmogorov–Smirnov \
         test. Near 0: they can be told apart.",
    ),
    measure(
        "privleak",
        "Privacy leakage",
        "Membership against that of the retrained model, in percent. 0 is ideal; far from it on either side gives away \
         what was forgotten.",
    ),
    measure(
        "wasserstein",
        "Distance of losses to retrained",
        "How far the losses of all rows together are from the retrained model's. 0 is the same; equal means can hide \
         that some rows are known and others avoided.",
    ),
    measure(
        "kl",
        "Divergence from retrained",
        "How far the model's next words are from the retrained model's. 0 is the same; two retrained models are not 0 \
         apart either.",
    ),
    measure("js", "Divergence from retrained, bounded", "The same from both sides, at most 0.69."),
    measure(
        "cka",
        "Likeness to retrained inside",
        "How alike the model's inner states are to the retrained model's. 1 is alike.",
    ),
    measure(
        "depth",
        "Depth of forgetting",
        "Whether the inner states still carry the answers. 1: as far erased as by retraining; 0: all is still there, \
         behind a mask.",
    ),
    measure(
        "hidden-distance",
        "Distance from unseen inside",
        "How differently the inner states at the end of a question are spread over forget rows and over rows that no model \
         saw, from 0 to 1. Its p-value says how often chance gives as much.",
    ),
    measure(
        "model-utility",
        "Model utility",
        "One number for everything that must keep working: the harmonic mean of its scores.",
    ),
    measure(
        "memorization-score",
        "Memorisation",
        "One number for how little of the forget answers is left, 1 being nothing. It is 0 as soon as one way of asking \
         brings all of them out.",
    ),
    measure(
        "privacy-score",
        "Privacy",
        "One number for how close membership attacks come to what they give of the retrained model, 1 being the same.",
    ),
    measure("overall-score", "Overall", "The harmonic mean of memorisation, privacy and model utility."),
    measure(
        "fade",
        "Distance of answers to retrained",
        "How differently the subject and the retrained model see the answers that either of them gives when it is \
         sampled. 0 is the same.",
    ),
];
