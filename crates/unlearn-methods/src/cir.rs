//! `cir`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unlearn_core::event::Step;
use unlearn_core::recipe::Layers;
use unlearn_engine::edit::{Bench, Edit, Told, Traced, loss_on, mlp_layers, traced};
use unlearn_engine::tensor::{Tensor, relu};
use unlearn_engine::train::{
    Inner, Micro, Needs, Objective, Outcome, Plan, Progress, Quantity, Reads, Set, Setup, Term, View, gradient,
};
use unlearn_engine::{EngineError, LanguageModel};

use crate::MethodError;
use crate::collapse::{Directions, Moments};
use crate::layer::{as_deep_as, checked};
use crate::manual::documented;
use crate::registry::Method;

documented! {
    /// # Idea
    /// Break the feed-forward outputs on the forget text, by updates from which everything is taken out that
    /// representations have in common: token by token, the usual activations and the usual gradients are projected
    /// away before their product becomes the update.
    ///
    /// What is common is general knowledge; what is left is the forget set's own, and hard to bring back by learning
    /// related text: the paper reports more than 30 times less accuracy after relearning than circuit breakers, at a
    /// thirtieth of the disruption. It is one group's result.
    ///
    /// # Objective
    /// Minimises the mean over `layers` and tokens of `relu(⟨o, o₀⟩ / mean ‖o₀‖²)`, `o` a feed-forward output and `o₀` the
    /// reference's. `∇W = Σ a gᵀ` over tokens, with the mean and the leading principal components of `a` (`activations`
    /// vectors) and of `g` (`gradients` vectors) over the epoch before projected out, one after the other; each update
    /// has norm `unlearning_rate`. After it, one step of plain descent at `retain_rate` on
    /// `mean ‖h − h₀‖ / mean ‖h₀‖` on the retain set, `h` the output of block `retain_layer`. The first epoch only
    /// looks. It ends when the retain loss exceeds `1 + loss_budget` times what it was, at the epoch before.
    ///
    /// # Paper
    /// Sondej and Yang, *Collapse of Irrelevant Representations (CIR) Ensures Robust and Non-Disruptive LLM
    /// Unlearning*, 2025, arXiv 2509.11816.
    ///
    /// # Reference implementation
    /// `filyp/unlearning`, `src/CIR.py`, `src/utils/common_cir.py`, `src/utils/loss_fns.py`, `configs/CIR_simple.yaml`.
    ///
    /// # Defaults
    /// `unlearning_rate = 0.2`, `retain_rate = 0.0003`, `activations = 24`, `gradients = 36`, `skip_first_n_tokens = 1`,
    /// `loss_budget = 0.001`, `max_epochs = 200` (the authors, for Llama-3.2-1B). `layers = "all"` takes those as deep
    /// as 6 to 11 of 16, `retain_layer = []` the one as deep as 12 of 16. `train.batch_size` rows make an update.
    ///
    /// # Deviations
    /// The loss counts the answer's tokens; the updates and the components, every token but the first. The budget is
    /// measured on the retain set instead of WikiText.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Cir {
        /// Blocks whose feed-forward outputs are broken.
        pub layers: Layers,
        /// The block after which retain states are compared; by depth when empty.
        pub retain_layer: Vec<usize>,
        /// Norm of each update.
        pub unlearning_rate: f64,
        /// Learning rate of the retain steps.
        pub retain_rate: f64,
        /// Directions that are taken out of activations.
        pub activations: usize,
        /// Directions that are taken out of gradients.
        pub gradients: usize,
        /// Tokens at a row's beginning that are left out.
        pub skip_first_n_tokens: usize,
        /// By what share the retain loss may rise.
        pub loss_budget: f64,
        /// Epochs at most.
        pub max_epochs: usize,
        /// The blocks, found.
        #[serde(skip)]
        at: (Vec<usize>, usize),
    }
}

impl Default for Cir {
    fn default() -> Self {
        Self {
            layers: Layers::default(),
            retain_layer: Vec::new(),
            unlearning_rate: 0.2,
            retain_rate: 3e-4,
            activations: 24,
            gradients: 36,
            skip_first_n_tokens: 1,
            loss_budget: 1e-3,
            max_epochs: 200,
            at: (Vec::new(), 0),
        }
    }
}

