//! What searches find, and that they find it again.

use std::ops::ControlFlow;

use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::generate::{Options, generate};
use unlearn_engine::likelihood::score_rows;
use unlearn_eval::attacks::prompt_search::{
    Budget, Gcg, Goal, Moves, Outcome, Problem, RandomSearch, State, Stop, search,
};

use crate::common::*;

fn within(tokens: usize) -> Budget {
    Budget { steps: Some(10_000), forward_tokens: Some(tokens), ..Budget::default() }
}

/// The best losses of the two searches at the same cost.
fn both(problem: &Problem<'_>, slots: usize, tokens: usize) -> [f64; 2] {
    let gcg = run(&small(), problem, slots, &within(tokens)).state;
    let random = run(&random(), problem, slots, &within(tokens)).state;
    assert!(gcg.spent.forward_tokens <= tokens && random.spent.forward_tokens <= tokens);
    [gcg.best.loss, random.best.loss]
}

#[test]
fn where_gradients_say_something_gcg_gets_below_half_of_random_search_at_the_same_cost() {
    let model = wide();
    for seed in 1..4 {
        let goals = [goal(seed, 1)];
        let r = correlation(&model, &goals[0], 20);
        let [gcg, random] = both(&problem(&model, &goals, 20), 20, 10_000);
        println!("first-order score and true change: r = {r:.2}; gcg {gcg:.3}, random search {random:.3}");
        assert!(r > 0.4, "{r}");
        assert!(gcg < random / 2.0, "{gcg} and {random}");
    }
}

#[test]
fn on_the_golden_llama_gradients_say_little_and_both_searches_get_far() {
    // Its random weights are so large that a substitution lies far outside of where the gradient holds, and of its 96
    // tokens random search tries all.
    let model = llama();
    for seed in 1..4 {
        let goals = [goal(seed, 1)];
        let problem = problem(&model, &goals, 8);
        let r = correlation(&model, &goals[0], 8);
        let [gcg, random] = both(&problem, 8, 4_000);
        let from = run(&small(), &problem, 8, &steps(0)).state.best.loss;
        println!(
            "first-order score and true change: r = {r:.2}; from {from:.3} gcg {gcg:.3}, random search {random:.3}"
        );
        assert!(gcg < 0.7 * from && random < 0.7 * from);
    }
}

#[test]
fn in_a_trained_model_the_first_order_score_goes_with_the_true_change() {
    let model = model("metrics/model");
    let r: Vec<f64> = questions(&model, None).iter().take(6).map(|goal| correlation(&model, goal, 8)).collect();
    println!("{r:.2?}");
    assert!(r.iter().all(|r| *r > 0.3) && r.iter().sum::<f64>() / 6.0 > 0.55, "{r:?}");
}

#[test]
fn with_a_buffer_the_loss_never_rises_and_the_best_never_does() {
    let model = llama();
    let goals = [goal(2, 4)];
    let problem = problem(&model, &goals, 8);
    for buffer in [0, 1, 3] {
        for n_replace in [1, 3] {
            let state = run(&Gcg { buffer, n_replace, ..small() }, &problem, 8, &steps(25)).state;
            assert_eq!(state.curve.len(), 26);
            for pair in state.curve.windows(2) {
                assert!(buffer == 0 || pair[1].loss <= pair[0].loss);
                assert!(pair[1].best <= pair[0].best && pair[1].best <= pair[1].loss);
            }
            let rose = state.curve.windows(2).any(|pair| pair[1].loss > pair[0].loss);
            assert!(rose == (buffer == 0), "without one, local minima are left");
            assert!(state.buffer.len() <= buffer.max(1) && state.buffer.is_sorted_by(|a, b| a.loss <= b.loss));
        }
    }
    for state in [run(&auto(), &problem, 8, &steps(25)).state, run(&random(), &problem, 8, &steps(25)).state] {
        assert!(state.curve.is_sorted_by(|a, b| a.loss >= b.loss) && state.best.loss < state.curve[0].loss);
    }
}

fn plain(model: &unlearn_engine::LanguageModel, goal: &Goal, found: &[u32]) -> f64 {
    let prompt = goal.prompt(found);
    let labels = prompt.iter().map(|_| -100).chain(goal.target.iter().map(|&id| i64::from(id))).collect();
    let row = TokenRow::of_tokens([prompt, goal.target.clone()].concat(), labels);
    let scores = score_rows(model, &[row], Which::Supervised, 512, |_| ()).concat();
    -scores.iter().map(|&s| f64::from(s)).sum::<f64>() / scores.len() as f64
}

