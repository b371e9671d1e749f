//! The learning rate's course.

use unlearn_core::recipe::{Schedule, TrainSection};

/// The learning rate of a step, counted from 0, of `steps`.
///
/// The warm-up rises from `1 / w` of the peak at the first step to the peak at step `w`; what follows reaches zero
/// one step after the last.
#[must_use]
pub fn learning_rate(train: &TrainSection, step: usize, steps: usize) -> f64 {
    let warmup = if train.warmup < 1.0 { (train.warmup * steps as f64).round() } else { train.warmup.round() };
    let at = step as f64;
    if at + 1.0 < warmup {
        return train.learning_rate * (at + 1.0) / warmup;
    }
    let rest = (steps as f64 - warmup).max(1.0);
    let progress = ((at - warmup.max(0.0)).max(0.0) / rest).clamp(0.0, 1.0);
    train.learning_rate
        * match train.schedule {
            Schedule::Constant => 1.0,
            Schedule::Linear => 1.0 - progress,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls_to_zero() {
        for schedule in [Schedule::Linear, Schedule::Cosine] {
            let train = TrainSection { learning_rate: 1.0, warmup: 0.2, schedule, ..TrainSection::default() };
            let course: Vec<f64> = (0..20).map(|s| learning_rate(&train, s, 20)).collect();
            assert_eq!(course[..4], [0.25, 0.5, 0.75, 1.0]);
            assert!(course[4..].windows(2).all(|w| w[1] < w[0]), "{course:?}");
            assert!(course[19] > 0.0 && learning_rate(&train, 20, 20) < 1e-12);
        }
        let constant = TrainSection { warmup: 0.0, schedule: Schedule::Constant, ..TrainSection::default() };
        assert!((0..5).all(|s| learning_rate(&constant, s, 5) == constant.learning_rate));
    }
}
