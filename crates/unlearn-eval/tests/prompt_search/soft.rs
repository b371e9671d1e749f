//! Vectors in place of tokens.

use std::ops::ControlFlow;

use unlearn_data::TokenRow;
use unlearn_engine::LanguageModel;
use unlearn_engine::batch::Which;
use unlearn_engine::generate::{Options, generate};
use unlearn_engine::likelihood::score_rows;
use unlearn_engine::prompt::vectors;
use unlearn_eval::attacks::prompt_search::{
    Budget, Goal, Problem, Rule, SoftOutcome, SoftPrompt, SoftState, Stop, answers_behind, likelihoods_behind,
    soft_search,
};

use crate::common::{goal, llama, model, problem, questions, start, steps};

const RULES: [Rule; 2] = [Rule::Sign, Rule::Adam];

fn config(rule: Rule) -> SoftPrompt {
    SoftPrompt { rule, learning_rate: 0.03, ..SoftPrompt::default() }
}

fn soft(rule: Rule, problem: &Problem<'_>, from: &[f32], budget: &Budget) -> SoftOutcome {
    let mut on = |_: &_| ControlFlow::Continue(());
    soft_search(&config(rule), problem, from, budget, None, &mut on).expect("searches")
}

fn scores(model: &LanguageModel, goal: &Goal, found: &[u32]) -> Vec<f32> {
    let prompt = goal.prompt(found);
    let labels = prompt.iter().map(|_| -100).chain(goal.target.iter().map(|&id| i64::from(id))).collect();
    let row = TokenRow::of_tokens([prompt, goal.target.clone()].concat(), labels);
    score_rows(model, &[row], Which::Supervised, 512, |_| ()).concat()
}

#[test]
fn without_a_step_it_is_the_plain_prompt() {
    for name in ["models/llama", "models/gemma", "models/gpt2"] {
        let model = model(name);
        let goals = [goal(1, 3), goal(2, 2)];
        let from = vectors(&model, &start(6));
        let outcome = soft(Rule::Sign, &problem(&model, &goals, 6), &from, &steps(0));
        assert_eq!(outcome.vectors, from);
        let plain = goals.each_ref().map(|g| scores(&model, g, &start(6)));
        let mean = |s: &Vec<f32>| -s.iter().map(|&x| f64::from(x)).sum::<f64>() / s.len() as f64;
        let expected = plain.iter().map(mean).sum::<f64>() / 2.0;
        assert!((outcome.loss - expected).abs() < 1e-5, "{name}: {} instead of {expected}", outcome.loss);
        let behind = likelihoods_behind(&model, &goals, &from).expect("likelihoods");
        for (a, b) in behind.concat().iter().zip(plain.concat()) {
            assert!((a - b).abs() < 1e-5, "{name}: {a} instead of {b}");
        }
        let options = Options { max_new_tokens: 5, ..Options::default() };
        let prompts: Vec<Vec<u32>> = goals.iter().map(|g| g.prompt(&start(6))).collect();
        let expected = generate(&model, &prompts, &options, |_, _| ()).expect("answers").answers;
        assert_eq!(answers_behind(&model, &goals, &from, &options).expect("answers"), expected, "{name}");
    }
}

#[test]
fn both_rules_bring_the_target_out() {
    let model = llama();
    for rule in RULES {
        let goals = [goal(1, 2)];
        let outcome = soft(rule, &problem(&model, &goals, 8), &vectors(&model, &start(8)), &steps(200));
        let from = outcome.curve[0].loss;
        println!("{rule:?}: from {from:.3} to {:.4}", outcome.loss);
        assert!(outcome.loss < from / 8.0, "{rule:?}: {} from {from}", outcome.loss);
        let options = Options { max_new_tokens: 2, ..Options::default() };
        let said = answers_behind(&model, &goals, &outcome.vectors, &options).expect("answers");
        assert_eq!(said[0].ids, goals[0].target);
        let least = outcome.curve.iter().map(|p| p.loss).fold(f64::INFINITY, f64::min);
        assert_eq!(outcome.loss, least, "the best is kept");
        let behind = likelihoods_behind(&model, &goals, &outcome.vectors).expect("likelihoods").concat();
        let loss = -behind.iter().map(|&x| f64::from(x)).sum::<f64>() / 2.0;
        assert!((loss - outcome.loss).abs() < 1e-5);
    }
}

#[test]
fn a_step_is_as_long_as_it_should_be() {
    let model = llama();
    let goals = [goal(1, 3)];
    let problem = problem(&model, &goals, 4);
    let from = vectors(&model, &start(4));
    for rule in RULES {
        // Adam's first step is a sign step, but for ε.
        let moved = soft(rule, &problem, &from, &steps(1)).state.vectors;
        assert!(moved.iter().zip(&from).all(|(a, b)| ((a - b).abs() - 0.03).abs() < 1e-4), "{rule:?}");
    }
}

