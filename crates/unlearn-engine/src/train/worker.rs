//! The gradient of one step, micro-batch by micro-batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use unlearn_core::event::Step;
use unlearn_core::recipe::{AdapterKind, Smoothing};
use unlearn_data::TokenRow;
use unlearn_data::order::Visit;

use super::dropout::Dropout;
use super::micro::{Part, Passage};
use super::perturb::Point;
use super::prefix::PrefixCache;
use super::scores::Room;
use super::{Forward, Gradients, Micro, Needs, Objective, Passing, Plan, Reads, Route, Set, Side, StepView, Totals};
use crate::batch::{Together, Which};
use crate::decoder::Drop;
use crate::tensor::scalar;
use crate::{Decoder, EngineError, LanguageModel};

/// What the micro-batches of a run have in common.
pub(super) struct Worker<'a> {
    pub(super) plan: &'a Plan<'a>,
    needs: Needs,
    steps: usize,
    per_epoch: usize,
    route: Route,
    prefix: Option<PrefixCache>,
}

/// The rows of a step, side by side.
pub(super) struct StepRows {
    pub(super) view: StepView,
    sides: [(Side, Vec<Item>); 2],
}

/// A row of a step with the other answers that go with it.
pub(super) struct Item {
    own: Option<usize>,
    alternates: Vec<usize>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(model: &LanguageModel, needs: Needs, plan: &'a Plan<'a>, steps: usize) -> Self {
        let per_epoch = plan.order().per_epoch();
        let route = Route::new(&model.decoder, &model.parameters, plan.train.gradient_checkpointing)
            .reading([&needs.forget, &needs.retain]);
        let smoothed = plan.train.smooth.kind != Smoothing::None;
        let again = steps > per_epoch || smoothed || plan.train.folds > 1;
        let prefix = PrefixCache::new(route.first, again, plan.train.prefix_cache.0);
        Self { plan, needs, steps, per_epoch, route, prefix }
    }

    /// What the objective reads.
    pub(super) fn needs(&self) -> &Needs {
        &self.needs
    }