impl Method for Cir {
    const NAME: &'static str = "cir";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        let values = [("unlearning_rate", self.unlearning_rate), ("retain_rate", self.retain_rate)];
        for (field, value) in values.into_iter().chain([("loss_budget", self.loss_budget)]) {
            MethodError::require(value >= 0.0, field, value, "it must not be negative")?;
        }
        let one = self.retain_layer.len() <= 1;
        MethodError::require(one, "retain_layer", self.retain_layer.len() as f64, "it is one layer, or none")
    }
}

impl Edit for Cir {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        let all = setup.config.layers.len();
        let broken = match self.layers.all() {
            true => (as_deep_as(12, setup)..=as_deep_as(22, setup)).collect(),
            false => {
                self.layers.largest().map_or(Ok(0), |last| checked(last, setup))?;
                (0..all).filter(|&l| self.layers.holds(l)).collect()
            }
        };
        let compared = match self.retain_layer.first() {
            Some(&layer) => checked(layer, setup)?,
            None => as_deep_as(24, setup),
        };
        self.at = (broken, compared);
        Ok(())
    }

    fn retain_rows(&self) -> bool {
        true
    }

    fn apply(&self, model: &mut LanguageModel, bench: &mut Bench<'_>) -> Result<Outcome, EngineError> {
        let highest = self.at.0.last().copied().unwrap_or(0);
        let mut places = mlp_layers(model, bench.train)?;
        places.retain(|&i| model.parameters.specs()[i].layer.is_some_and(|l| l <= highest));
        bench.phase("reference")?;
        let reference = bench.reference(model, &self.needs())?;
        bench.phase("collapse")?;
        let (sets, train) = (bench.sets, bench.train);
        let plan =
            Plan { train, seed: bench.seed, sets, reference: &reference, state: None, watch: None, stop: bench.stop };
        let mut run = Run { method: self, plan: &plan, places, directions: BTreeMap::new() };
        (0..model.parameters.specs().len()).for_each(|i| model.parameters.set_trained(i, run.places.contains(&i)));
        let limit = loss_on(model, &sets.retain, train.micro_tokens) * (1.0 + self.loss_budget);
        let mut outcome = Outcome::default();
        for epoch in 0..=self.max_epochs {
            let began = std::time::Instant::now();
            let before = model.parameters.clone();
            let loss = run.epoch(model, epoch, bench)?;
            if loss_on(model, &sets.retain, train.micro_tokens) > limit {
                model.parameters = before;
                break;
            }
            outcome.steps += run.plan.epoch_steps();
            outcome.seconds += began.elapsed().as_secs_f64();
            outcome.tokens += sets.forget.iter().map(|r| r.ids.len() as u64).sum::<u64>();
            let step = Step {
                step: epoch + 1,
                epoch: epoch as f64,
                loss,
                terms: BTreeMap::from([("forget-mlp".to_owned(), loss)]),
                learning_rate: self.unlearning_rate,
                seconds: began.elapsed().as_secs_f64(),
                tokens: sets.forget.iter().map(|r| r.ids.len()).sum(),
                ..Step::default()
            };
            (bench.tell)(Told::Training(Progress::Step(&step, self.max_epochs + 1)))?;
        }
        Ok(outcome)
    }
}

impl Cir {
    fn needs(&self) -> Needs {
        let broken = self.at.0.iter().map(|&l| (Set::Forget, Quantity::Inner(Inner::Mlp(l))));
        let kept = (Set::Retain, Quantity::Inner(Inner::Block(self.at.1)));
        Needs { reference: broken.chain([kept]).collect(), ..Needs::default() }
    }

    /// The mean over layers and tokens of what is left of the outputs as they were.
    fn breaking(&self, view: &View<'_>) -> Tensor<1> {
        let left = |&layer: &usize| {
            let (now, before) = (view.inner(Inner::Mlp(layer)), view.reference_inner(Inner::Mlp(layer)));
            let size = before.clone().square().sum_dim(1).mean().reshape([1, 1]);
            relu((now * before).sum_dim(1) / size).mean()
        };
        let count = self.at.0.len().max(1) as f64;
        let total = self.at.0.iter().map(left).reduce(|a, b| a + b);
        total.unwrap_or_else(|| Tensor::zeros([1], &view.device())).div_scalar(count)
    }
}

