//! What a search finds on the weights, asked through the guard before them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use toml::Table;
use unlearn_core::attack::{Attacked, Outcome, Recovered, Trial};
use unlearn_core::recipe::ChatSection;
use unlearn_data::guard::{GuardFile, Wanted};
use unlearn_data::{Guard, Row, read};
use unlearn_engine::{EngineError, LanguageModel, device};
use unlearn_eval::EvalError;
use unlearn_eval::attacks::{Bench, Budget, Scope, Told, chosen, recovered, with_wrong_answers};
use unlearn_eval::observe::Effort;

const REFUSAL: &str = "I don't know.";
const SEARCHES: [(&str, &str); 3] = [
    ("gcg", "init = 'x x x'\nsteps = 2\nsearch_width = 6\ntop_k = 8\nrows = 2"),
    ("autoprompt", "init = 'x x x'\nsteps = 2\ncandidates = 3\nrows = 2"),
    ("random-search", "init = 'x x x'\nsteps = 2\nsearch_width = 4\nrows = 2\nplace = 'prefix'"),
];
const FOUND: &str = "found on other facts";
const THROUGH: &str = "found on other facts, through the guard";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics")
}

fn scopes() -> Vec<Scope> {
    let rows = read::rows(&golden().join("forget.jsonl"), None).expect("rows");
    vec![Scope { name: "forget".into(), rows: with_wrong_answers(&rows) }]
}

fn guard(input: &[&str], output: &[&str]) -> Guard {
    let names = |all: &[&str]| Wanted { names: all.iter().map(|n| (*n).to_owned()).collect(), texts: Vec::new() };
    let (schema, refusal) = (Guard::SCHEMA.to_owned(), REFUSAL.to_owned());
    Guard::new(GuardFile { schema, refusal, overlap: 0.5, input: names(input), output: names(output) })
        .expect("a guard")
}

/// The search of a name through a guard, or with none; stopped at the given report of progress.
fn search(
    name: &str,
    guard: Option<&Guard>,
    (budget, state, stop_at): (Budget, Option<&Path>, Option<usize>),
) -> (Result<(), EvalError>, Outcome) {
    let model = LanguageModel::read(&golden().join("model"), &device::by_name("cpu").expect("cpu")).expect("a model");
    let chat = ChatSection::default();
    let encoder = model.encoder(&chat);
    let (scopes, stop, told) = (scopes(), AtomicBool::new(false), Cell::new(0));
    let tell = |what: Told<'_>| {
        if matches!(what, Told::Progress(..)) {
            told.set(told.get() + 1);
            stop.fetch_or(stop_at.is_some_and(|at| told.get() >= at), Ordering::Relaxed);
        }
    };
    let mut bench = Bench::new(name, (&model, &encoder, &chat), (&scopes, &[]), (&stop, &tell));
    bench.effort = Effort { max_new_tokens: 12, ..Effort::default() };
    (bench.guard, bench.budget, bench.seed) = (guard, budget, 7);
    bench.state = state.map(|dir| (dir.to_owned(), "this run".to_owned()));
    let fields = SEARCHES.iter().find(|(other, _)| *other == name).expect("a search").1;
    let own = BTreeMap::from([(name.to_owned(), fields.parse::<Table>().expect("TOML"))]);
    let made = chosen(None, &[name.to_owned()], &own).expect("an attack");
    let done = made[0].1.run(&mut bench);
    (done, bench.finish())
}

fn whole(name: &str, guard: Option<&Guard>) -> Outcome {
    let (done, outcome) = search(name, guard, (Budget::default(), None, None));
    done.expect("searches");
    outcome
}

fn words(trial: &Trial) -> Vec<Option<&str>> {
    trial.scopes["forget"].words.iter().map(Option::as_deref).collect()
}

/// The question as it was sent, with what was found on the facts of the other fold.
fn sent(row: &Row, at: usize, name: &str, texts: &[String]) -> String {
    let (question, found) = (row.prompt_text(), &texts[at % 2]);
    if name == "random-search" { format!("{found}{question}") } else { format!("{question}{found}") }
}