    /// A worker over the same rows for an objective with other needs, without the cached prefix.
    pub(super) fn asking(&self, needs: Needs) -> Worker<'a> {
        let &Self { plan, steps, per_epoch, route, .. } = self;
        Worker { plan, needs, steps, per_epoch, route, prefix: None }
    }

    /// The rows of a step, and what it holds.
    pub(super) fn step_rows(&self, step: usize, (forget, retain): (Vec<Visit>, Vec<Visit>)) -> StepRows {
        let sides =
            [(Side::Forget, self.items(Side::Forget, &forget)), (Side::Retain, self.items(Side::Retain, &retain))];
        StepRows { view: StepView::new(step, self.steps, self.per_epoch, self.totals(&sides)), sides }
    }

    /// The gradient of a step over these rows; `None` when the user interrupts.
    pub(super) fn gradient(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        step: usize,
        rows: (Vec<Visit>, Vec<Visit>),
    ) -> Result<Option<(Step, Gradients, StepView)>, EngineError> {
        let rows = self.step_rows(step, rows);
        let (mut event, mut sum) = (Step::default(), Gradients::new(point.parameters));
        let so_far = (&mut event, &mut sum);
        let done = if self.plan.train.smooth.kind == Smoothing::None {
            self.plain(point, objective, &rows, so_far)?
        } else {
            self.smooth(point, objective, &rows, so_far)?
        };
        sum.settle();
        Ok(done.then_some((event, sum, rows.view)))
    }

    /// Adds the loss and the gradient of both sides, the forget side's gradient as `train.smooth` has it; `false` when the
    /// user interrupts.
    fn smooth(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        StepRows { view, sides: [(_, forget), (retain, kept)] }: &StepRows,
        (event, sum): (&mut Step, &mut Gradients),
    ) -> Result<bool, EngineError> {
        let done = self.smoothed(point, objective, (view, forget), (event, sum))?;
        Ok(done && self.side(point, objective, (view, *retain), kept, (event, sum))?)
    }

    /// Adds the loss and the gradient of both sides as they are; `false` when the user interrupts. Both go through the
    /// decoder together where a micro-batch holds them.
    pub(super) fn plain(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        rows: &StepRows,
        (event, sum): (&mut Step, &mut Gradients),
    ) -> Result<bool, EngineError> {
        let read = rows.sides.iter().filter(|(side, _)| !self.needs.reads(*side).is_nothing());
        let read: Vec<(Side, &[Item])> = read.map(|(side, items)| (*side, items.as_slice())).collect();
        let tokens: usize = read.iter().flat_map(|(side, items)| self.lengths(*side, items, Together::Tree)).sum();
        if read.len() > 1 && self.together(point.decoder) == Together::Tree && tokens <= self.plan.train.micro_tokens {
            if self.plan.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let sides = read.iter().map(|(side, items)| (*side, places(*side, items.iter())));
            let sides: Vec<(Side, Vec<(Set, usize)>)> = sides.filter(|(_, places)| !places.is_empty()).collect();
            if !sides.is_empty() {
                self.micro(point, objective, &rows.view, &sides, (event, sum))?;
            }
            return Ok(true);
        }
        for (side, items) in read {
            if !self.side(point, objective, (&rows.view, side), items, (event, sum))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds one side's loss and gradient; `false` when the user interrupts.
    pub(super) fn side(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        (view, side): (&StepView, Side),
        items: &[Item],
        (event, sum): (&mut Step, &mut Gradients),
    ) -> Result<bool, EngineError> {
        if self.needs.reads(side).is_nothing() {
            return Ok(true);
        }
        let together = self.together(point.decoder);
        for group in together.cut(&self.lengths(side, items, together), self.plan.train.micro_tokens) {
            if self.plan.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let places = places(side, group.iter().map(|&g| &items[g]));
            if !places.is_empty() {
                self.micro(point, objective, view, &[(side, places)], (event, sum))?;
            }
        }
        Ok(true)
    }

    /// Tokens that each row takes with its other answers; side by side, all are padded to the longest of them.
    fn lengths(&self, side: Side, items: &[Item], together: Together) -> Vec<usize> {
        let ([own, alternates], [passing_own, passing_others]) = (side.sets(), self.passing(side));
        let length = |set: Set, i: usize| self.plan.sets.rows(set)[i].ids.len();
        let of = |item: &Item| {
            let all = item.own.filter(|_| passing_own).map(|i| length(own, i)).into_iter();
            let others = item.alternates.iter().filter(|_| passing_others);
            let all = all.chain(others.map(|&i| length(alternates, i)));
            let (rows, longest, sum) = all.fold((0, 0, 0), |(n, longest, sum), l| (n + 1, longest.max(l), sum + l));
            if together == Together::Tree { sum } else { rows * longest }
        };
        items.iter().map(of).collect()
    }

    /// Adds the loss and the gradient of some rows of one side or both, which go through the decoder together.
    fn micro(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        view: &StepView,
        sides: &[(Side, Vec<(Set, usize)>)],
        (event, sum): (&mut Step, &mut Gradients),
    ) -> Result<(), EngineError> {
        let device = point.parameters.device();
        let of_side = |(side, all): &(Side, Vec<(Set, usize)>)| -> Vec<(Set, usize)> {
            all.iter().copied().filter(|(set, _)| passes(&self.needs, *side, *set)).collect()
        };
        let places: Vec<(Set, usize)> = sides.iter().flat_map(of_side).collect();
        let members: Vec<&TokenRow> = places.iter().map(|&(set, i)| &self.plan.sets.rows(set)[i]).collect();
        let reads = sides.iter().fold(Reads::nothing(), |all, (side, _)| all.and(self.needs.reads(*side)));
        let to_the_end = !reads.inner.is_empty();
        let batch = self.together(point.decoder).put(&members, Which::Supervised, to_the_end, device);
        let drop = self.dropout(point, view.step, &places);
        let tracked = point.parameters.tracked().with_drop(drop.clone());
        let plain = point.parameters.frozen().with_drop(drop);
        let cache = self.prefix.as_mut();
        let input = cache.map(|cache| cache.input(point.decoder, &plain, &places, (&members, &batch, to_the_end)));
        let forward = Forward::run(point.decoder, [&tracked, &plain], &batch, (self.route, &reads), input);
        let (through, of) = ((point.decoder, [&tracked, &plain]), (members.as_slice(), &batch));
        // What is read inside the decoder belongs to the graph of its blocks, which is gone through once.
        let room = if to_the_end { Room::ALL } else { Room::of(self.plan.train.scores_memory) };
        let passage = Passage::new(through, of, forward.hidden(), forward.inner(), room);
        let (mut terms, mut first) = (Vec::new(), 0);
        for (side, all) in sides {
            let part = |set: Set| -> Result<Part, EngineError> {
                let places: Vec<usize> = all.iter().filter(|(s, _)| *s == set).map(|(_, i)| *i).collect();
                let answers = self.plan.reference.of_rows(set, &places, device)?;
                Ok(Part { set, places, passing: passes(&self.needs, *side, set), answers })
            };
            let [own, alternates] = side.sets();
            let micro = Micro::new(&passage, [part(own)?, part(alternates)?], (first, view));
            first = micro.end();
            terms.extend(match side {
                Side::Forget => objective.forget(&micro),
                Side::Retain => objective.retain(&micro),
            });
        }
        let mut losses = Vec::new();
        for term in terms {
            let value = scalar(term.value.clone().detach());
            *event.terms.entry(term.name.to_owned()).or_default() += value;
            event.loss += value * term.weight;
            if term.weight != 0.0 {
                losses.push(term.value.mul_scalar(term.weight));
            }
        }
        event.tokens += batch.token_count;
        let loss = losses.into_iter().reduce(|a, b| a + b);
        if let Some(loss) = loss.and_then(|loss| passage.below(loss, sum)) {
            forward.backward(loss, sum);
        }
        Ok(())
    }

    /// How rows go through the decoder: side by side where each has a dropout of its own.
    fn together(&self, decoder: &Decoder) -> Together {
        if self.drops() { Together::SideBySide } else { Together::through(decoder.config()) }
    }

    fn drops(&self) -> bool {
        self.plan.train.adapter == AdapterKind::Lora && self.plan.train.lora.dropout > 0.0
    }

    /// Whether the rows of a side go through the policy, and whether the other answers do.
    fn passing(&self, side: Side) -> [bool; 2] {
        self.needs.passing_of(side)
    }

    fn items(&self, side: Side, visits: &[Visit]) -> Vec<Item> {
        let alone = side == Side::Forget && self.needs.passing == Passing::Alternates;
        let wanted = self.needs.alternates(side).is_some();
        let item = |v: &Visit| Item {
            own: (!alone).then_some(v.row),
            alternates: if wanted { self.plan.sets.alternates(side).at(v.row, v.pass) } else { Vec::new() },
        };
        visits.iter().map(item).collect()
    }

    fn totals(&self, sides: &[(Side, Vec<Item>)]) -> BTreeMap<Set, Totals> {
        let mut totals: BTreeMap<Set, Totals> = BTreeMap::new();
        for (side, items) in sides {
            let [own, alternates] = side.sets();
            for item in items {
                let all = item.own.iter().map(|&i| (own, i)).chain(item.alternates.iter().map(|&i| (alternates, i)));
                for (set, i) in all {
                    totals.entry(set).or_default().answers.push(self.plan.sets.rows(set)[i].supervised());
                }
            }
        }
        totals
    }

    fn dropout(&self, point: Point<'_>, step: usize, places: &[(Set, usize)]) -> Option<Arc<dyn Drop>> {
        let rate = self.plan.train.lora.dropout;
        self.drops()
            .then(|| Arc::new(Dropout::new(rate, self.plan.seed, (step, places), point.parameters)) as Arc<dyn Drop>)
    }
}

/// Whether the rows of a side's set go through the policy.
fn passes(needs: &Needs, side: Side, set: Set) -> bool {
    needs.passing_of(side)[usize::from(set != side.sets()[0])]
}

/// Rows of a side, then their other answers.
fn places<'a>(side: Side, items: impl Iterator<Item = &'a Item> + Clone) -> Vec<(Set, usize)> {
    let [own, alternates] = side.sets();
    let owns = items.clone().filter_map(|item| item.own).map(|i| (own, i));
    owns.chain(items.flat_map(|item| &item.alternates).map(|&i| (alternates, i))).collect()
}

/// The loss, its terms and its gradient at one step of a run, as the loop computes them; the loop's own counters stay
/// at zero.
///
/// # Errors
/// When the reference's answers cannot be read, or the user interrupts.
pub fn gradient(
    model: &LanguageModel,
    objective: &dyn Objective,
    plan: &Plan<'_>,
    step: usize,
) -> Result<(Step, Gradients), EngineError> {
    let mut worker = Worker::new(model, objective.needs(), plan, plan.steps());
    let rows = plan.order().rows(step);
    let done = worker.gradient(Point::of(model), objective, step, rows)?;
    done.map(|(event, gradients, _)| (event, gradients)).ok_or(EngineError::Interrupted { step })
}
