//! Attacks that look inside: on a model that was taught made-up facts, on one that was taught nothing, and on one in which
//! something hides them.

mod people;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use toml::Table;
use unlearn_core::attack::{Heard, Outcome, Trial};
use unlearn_core::recipe::ChatSection;
use unlearn_core::seed;
use unlearn_data::Row;
use unlearn_engine::LanguageModel;
use unlearn_engine::decoder::Change;
use unlearn_eval::attacks::{Bench, Budget, Scope, chosen};
use unlearn_stats::exchange::at_least;

use people::{people, taking, train_on, untaught};

/// People of whom the attacker asks, and others.
fn halves() -> (Vec<Scope>, Vec<Row>) {
    let (asked, others): (Vec<_>, Vec<_>) = people().into_iter().enumerate().partition(|(i, _)| (i + i / 8) % 2 == 0);
    let rows = |rows: Vec<(usize, Row)>| rows.into_iter().map(|(_, row)| row).collect::<Vec<Row>>();
    (vec![Scope { name: "forget".into(), rows: rows(asked) }], rows(others))
}

struct World {
    taught: LanguageModel,
    saved: PathBuf,
    _folder: tempfile::TempDir,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut taught = untaught();
        train_on(&mut taught, &people(), &taking(3e-3, 240));
        let folder = tempfile::tempdir().expect("temp dir");
        let saved = folder.path().join("taught");
        taught.save(&saved).expect("saves");
        World { taught, saved, _folder: folder }
    })
}

struct Case<'a> {
    model: &'a LanguageModel,
    reference: Option<&'a Path>,
    budget: Budget,
    state: Option<&'a Path>,
    world: (Vec<Scope>, Vec<Row>),
}

impl<'a> Case<'a> {
    fn of(model: &'a LanguageModel) -> Self {
        Self { model, reference: None, budget: Budget::default(), state: None, world: halves() }
    }

