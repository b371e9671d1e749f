//! Budgets, and what is counted.

use std::ops::ControlFlow;

use unlearn_eval::attacks::prompt_search::{Budget, Gcg, Goal, Moves, Problem, Stop, search};

use crate::common::*;

fn unbounded() -> Budget {
    Budget { steps: Some(1000), ..Budget::default() }
}

#[test]
fn queries_are_used_to_the_last_and_none_is_exceeded() {
    let model = llama();
    fn check<M: Moves>(moves: &M, problem: &Problem<'_>, rows: usize) {
        for queries in [rows, rows + 1, 40, 101] {
            let budget = Budget { queries: Some(queries), ..unbounded() };
            let outcome = run(moves, problem, 8, &budget);
            assert_eq!(outcome.stopped, Stop::Queries);
            assert_eq!(outcome.state.spent.queries, queries / rows * rows);
        }
    }
    for goals in [vec![goal(1, 2)], vec![goal(1, 2), goal(2, 2)]] {
        let problem = problem(&model, &goals, 8);
        check(&small(), &problem, goals.len());
        check(&auto(), &problem, goals.len());
        check(&random(), &problem, goals.len());
    }
}

#[test]
fn forward_tokens_are_not_exceeded_and_less_is_left_than_a_step_takes() {
    let model = llama();
    let goals = [goal(1, 2), goal(2, 3)];
    let problem = problem(&model, &goals, 8);
    // Both rows' inputs, once with their beginnings of 6 tokens.
    let [first, again] = [(16 + 1) + (16 + 2), 10 + 1 + 10 + 2];
    for tokens in [first, 200, 997, 3001] {
        let budget = Budget { forward_tokens: Some(tokens), ..unbounded() };
        for (outcome, step) in [
            (run(&small(), &problem, 8, &budget), 4 * again),
            (run(&auto(), &problem, 8, &budget), 4 * again),
            (run(&random(), &problem, 8, &budget), again),
        ] {
            let spent = outcome.state.spent.forward_tokens;
            assert_eq!(outcome.stopped, Stop::ForwardTokens);
            assert!(spent <= tokens && tokens - spent < step, "{spent} of {tokens}");
            assert_eq!(outcome.state.curve.last().expect("a point").forward_tokens, spent);
        }
    }
    let mut on = |_: &_| ControlFlow::Continue(());
    for (budget, named) in [
        (Budget { forward_tokens: Some(first - 1), ..unbounded() }, "forward_tokens"),
        (Budget { queries: Some(1), ..unbounded() }, "queries"),
    ] {
        let error = search(&small(), &problem, (&start(8), 1), &budget, None, &mut on).expect_err("too little");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn steps_seconds_and_whoever_watches_end_a_search() {
    let model = llama();
    let goals = [goal(1, 2)];
    let problem = problem(&model, &goals, 8);
    let outcome = run(&small(), &problem, 8, &steps(3));
    assert_eq!((outcome.stopped, outcome.state.spent.steps), (Stop::Steps, 3));
    let own = run(&Gcg { steps: 2, ..small() }, &problem, 8, &Budget::default());
    assert_eq!((own.stopped, own.state.spent.steps), (Stop::Steps, 2));
    let late = run(&small(), &problem, 8, &Budget { seconds: Some(0.0), ..unbounded() });
    assert_eq!((late.stopped, late.state.spent.steps), (Stop::Seconds, 0));
    let mut asked = |s: &unlearn_eval::attacks::prompt_search::State| match s.spent.steps {
        2 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let outcome = search(&small(), &problem, (&start(8), 1), &unbounded(), None, &mut asked).expect("searches");
    assert_eq!((outcome.stopped, outcome.state.spent.steps), (Stop::Asked, 2));
}

#[test]
fn prompts_share_what_stands_before_their_first_change() {
    let model = llama();
    // 40 tokens of template and question, 20 places, 4 tokens behind them, a target of 16.
    let goals = [Goal { before: ids(1, 40), after: ids(2, 4), target: ids(3, 16), ..Goal::default() }];
    let problem = problem(&model, &goals, 20);
    let wide = Gcg { search_width: 64, ..small() };
    let state = run(&wide, &problem, 20, &steps(5)).state;
    let inputs = 40 + 20 + 4 + 16 - 1;
    let uncached = state.spent.queries * inputs + state.spent.steps * 3 * inputs;
    let ratio = state.spent.forward_tokens as f64 / uncached as f64;
    println!("{} forward tokens instead of {uncached}: {ratio:.3}", state.spent.forward_tokens);
    // Half of the places and all before them are shared on average: 30 of 79 tokens are left of a prompt.
    assert!((0.36..0.43).contains(&ratio), "{ratio}");
}