#[test]
fn what_is_found_is_worth_what_is_said_for_one_row_and_for_several() {
    let model = llama();
    for goals in [vec![goal(1, 1)], vec![goal(1, 2), goal(2, 3), goal(3, 1)]] {
        let problem = problem(&model, &goals, 8);
        let best = run(&small(), &problem, 8, &steps(30)).state.best;
        let all: Vec<f64> = goals.iter().map(|g| plain(&model, g, &best.ids)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        assert!((best.loss - mean).abs() < 1e-5, "{} instead of {mean}", best.loss);
    }
}

#[test]
fn a_search_that_ends_early_ends_where_the_model_says_the_target() {
    let model = llama();
    let goals = [goal(1, 1)];
    let problem = problem(&model, &goals, 8);
    let outcome = run(&Gcg { early_stop: true, ..small() }, &problem, 8, &steps(200));
    assert_eq!(outcome.stopped, Stop::Reached);
    let said = outcome.state.said.expect("it is said");
    let options = Options { max_new_tokens: 1, ..Options::default() };
    let answer = generate(&model, &[goals[0].prompt(&said.ids)], &options, |_, _| ()).expect("answers").answers;
    assert_eq!(answer[0].ids, goals[0].target);
    let before = generate(&model, &[goals[0].prompt(&start(8))], &options, |_, _| ()).expect("answers").answers;
    assert_ne!(before[0].ids, goals[0].target);
    let last = outcome.state.curve.last().expect("a point").step;
    assert!(last < 200 && outcome.state.spent.steps == last);
}

/// A search of ten steps, stopped after `stop` of them, its state written and read, and gone on with.
fn interrupted<M: Moves>(moves: &M, problem: &Problem<'_>, seed: u64, stop: Option<usize>) -> State {
    let mut state = None;
    if let Some(stop) = stop {
        let mut watch =
            |s: &State| if s.spent.steps == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let part: Outcome = search(moves, problem, (&start(8), seed), &steps(10), None, &mut watch).expect("searches");
        assert_eq!((part.stopped, part.state.spent.steps), (Stop::Asked, stop));
        let written = serde_json::to_string(&part.state).expect("JSON");
        state = Some(serde_json::from_str(&written).expect("a state"));
    }
    let mut on = |_: &_| ControlFlow::Continue(());
    let whole = search(moves, problem, (&start(8), seed), &steps(10), state, &mut on).expect("searches");
    assert_eq!(whole.stopped, Stop::Steps);
    whole.state
}

#[test]
fn stopping_and_going_on_is_going_on_at_any_number_of_threads() {
    let model = llama();
    let goals = [goal(1, 3), goal(3, 2)];
    let problem = problem(&model, &goals, 8);
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads");
    fn same<M: Moves + Sync>(moves: &M, problem: &Problem<'_>, pools: &[rayon::ThreadPool]) {
        let bytes = |s: State| serde_json::to_string(&s).expect("JSON");
        let whole = bytes(pools[0].install(|| interrupted(moves, problem, 1, None)));
        for pool in pools {
            for stop in [1, 6] {
                assert_eq!(bytes(pool.install(|| interrupted(moves, problem, 1, Some(stop)))), whole);
            }
        }
        assert_ne!(bytes(interrupted(moves, problem, 2, None)), whole, "another seed, another search");
    }
    let pools = [pool(1), pool(2)];
    same(&Gcg { buffer: 2, n_replace: 2, ..small() }, &problem, &pools);
    same(&Gcg { buffer: 0, ..small() }, &problem, &pools);
    same(&auto(), &problem, &pools);
    same(&random(), &problem, &pools);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let model = llama();
    let goals = [goal(1, 1)];
    let problem = problem(&model, &goals, 8);
    let mut on = |_: &_| ControlFlow::Continue(());
    let mut error = |moves: &Gcg, start: &[u32]| {
        search(moves, &problem, (start, 1), &steps(1), None, &mut on).expect_err("refused").to_string()
    };
    assert!(error(&Gcg { top_k: 0, ..small() }, &start(8)).contains("`top_k`: `0` is not possible"));
    assert!(error(&Gcg { n_replace: 0, ..small() }, &start(8)).contains("n_replace"));
    assert!(error(&small(), &start(7)).contains("8 free places"));
    let none = RandomSearch { search_width: 0, ..random() };
    let refused = search(&none, &problem, (&start(8), 1), &steps(1), None, &mut on).expect_err("refused");
    assert!(refused.hint().expect("a hint").contains("search_width"));
    let other = run(&small(), &crate::common::problem(&model, &goals, 6), 6, &steps(1)).state;
    let refused = search(&small(), &problem, (&start(8), 1), &steps(2), Some(other), &mut on).expect_err("another's");
    assert!(refused.to_string().contains("`state`: `6` is not possible"), "{refused}");
    let refused = search(&small(), &problem, (&[96; 8], 1), &steps(2), None, &mut on).expect_err("unknown");
    assert!(refused.to_string().contains("96 tokens"), "{refused}");
    assert!(Problem::new(&model, &[], 8, ANY, 64).is_err() && Problem::new(&model, &goals, 0, ANY, 64).is_err());
}
