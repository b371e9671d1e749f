//! Sampling in several wordings, held against counting by hand: all answers to all forms of every question.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use toml::Table;
use unlearn_core::attack::{Heard, Outcome, Trial};
use unlearn_core::recipe::ChatSection;
use unlearn_core::seed;
use unlearn_data::{Row, read};
use unlearn_engine::{LanguageModel, device};
use unlearn_eval::attacks::{Bench, Budget, Candidates, Scope, chosen, with_wrong_answers};
use unlearn_eval::observe::Effort;
use unlearn_eval::{EvalSet, Needs, Observer};

const SAMPLES: usize = 5;
const TEMPERATURES: [f64; 2] = [0.7, 1.5];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics")
}

/// The golden questions; the first few in other words too, one of them in two.
fn rows() -> Vec<Row> {
    let rows = with_wrong_answers(&read::rows(&golden().join("forget.jsonl"), None).expect("rows")[..6]);
    let other = |(i, row): (usize, Row)| {
        let question = row.prompt_text();
        let paraphrased_question = (i < 4).then(|| format!("Tell me: {question}"));
        let again = [question.clone(), format!("{question} Say it."), format!("Tell me: {question}")];
        let paraphrased_questions = if i == 1 { again.to_vec() } else { Vec::new() };
        Row { paraphrased_question, paraphrased_questions, ..row }
    };
    rows.into_iter().enumerate().map(other).collect()
}