    fn with<T>(&self, attack: &str, run: impl FnOnce(&mut Bench<'_>) -> T) -> (T, Outcome) {
        let chat = ChatSection::default();
        let encoder = self.model.encoder(&chat);
        let (stop, tell) = (AtomicBool::new(false), |_: unlearn_eval::attacks::Told<'_>| ());
        let (scopes, retain) = (&self.world.0, &self.world.1);
        let mut bench = Bench::new(attack, (self.model, &encoder, &chat), (scopes, retain), (&stop, &tell));
        bench.reference = self.reference;
        bench.budget = self.budget;
        bench.state = self.state.map(|dir| (dir.to_owned(), "world".to_owned()));
        bench.effort.max_new_tokens = 12;
        let done = run(&mut bench);
        (done, bench.finish())
    }

    fn attack(&self, name: &str, own: &str) -> Outcome {
        let table: Table = own.parse().expect("TOML");
        let made = chosen(None, &[name.to_owned()], &BTreeMap::from([(name.to_owned(), table)])).expect("an attack");
        let (done, outcome) = self.with(name, |bench| made[0].1.run(bench));
        done.expect("runs");
        outcome
    }

    fn plain(&self) -> Trial {
        self.with("none", |bench| bench.ask(bench.model, &|_| false)).0.expect("asks")
    }
}

fn preferred(trial: &Trial) -> &[Option<Heard>] {
    &trial.scopes["forget"].chosen
}

fn said(trial: &Trial) -> &[Option<Heard>] {
    &trial.scopes["forget"].said
}

fn share(heard: &[Option<Heard>]) -> f64 {
    heard.iter().flatten().filter(|h| h.truth).count() as f64 / heard.iter().flatten().count().max(1) as f64
}

/// The chance of as many true ones by guessing.
fn by_chance(heard: &[Option<Heard>]) -> f64 {
    let chances: Vec<f64> = heard.iter().flatten().map(Heard::chance).collect();
    at_least(&chances, heard.iter().flatten().filter(|h| h.truth).count())
}

fn best(outcome: &Outcome) -> f64 {
    outcome.trials.iter().map(|trial| share(preferred(trial))).fold(0.0, f64::max)
}

fn same(a: &Outcome, b: &Outcome) -> bool {
    let plain = |o: &Outcome| o.trials.iter().map(|t| (t.label.clone(), t.scopes.clone())).collect::<Vec<_>>();
    plain(a) == plain(b)
}

#[test]
fn what_a_model_knows_is_read_from_inside_and_nothing_from_one_that_knows_nothing() {
    let (world, untaught) = (world(), untaught());
    for (attack, floor) in [("logit-lens", 0.9), ("tuned-lens", 0.9), ("probe", 0.6)] {
        let (knows, does_not) = (Case::of(&world.taught).attack(attack, ""), Case::of(&untaught).attack(attack, ""));
        assert!(best(&knows) >= floor, "{attack}: {}", best(&knows));
        for trial in &does_not.trials {
            let chance = by_chance(preferred(trial)).min(by_chance(said(trial)));
            assert!(chance > 0.01, "{attack}, {}: {chance}", trial.label);
        }
        let asked = preferred(&knows.trials[0]).iter().flatten().count();
        assert_eq!(asked, 32, "{attack}: every row is asked");
    }
    let probed = Case::of(&world.taught).attack("probe", "");
    let selective = probed.trials.iter().map(|t| t.numbers["selectivity"]).fold(0.0, f64::max);
    assert!(selective > 0.3, "{selective}");
}

#[test]
fn at_the_last_layer_a_lens_prefers_what_the_model_prefers() {
    let case = Case::of(&world().taught);
    let (lens, tuned, plain) = (case.attack("logit-lens", ""), case.attack("tuned-lens", ""), case.plain());
    let layers = case.model.decoder.config().layers.len();
    assert_eq!(lens.trials.len(), layers + 1);
    assert_eq!(preferred(&lens.trials[layers - 1]), preferred(&plain));
    assert_eq!(preferred(&tuned.trials[layers - 1]), preferred(&plain));
    assert!(tuned.trials[0].numbers["left"] < 1.0 && tuned.trials[layers - 1].numbers["left"] == 0.0);
    // The first token of what the model says is the likeliest of the last layer.
    let heard = lens.trials[layers].scopes["forget"].said.iter().zip(said(&plain));
    assert!(
        heard.filter_map(|(lens, plain)| Some((lens.as_ref()?, plain.as_ref()?))).all(|(l, p)| l.truth || !p.truth)
    );
}

#[test]
fn a_probe_does_not_see_which_answer_is_true_of_the_row_it_is_asked_about() {
    let own = "layers = 2\nfolds = 4";
    let case = Case::of(&world().taught);
    let before = case.attack("probe", own);
    for row in [0, 13, 31] {
        let mut turned = Case::of(&world().taught);
        let asked = &mut turned.world.0[0].rows[row];
        let (truth, wrong) = (asked.answer_text().expect("an answer").to_owned(), asked.perturbed_answer[2].clone());
        let question = Row::question(asked.prompt_text(), wrong);
        asked.perturbed_answer[2] = truth;
        *asked = Row { entity: asked.entity.clone(), perturbed_answer: asked.perturbed_answer.clone(), ..question };
        for (a, b) in before.trials.iter().zip(&turned.attack("probe", own).trials) {
            let (a, b) = (preferred(a)[row].clone().expect("asked"), preferred(b)[row].clone().expect("asked"));
            let mut wrong = b.wrong.clone();
            wrong[2] = b.truth;
            assert_eq!((a.truth, a.wrong), (b.wrong[2], wrong), "row {row}");
        }
    }
}

#[test]
fn how_an_answer_is_written_gives_nothing_away() {
    // The true answer begins as no wrong one does; its paraphrase is written like them.
    let mut case = Case::of(&world().taught);
    for row in &mut case.world.0[0].rows {
        let place = row.answer_text().expect("an answer").to_owned();
        let other = Row::question(row.prompt_text(), format!("Well, {place}"));
        let perturbed_answer = row.perturbed_answer.clone();
        *row = Row { entity: row.entity.clone(), paraphrased_answer: Some(place), perturbed_answer, ..other };
    }
    let found = case.attack("logit-lens", "layers = 1");
    assert!(share(said(&found.trials[1])) >= 0.9, "by the paraphrase");
    assert!(best(&case.attack("probe", "")) >= 0.6, "by the paraphrase");
    case.world.0[0].rows.iter_mut().for_each(|row| row.paraphrased_answer = None);
    assert_eq!(share(said(&case.attack("logit-lens", "layers = 1").trials[1])), 0.0, "nothing begins with that");
}

/// The taught model, in which something is added behind the middle block.
fn hidden(strength: f32) -> LanguageModel {
    let model = &world().taught;
    let vector = seed::normal(9, "hides", model.decoder.config().hidden_size);
    model.with_changes([(1, Change::Add(vector.into_iter().map(|v| strength * v as f32).collect()))])
}

#[test]
fn what_hides_the_answers_is_pushed_back_and_taken_out() {
    let subject = hidden(12.0);
    let mut case = Case::of(&subject);
    let plain = share(preferred(&case.plain()));
    assert!(plain < 0.5, "it is hidden: {plain}");
    assert!(case.attack("steer", "").trials.is_empty(), "without a reference nothing is tried");
    case.reference = Some(&world().saved);
    let steered = case.attack("steer", "strengths = [0.0, 1.0]");
    assert_eq!(steered.trials.len(), 6);
    assert_eq!(steered.trials[0].scopes, case.plain().scopes, "nothing is added");
    assert_eq!(best(&steered), 1.0, "pushed back");
    let without = case.attack("ablate", "");
    assert_eq!(best(&without), 1.0, "taken out");
    // Beside itself there is no direction; with retain rows there is one.
    let mut own = Case::of(&world().taught);
    own.reference = Some(&world().saved);
    assert!(own.attack("ablate", "").trials.is_empty());
    assert_eq!(Case::of(&subject).attack("ablate", "layers = 2").trials.len(), 3);
}

#[test]
fn anothers_streams_make_a_model_the_other_and_its_own_change_nothing() {
    let taught = &world().taught;
    let plain = Case::of(taught).plain();
    let (untaught, layers) = (untaught(), taught.decoder.config().layers.len());
    let mut own = Case::of(taught);
    own.reference = Some(&world().saved);
    for trial in own.attack("patch", "").trials {
        assert_eq!(preferred(&trial), preferred(&plain), "{}", trial.label);
    }
    // A model that knows nothing, but whose output layer and last norm are those of one that does.
    let mut empty = untaught.clone();
    for (i, spec) in taught.decoder.specs().iter().enumerate().filter(|(_, spec)| spec.layer.is_none()) {
        empty.parameters.update(i, |w| w.copy_from_slice(&taught.parameters.values(i)));
        assert!(spec.layer.is_none());
    }
    let mut case = Case::of(&empty);
    assert!(case.attack("patch", "").trials.is_empty(), "without a reference nothing is tried");
    case.reference = Some(&world().saved);
    let patched = case.attack("patch", "");
    assert_eq!(patched.trials.len(), layers);
    assert_eq!(preferred(&patched.trials[layers - 1]), preferred(&plain), "the stream carries the answer");
}

#[test]
fn attempts_end_with_the_budget_are_the_same_again_and_go_on_where_they_were() {
    let taught = &world().taught;
    for attack in ["logit-lens", "tuned-lens", "probe", "patch", "ablate", "steer"] {
        let mut case = Case::of(taught);
        // Other than itself, so that there is something to add and to take out.
        let subject = hidden(12.0);
        case.model = &subject;
        case.reference = Some(&world().saved);
        let whole = case.attack(attack, "");
        assert!(whole.trials.len() > 1 && whole.ended_by.is_none(), "{attack}");
        assert!(whole.trials[0].cost.queries >= 32 && whole.trials[0].cost.forward_tokens > 0, "{attack}");
        assert!(same(&whole, &case.attack(attack, "")), "{attack}: the same again");
        let dir = tempfile::tempdir().expect("temp dir");
        case.state = Some(dir.path());
        case.budget = Budget { queries: Some(1), ..Budget::default() };
        let first = case.attack(attack, "");
        assert_eq!((first.trials.len(), first.ended_by.as_deref()), (1, Some("queries")), "{attack}");
        case.budget = Budget::default();
        assert!(same(&whole, &case.attack(attack, "")), "{attack}: where it was");
        let kept = || std::fs::read_dir(dir.path()).expect("a folder").count();
        assert_eq!(kept(), whole.trials.len(), "{attack}: every attempt is kept");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (attack, own, named) in [
        ("logit-lens", "top = [0]", "attack.logit-lens.top"),
        ("tuned-lens", "ridge = 0.0", "attack.tuned-lens.ridge"),
        ("tuned-lens", "rows = 0", "attack.tuned-lens.rows"),
        ("probe", "folds = 1", "attack.probe.folds"),
        ("probe", "ridge = -1.0", "attack.probe.ridge"),
        ("steer", "strengths = [nan]", "attack.steer.strengths"),
        ("ablate", "layer = 3", "attack.ablate.layer"),
    ] {
        let own = BTreeMap::from([(attack.to_owned(), own.parse::<Table>().expect("TOML"))]);
        let error = chosen(None, &[attack.to_owned()], &own).err().expect(named);
        assert!(error.to_string().contains(named), "{error}");
    }
}