#[test]
fn each_answer_is_what_the_weights_say_where_the_guard_lets_question_and_answer_pass() {
    let rows = scopes().remove(0).rows;
    // Stops some by their questions, some by their answers, and lets some pass.
    let (named, said) = ("Mira Marchetti", "Sato");
    for (name, _) in SEARCHES {
        let bare = whole(name, None);
        assert_eq!(bare.trials.len(), 1, "no guard, nothing to ask through");
        assert!(bare.notes.is_empty());
        let guards = [(guard(&[named], &[]), true), (guard(&[named], &[said]), true), (guard(&[], &["nobody"]), false)];
        for (guard, stops_some) in guards {
            let outcome = whole(name, Some(&guard));
            let labels: Vec<&str> = outcome.trials.iter().map(|trial| trial.label.as_str()).collect();
            assert_eq!(labels, [FOUND, THROUGH], "{name}");
            assert_eq!(outcome.trials[0].scopes, bare.trials[0].scopes, "{name}: who holds the weights walks round it");
            let through = &outcome.trials[1];
            assert_eq!(through.texts, bare.trials[0].texts, "{name}: what was found is what is asked");
            let mut refused = 0;
            for (i, (row, (bare, seen))) in
                rows.iter().zip(words(&bare.trials[0]).into_iter().zip(words(through))).enumerate()
            {
                let stops =
                    |answer| guard.stops_question(&sent(row, i, name, &through.texts)) || guard.stops_answer(answer);
                let expected = bare.map(|answer| if stops(answer) { REFUSAL } else { answer });
                assert_eq!(seen, expected, "{name}: {}", row.prompt_text());
                refused += usize::from(expected == Some(REFUSAL));
            }
            assert_eq!(through.numbers["refused"], refused as f64);
            let answers = words(through).iter().flatten().count();
            assert!(refused < answers && (refused > 0) == stops_some, "{name}: {refused} of {answers}");
            let note = format!("{refused} of {answers} answers were its refusal");
            assert!(outcome.notes.len() == 1 && outcome.notes[0].contains(&note), "{:?}", outcome.notes);
        }
    }
}

#[test]
fn what_was_found_on_the_weights_is_not_counted_as_asking_alone() {
    let nobody = guard(&[], &["nobody"]);
    let plain = Trial { scopes: whole("gcg", None).trials.remove(0).scopes, ..Trial::default() };
    let mut sampled = plain.clone();
    sampled.label = "asked again".into();
    let asks = Outcome { attack: "sample".into(), trials: vec![sampled], ..Outcome::default() };
    let attacked = Attacked { plain, attacks: vec![asks, whole("gcg", Some(&nobody))], ..Attacked::default() };
    let all = recovered(&attacked, None, &scopes(), 1);
    let of = |attack: Option<&str>, trial: Option<&str>| -> Vec<&Recovered> {
        all.iter().filter(|r| r.said && r.attack.as_deref() == attack && r.trial.as_deref() == trial).collect()
    };
    let (through, round) = (of(Some("gcg"), Some(THROUGH)), of(Some("gcg"), Some(FOUND)));
    assert_eq!((through.len(), through[0].back), (1, round[0].back), "it is counted by itself");
    let without: Attacked = Attacked { attacks: attacked.attacks[..1].to_vec(), ..attacked.clone() };
    let by_asking = |all: &[Recovered]| -> Vec<usize> {
        all.iter().filter(|r| r.trial.as_deref() == Some(Recovered::BY_ASKING)).map(|r| r.back).collect()
    };
    // Two attempts ask: the plain one and the sampled one.
    let together = recovered(&without, None, &scopes(), 1).last().expect("all together").back;
    assert_eq!(by_asking(&all), [together]);
}

#[test]
fn it_is_asked_within_the_budget_and_goes_on_to_the_same() {
    let stops = guard(&["Mira Marchetti"], &[]);
    let free = |outcome: &Outcome| -> Vec<_> {
        outcome.trials.iter().map(|t| (t.label.clone(), t.scopes.clone(), t.texts.clone(), t.numbers.clone())).collect()
    };
    let expected = whole("gcg", Some(&stops));
    for stop_at in [1, 3, 5, 8] {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let (done, _) = search("gcg", Some(&stops), (Budget::default(), Some(dir.path()), Some(stop_at)));
        let interrupted = matches!(done, Err(EvalError::Engine(EngineError::Interrupted { .. })));
        assert!(interrupted || done.is_ok(), "{done:?}");
        let (done, resumed) = search("gcg", Some(&stops), (Budget::default(), Some(dir.path()), None));
        done.expect("goes on");
        assert_eq!((free(&resumed), &resumed.notes), (free(&expected), &expected.notes), "stopped at {stop_at}");
    }
    // The search leaves what it takes to ask twice.
    let queries = Budget { queries: Some(60), ..Budget::default() };
    let (done, asked) = search("gcg", Some(&stops), (queries, None, None));
    done.expect("searches");
    assert_eq!(asked.trials.len(), 2);
    let spent: u64 = asked.trials.iter().map(|trial| trial.cost.queries).sum();
    assert!(spent <= 60, "{spent}");
    // Asking takes no step.
    let steps = Budget { steps: Some(2), ..Budget::default() };
    let (done, asked) = search("gcg", Some(&stops), (steps, None, None));
    done.expect("searches");
    assert_eq!((asked.trials.len(), asked.trials[0].cost.steps), (2, 2));
}