#[test]
fn adam_is_adam() {
    // f(x) = loss; its second step by hand from the gradients of the first two.
    let model = llama();
    let goals = [goal(1, 3)];
    let problem = problem(&model, &goals, 2);
    let from = vectors(&model, &start(2));
    let rows = [goals[0].slotted(&model, 2).expect("a row")];
    let gradient = |x: &[f32]| unlearn_engine::prompt::soft_gradient(&model, &rows, x).gradient;
    let one = soft(Rule::Adam, &problem, &from, &steps(1)).state.vectors;
    let two = soft(Rule::Adam, &problem, &from, &steps(2)).state.vectors;
    let (g, h) = (gradient(&from), gradient(&one));
    for i in 0..g.len() {
        let (g, h) = (f64::from(g[i]), f64::from(h[i]));
        let mean = (0.9 * 0.1 * g + 0.1 * h) / (1.0 - 0.81);
        let square = (0.999 * 0.001 * g * g + 0.001 * h * h) / (1.0 - 0.999f64.powi(2));
        let expected = f64::from(one[i]) - 0.03 * mean / (square.sqrt() + 1e-8);
        assert!((f64::from(two[i]) - expected).abs() < 1e-5, "{} instead of {expected}", two[i]);
    }
}

#[test]
fn vectors_found_on_some_rows_serve_others() {
    let model = model("metrics/model");
    let goals = questions(&model, Some("I do not know."));
    let from = vectors(&model, &start(8));
    let found = soft(Rule::Adam, &problem(&model, &goals[..4], 8), &from, &steps(40)).vectors;
    for goal in &goals[4..8] {
        let of = |v: &[f32]| -> f32 {
            likelihoods_behind(&model, std::slice::from_ref(goal), v).expect("likelihoods").concat().iter().sum()
        };
        println!("log-probability of the target behind another question: from {:.1} to {:.1}", of(&from), of(&found));
        assert!(of(&found) > of(&from) + 5.0);
    }
}

fn interrupted(rule: Rule, problem: &Problem<'_>, from: &[f32], stop: Option<usize>) -> SoftOutcome {
    let mut state = None;
    if let Some(stop) = stop {
        let mut watch =
            |s: &SoftState| if s.spent.steps == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let part = soft_search(&config(rule), problem, from, &steps(8), None, &mut watch).expect("searches");
        assert_eq!((part.stopped, part.state.spent.steps), (Stop::Asked, stop));
        let written = serde_json::to_string(&part.state).expect("JSON");
        state = Some(serde_json::from_str(&written).expect("a state"));
    }
    let mut on = |_: &_| ControlFlow::Continue(());
    let whole = soft_search(&config(rule), problem, from, &steps(8), state, &mut on).expect("searches");
    SoftOutcome { seconds: 0.0, ..whole }
}

#[test]
fn stopping_and_going_on_is_going_on_at_any_number_of_threads() {
    let model = llama();
    let goals = [goal(1, 3), goal(3, 2)];
    let problem = problem(&model, &goals, 6);
    let from = vectors(&model, &start(6));
    for rule in RULES {
        let whole = interrupted(rule, &problem, &from, None);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            for stop in [1, 5] {
                assert_eq!(pool.install(|| interrupted(rule, &problem, &from, Some(stop))), whole);
            }
        }
    }
}

#[test]
fn budgets_leave_room_for_the_last_loss() {
    let model = llama();
    let goals = [goal(1, 3)];
    let problem = problem(&model, &goals, 6);
    let from = vectors(&model, &start(6));
    // 16 inputs, of which the first 6 stand before the places: 10 in every pass, 30 there and back.
    for (tokens, taken) in [(16, 0), (45, 0), (46, 1), (75, 1), (76, 2), (500, 16)] {
        let budget = Budget { forward_tokens: Some(tokens), ..Budget::default() };
        let outcome = soft(Rule::Sign, &problem, &from, &budget);
        assert_eq!((outcome.stopped, outcome.state.spent.steps), (Stop::ForwardTokens, taken), "{tokens}");
        assert_eq!(outcome.spent.forward_tokens, 16 + 30 * taken);
    }
    let outcome = soft(Rule::Sign, &problem, &from, &Budget { queries: Some(5), ..Budget::default() });
    assert_eq!((outcome.stopped, outcome.spent.queries, outcome.curve.len()), (Stop::Queries, 5, 5));
    let mut on = |_: &_| ControlFlow::Continue(());
    let little = Budget { forward_tokens: Some(15), ..Budget::default() };
    assert!(soft_search(&config(Rule::Sign), &problem, &from, &little, None, &mut on).is_err());
    let still = SoftPrompt { learning_rate: 0.0, ..SoftPrompt::default() };
    let error = soft_search(&still, &problem, &from, &steps(1), None, &mut on).expect_err("refused").to_string();
    assert!(error.contains("learning_rate"), "{error}");
    assert!(soft_search(&config(Rule::Sign), &problem, &from[1..], &steps(1), None, &mut on).is_err());
    let far = SoftPrompt { learning_rate: 1e40, ..SoftPrompt::default() };
    let error = soft_search(&far, &problem, &from, &steps(9), None, &mut on).expect_err("no number").to_string();
    assert!(error.contains("after step"), "{error}");
    let state = SoftState { vectors: vec![0.0; 3], ..SoftState::default() };
    assert!(soft_search(&config(Rule::Sign), &problem, &from, &steps(1), Some(state), &mut on).is_err());
}