fn with<T>(rows: &[Row], budget: Budget, run: impl FnOnce(&mut Bench<'_>) -> T) -> (T, Outcome) {
    let model = LanguageModel::read(&golden().join("model"), &device::by_name("cpu").expect("cpu")).expect("a model");
    let chat = ChatSection::default();
    let encoder = model.encoder(&chat);
    let scopes = [Scope { name: "forget".into(), rows: rows.to_vec() }];
    let (stop, tell) = (AtomicBool::new(false), |_: unlearn_eval::attacks::Told<'_>| {});
    let mut bench = Bench::new("sample", (&model, &encoder, &chat), (&scopes, &[]), (&stop, &tell));
    bench.effort = Effort { max_new_tokens: 12, ..Effort::default() };
    bench.budget = budget;
    bench.seed = 7;
    let done = run(&mut bench);
    (done, bench.finish())
}

fn sample(rows: &[Row], paraphrases: usize, budget: Budget) -> Outcome {
    let text = format!("samples = {SAMPLES}\ntemperatures = {TEMPERATURES:?}\nparaphrases = {paraphrases}");
    let own = BTreeMap::from([("sample".to_owned(), text.parse::<Table>().expect("TOML"))]);
    let made = chosen(None, &["sample".into()], &own).expect("an attack");
    let (done, outcome) = with(rows, budget, |bench| made[0].1.run(bench));
    done.expect("samples");
    outcome
}

/// What each answer to each row says, of the rows in one form; drawn here as the attack draws them.
fn answers(rows: &[Row], form: usize, temperature: f64) -> Vec<Option<Vec<Heard>>> {
    let in_form = |row: &Row| if form == 0 { Some(row.clone()) } else { row.asked(row.wordings().get(form - 1)?) };
    let asked: Vec<Option<Row>> = rows.iter().map(in_form).collect();
    let set = EvalSet::new("forget", asked.iter().flatten().cloned().collect());
    let (seen, _) = with(rows, Budget::default(), |bench| {
        let plain = bench.observer(bench.model);
        let seed = if form == 0 { 7 } else { seed::number(7, &format!("form {form}")) };
        let observer = Observer { effort: Effort { samples: SAMPLES, temperature, seed, ..plain.effort }, ..plain };
        observer.observe(&set, Needs { samples: true, ..Needs::NONE }, &mut |_| {}).expect("answers")
    });
    let mut said = seen.samples.into_iter();
    let heard = |(row, asked): (&Row, &Option<Row>)| {
        let texts = asked.as_ref().and_then(|_| said.next())?;
        let candidates = Candidates::of(row)?;
        Some(texts.iter().map(|text| candidates.heard(text)).collect())
    };
    rows.iter().zip(&asked).map(heard).collect()
}

/// Of all choices of `k` answers, the share with one that says the truth.
fn leak(answers: &[Heard], k: usize) -> f64 {
    let choices: Vec<u32> = (0..1 << answers.len()).filter(|choice: &u32| choice.count_ones() as usize == k).collect();
    let leaks = |choice: &&u32| answers.iter().enumerate().any(|(i, heard)| *choice >> i & 1 == 1 && heard.truth);
    choices.iter().filter(leaks).count() as f64 / choices.len() as f64
}

#[test]
fn any_wording_is_the_worst_of_all_answers_to_all_forms() {
    let rows = rows();
    let outcome = sample(&rows, 4, Budget::default());
    let labels: Vec<&str> = outcome.trials.iter().map(|trial| trial.label.as_str()).collect();
    let expected = TEMPERATURES.iter().flat_map(|t| {
        ["", ", paraphrase 1", ", paraphrase 2", ", any wording"].map(|f| format!("5 answers at temperature {t}{f}"))
    });
    assert_eq!(labels, expected.collect::<Vec<_>>());
    let mut differs = false;
    for (made, temperature) in outcome.trials.chunks(4).zip(TEMPERATURES) {
        let forms: Vec<_> = (0..3).map(|form| answers(&rows, form, temperature)).collect();
        for (trial, form) in made.iter().zip(&forms) {
            check(trial, std::slice::from_ref(form));
        }
        check(&made[3], &forms);
        assert_eq!(made[3].cost.queries, 0, "it asks nothing itself");
        let asked: Vec<usize> = made.iter().map(|t| t.scopes["forget"].said.iter().flatten().count()).collect();
        assert_eq!(asked, [6, 4, 1, 6]);
        assert_eq!(made[..3].iter().map(|t| t.cost.queries).collect::<Vec<_>>(), [30, 20, 5]);
        differs |= made[0].scopes["forget"].said != made[3].scopes["forget"].said;
    }
    assert!(differs, "other words bring something else");
    assert_eq!(outcome.notes.len(), 1);
    assert!(outcome.notes[0].contains("2 of 6 have none"), "{:?}", outcome.notes);
}

/// Holds an attempt to what was counted of each form.
fn check(trial: &Trial, forms: &[Vec<Option<Vec<Heard>>>]) {
    let caught = &trial.scopes["forget"];
    let of = |row: usize| -> Vec<&Vec<Heard>> { forms.iter().filter_map(|form| form[row].as_ref()).collect() };
    for row in 0..caught.said.len() {
        let all: Vec<&Heard> = of(row).into_iter().flatten().collect();
        let Some(said) = &caught.said[row] else {
            assert!(all.is_empty());
            continue;
        };
        assert_eq!(said.truth, all.iter().any(|heard| heard.truth), "{}: row {row}", trial.label);
        for (i, wrong) in said.wrong.iter().enumerate() {
            assert_eq!(*wrong, all.iter().any(|heard| heard.wrong[i]), "{}: row {row}, wrong {i}", trial.label);
        }
        let times = [all.iter().filter(|heard| heard.truth).count(), all.len()];
        assert_eq!(caught.times[row], Some(times), "{}: row {row}", trial.label);
    }
    let facts: Vec<usize> = (0..caught.said.len()).filter(|row| !of(*row).is_empty()).collect();
    for k in [1, 2, 4, 5] {
        let worst = |row: &usize| of(*row).iter().map(|answers| leak(answers, k)).fold(0.0, f64::max);
        let expected = facts.iter().map(worst).sum::<f64>() / facts.len() as f64;
        let found = trial.numbers[&format!("said-at-{k}")];
        assert!((found - expected).abs() < 1e-12, "{}: said-at-{k} is {found}, not {expected}", trial.label);
    }
}

#[test]
fn without_other_words_the_questions_are_asked_as_they_stand_and_the_report_says_so() {
    let plain: Vec<Row> = rows().into_iter().map(|row| Row { paraphrased_question: None, ..row }).collect();
    let plain: Vec<Row> = plain.into_iter().map(|row| Row { paraphrased_questions: Vec::new(), ..row }).collect();
    let outcome = sample(&plain, 4, Budget::default());
    assert!(outcome.notes.len() == 1 && outcome.notes[0].contains("no row has one"), "{:?}", outcome.notes);
    let none = sample(&rows(), 0, Budget::default());
    assert!(none.notes.is_empty(), "none were wanted");
    let bare = |outcome: &Outcome| -> Vec<_> {
        outcome.trials.iter().map(|trial| (trial.label.clone(), trial.scopes.clone(), trial.numbers.clone())).collect()
    };
    assert_eq!(bare(&outcome), bare(&none));
    assert_eq!(outcome.trials.len(), TEMPERATURES.len());
}

#[test]
fn any_wording_is_there_only_where_all_forms_were_asked() {
    let budget = |queries| Budget { queries: Some(queries), ..Budget::default() };
    let labels = |queries| sample(&rows(), 4, budget(queries)).trials.len();
    // 6, 4 and 1 questions, 5 answers each: the last form is begun where 50 are spent.
    assert_eq!([labels(1), labels(31), labels(50), labels(51)], [1, 2, 2, 4]);
    assert_eq!(sample(&rows(), 1, budget(50)).ended_by.as_deref(), Some("queries"));
}
