//! An objective on the tiny model: a step's loss and gradient, and four steps of training.

use std::sync::atomic::AtomicBool;

use toml::Table;
use unlearn_core::recipe::TrainSection;
use unlearn_data::TokenRow;
use unlearn_engine::train::{Alternates, Alternative, Objective, Plan, Question, Reference, Setup, gradient, train};
use unlearn_methods::{Made, method};

use super::Tiny;

impl Tiny {
    /// An objective for this model.
    pub fn objective(&mut self, table: &Table) -> Box<dyn Objective> {
        let Made::Objective(mut objective) = method(table).expect("valid").0 else { panic!("{table} is no objective") };
        objective.prepare(&Setup::of(&self.model, 0)).expect("the model fits");
        if let Some(Alternative::Mismatched(n)) = objective.needs().forget_alternates {
            let rows = self.sets.forget_alternates.rows().to_vec();
            self.sets.forget_alternates = Alternates::new(rows.chunks(4).map(<[TokenRow]>::to_vec).collect(), n);
        }
        objective
    }

    /// What the reference says: this model as it is now.
    pub fn ask(&self, objective: &dyn Objective) -> Reference {
        let needs = objective.needs();
        let question = Question::new(&needs, &self.sets, 1024);
        Reference::ask(&self.model, &question, &mut |_, _| Ok(())).expect("asks")
    }

    /// Loss and gradient of the third of four steps.
    pub fn step(&self, objective: &dyn Objective, reference: &Reference) -> (f64, Vec<Vec<f32>>) {
        self.step_of(objective, reference, 2)
    }

    pub fn step_of(&self, objective: &dyn Objective, reference: &Reference, step: usize) -> (f64, Vec<Vec<f32>>) {
        let (section, stop) = (section(1 << 20), AtomicBool::new(false));
        let plan =
            Plan { train: &section, seed: 0, sets: &self.sets, reference, state: None, watch: None, stop: &stop };
        let (event, gradients) = gradient(&self.model, objective, &plan, step).expect("a gradient");
        (event.loss, gradients.0)
    }

    /// The weights after four steps.
    pub fn trained(self, table: &Table, micro_tokens: usize) -> Vec<Vec<f32>> {
        self.trained_by(table, &section(micro_tokens))
    }

    /// The same by another section.
    pub fn trained_by(mut self, table: &Table, section: &TrainSection) -> Vec<Vec<f32>> {
        let mut objective = self.objective(table);
        let reference = self.ask(objective.as_ref());
        self.moved(7);
        let stop = AtomicBool::new(false);
        let sets = self.sets.clone();
        let plan =
            Plan { train: section, seed: 0, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };
        train(&mut self.model, objective.as_mut(), &plan, &mut |_| Ok(())).expect("trains");
        (0..self.model.parameters.specs().len()).map(|i| self.model.parameters.values(i)).collect()
    }

    /// Whether the loss depends on a parameter.
    pub fn reaches(&self, objective: &dyn Objective, i: usize) -> bool {
        let (needs, spec) = (objective.needs(), &self.model.parameters.specs()[i]);
        let layers = self.model.decoder.config().layers.len();
        let depth = needs.forget.depth(layers).max(needs.retain.depth(layers));
        let scores = needs.forget.scores || needs.retain.scores;
        scores || spec.first_layer().is_some_and(|l| l < depth) && !spec.name.starts_with("lm_head")
    }

    pub fn shift(&mut self, direction: &[Vec<f32>], step: f64) {
        for (i, d) in direction.iter().enumerate() {
            self.model
                .parameters
                .update(i, |v| v.iter_mut().zip(d).for_each(|(x, d)| *x += (step * f64::from(*d)) as f32));
        }
    }
}

/// Four steps.
pub fn section(micro_tokens: usize) -> TrainSection {
    TrainSection { learning_rate: 1e-3, batch_size: 3, steps: Some(4), micro_tokens, ..TrainSection::default() }
}