/// The retain step's loss.
struct Keep {
    layer: usize,
}

impl Objective for Keep {
    fn needs(&self) -> Needs {
        let state = Inner::Block(self.layer);
        Needs { retain: Reads::inner([state]), ..Needs::default() }
    }

    fn forget(&self, _: &Micro<'_>) -> Vec<Term> {
        Vec::new()
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let state = Inner::Block(self.layer);
        let (now, before) = (micro.inner(state), micro.reference_inner(state));
        let length = |x: Tensor<2>| x.square().sum_dim(1).add_scalar(1e-12).sqrt();
        let size = length(before.clone()).mean().reshape([1]);
        let gap = length(now - before).sum().reshape([1]) / size;
        vec![Term::new("retain-distance", gap.div_scalar(micro.totals().tokens()), 1.0)]
    }
}

/// A run of epochs.
struct Run<'a> {
    method: &'a Cir,
    plan: &'a Plan<'a>,
    places: Vec<usize>,
    /// What is taken out of each layer's activations and gradients; nothing in the first epoch.
    directions: BTreeMap<usize, [Directions; 2]>,
}

impl Run<'_> {
    /// One pass over the forget set: its mean loss. The directions of the next one come from it.
    fn epoch(&mut self, model: &mut LanguageModel, epoch: usize, bench: &Bench<'_>) -> Result<f64, EngineError> {
        let steps = self.plan.epoch_steps();
        let mut moments: BTreeMap<usize, [Moments; 2]> = BTreeMap::new();
        let mut loss = 0.0;
        for step in epoch * steps..(epoch + 1) * steps {
            bench.go_on(step)?;
            loss += self.step(model, step, &mut moments)? / steps as f64;
        }
        for (place, [a, g]) in moments {
            let name = format!("cir/{epoch}/{place}");
            let of = |m: Moments, n, end: &str| {
                m.directions(n, unlearn_core::seed::number(bench.seed, &(name.clone() + end)))
            };
            let both = [of(a, self.method.activations, "/a")?, of(g, self.method.gradients, "/g")?];
            self.directions.insert(place, both);
        }
        Ok(loss)
    }

    fn step(
        &mut self,
        model: &mut LanguageModel,
        step: usize,
        moments: &mut BTreeMap<usize, [Moments; 2]>,
    ) -> Result<f64, EngineError> {
        let (forget, view) = self.plan.forget_rows(step);
        let reads = Reads::inner(self.method.at.0.iter().copied().map(Inner::Mlp));
        let seen = (self.places.as_slice(), self.method.skip_first_n_tokens);
        let of = (self.plan.sets, self.plan.reference);
        let (loss, traces) = traced(model, (&forget, &view), of, seen, &reads, |v| self.method.breaking(v))?;
        let mut updates: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
        for (place, mut trace) in traces {
            let [from, to] = model.parameters.specs()[place].shape;
            let [a, g] = moments.entry(place).or_insert_with(|| [Moments::new(from), Moments::new(to)]);
            a.add(&trace.inputs);
            g.add(&trace.gradients);
            if let Some([of_a, of_g]) = self.directions.get(&place) {
                of_a.take_out(&mut trace.inputs);
                of_g.take_out(&mut trace.gradients);
                updates.insert(place, Traced::product(&trace, [from, to], model.parameters.device()));
            }
        }
        let norm = updates.values().flatten().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            let scale = (self.method.unlearning_rate / norm) as f32;
            for (&place, update) in &updates {
                model.parameters.update(place, |w| w.iter_mut().zip(update).for_each(|(w, u)| *w -= scale * u));
            }
            self.keep(model, step)?;
        }
        Ok(loss)
    }

    /// One step of plain descent towards the retain states as they were.
    fn keep(&self, model: &mut LanguageModel, step: usize) -> Result<(), EngineError> {
        let keep = Keep { layer: self.method.at.1 };
        let (_, gradients) = gradient(model, &keep as &dyn Objective, self.plan, step)?;
        let rate = self.method.retain_rate as f32;
        for &place in &self.places {
            model.parameters.update(place, |w| w.iter_mut().zip(&gradients.0[place]).for_each(|(w, g)| *w -= rate * g));
        }
        Ok(())
    }
}
