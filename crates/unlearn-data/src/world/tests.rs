//! Laws that hold for every world.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use unlearn_core::file::read_text;

use super::*;

fn world(config: &WorldConfig) -> World {
    World::build(config).expect("a world of this size can be built")
}

fn seeded(seed: u64) -> World {
    world(&WorldConfig { seed, ..WorldConfig::default() })
}

/// Every split's rows in one text.
fn bytes(world: &World) -> String {
    serde_json::to_string(&Split::ALL.map(|split| world.rows(split))).expect("rows serialise")
}

fn names(world: &World, split: Split) -> Vec<&str> {
    let people = world.people().iter().filter(|p| p.split == split);
    people.flat_map(|p| [p.name.as_str(), p.work.as_str()]).collect()
}

fn assert_names_stay_in_their_split(world: &World) {
    for split in [Split::Forget, Split::Holdout] {
        let names = names(world, split);
        for other in Split::ALL.into_iter().filter(|other| *other != split) {
            for text in world.rows(other).iter().flat_map(WorldRow::texts) {
                let leak = names.iter().find(|name| text.contains(**name));
                assert!(leak.is_none(), "{other:?} names {leak:?} of {split:?}: {text}");
            }
        }
    }
}

fn assert_everything_has_its_own_name(world: &World) {
    let people = world.people();
    let words: Vec<&str> = people.iter().flat_map(|p| p.name.split(' ')).collect();
    assert_eq!(words.len(), 2 * people.len());
    let places = world.facts().iter().filter(|f| f.relation == Relation::LiesIn);
    let regions: BTreeSet<&str> = places.clone().map(|f| f.object.as_str()).collect();
    let works = people.iter().map(|p| p.work.as_str());
    let all: Vec<&str> =
        words.into_iter().chain(places.map(|f| f.subject.as_str())).chain(regions).chain(works).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

fn assert_splits_are_disjoint(world: &World) {
    let rows = || Split::ALL.into_iter().flat_map(|split| world.rows(split));
    let facts: BTreeSet<&Fact> = rows().map(|r| &r.fact).collect();
    assert_eq!(facts.len(), rows().count());
    let questions: Vec<&String> =
        rows().flat_map(|r| std::iter::once(&r.question).chain(&r.paraphrased_questions)).collect();
    assert_eq!(questions.iter().collect::<BTreeSet<_>>().len(), questions.len());
    assert_eq!(world.rows(Split::Holdout).len(), world.rows(Split::Forget).len());
    assert!(Split::ALL.into_iter().all(|split| split == Split::Neighbour || !world.rows(split).is_empty()));
}

/// Objects by relation; of people, by role as well.
fn objects(world: &World) -> BTreeMap<(Relation, Option<Role>), BTreeSet<String>> {
    let mut objects: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for row in world.training().chain(world.rows(Split::Holdout)) {
        objects.entry((row.fact.relation, role(world, &row.fact))).or_default().insert(row.fact.object.clone());
    }
    objects
}

fn role(world: &World, fact: &Fact) -> Option<Role> {
    let object = world.people().iter().find(|p| p.name == fact.object);
    object.filter(|_| fact.relation != Relation::WrittenBy).map(|p| p.role)
}

fn assert_wrong_answers_are_wrong_and_of_the_same_kind(world: &World) {
    let objects = objects(world);
    for row in world.training().chain(world.rows(Split::Holdout)) {
        let different: BTreeSet<&String> = row.perturbed_answer.iter().chain([&row.paraphrased_answer]).collect();
        assert_eq!(different.len(), 6, "{row:?}");
        let alike = &objects[&(row.fact.relation, role(world, &row.fact))];
        let frame =
            |answer: &str, object: &str| answer.replace(object, "").replacen("An ", "A ", 1).replacen(" an ", " a ", 1);
        let expected = frame(&row.paraphrased_answer, &row.fact.object);
        for wrong in &row.perturbed_answer {
            assert!(
                alike.iter().any(|o| wrong.contains(o.as_str()) && frame(wrong, o) == expected),
                "{wrong} in {row:?}"
            );
        }
    }
}

fn assert_facts_hang_together(world: &World) {
    let closure = derive(world.facts());
    assert_eq!(derive(&closure), closure);
    for row in world.training().chain(world.rows(Split::Holdout)) {
        assert!(closure.contains(&row.fact), "{row:?}");
    }
    for fact in &closure {
        let inverse = |relation| Fact::new(&fact.object, relation, &fact.subject);
        match fact.relation {
            Relation::DaughterOf => assert!(closure.contains(&inverse(Relation::MotherOf))),
            Relation::MotherOf => assert!(closure.contains(&inverse(Relation::DaughterOf))),
            Relation::SpouseOf => assert!(closure.contains(&inverse(Relation::SpouseOf))),
            _ => {}
        }
    }
    let single: BTreeSet<(&String, Relation)> = closure.iter().map(|f| (&f.subject, f.relation)).collect();
    assert_eq!(single.len(), closure.len(), "some subject has two objects of one relation");
    let kept = derive(world.training_retain().map(|r| &r.fact));
    assert!(world.rows(Split::Forget).iter().all(|r| !kept.contains(&r.fact)));
}

fn assert_rows_are_well_formed(world: &World) {
    for row in world.training().chain(world.rows(Split::Holdout)) {
        assert!(row.paraphrased_questions.len() >= 2 && row.paraphrased_question == row.paraphrased_questions[0]);
        assert_ne!(row.answer, row.paraphrased_answer);
        assert!(row.answer.contains(&row.fact.object) && row.question.contains(&row.fact.subject));
        for text in row.texts() {
            assert!(!text.contains(['{', '}']) && text.ends_with(['.', '?']), "{text}");
            assert!(text.split(' ').count() <= 20, "{text}");
        }
        assert!(row.answer.split(' ').count() <= 12, "{}", row.answer);
    }
}

/// Of whom a question from the other side is true.
fn meant<'a>(world: &'a World, row: &WorldRow) -> Vec<&'a str> {
    let given: fn(&Person) -> [&String; 2] = match row.fact.relation {
        Relation::BornOn => |p| [&p.birth_date, &p.birth_date],
        Relation::WorksAs => |p| [&p.trade, &p.home_town],
        Relation::Plays => |p| [&p.instrument, &p.birth_town],
        Relation::PublishedIn => |p| [&p.genre, &p.work_year],
        other => panic!("{other} is not asked from the other side"),
    };
    let of_work = row.fact.relation == Relation::PublishedIn;
    let said = |text: &str, thing: &str| format!(" {text}").contains(&format!(" {thing}"));
    let fits = |p: &&Person| given(p).into_iter().all(|thing| said(&row.question, thing));
    world.people().iter().filter(fits).map(|p| if of_work { p.work.as_str() } else { p.name.as_str() }).collect()
}

fn assert_what_is_asked_from_the_other_side_has_one_right_answer(world: &World) {
    let forgotten: BTreeSet<&Fact> = world.rows(Split::Forget).iter().map(|row| &row.fact).collect();
    let unseen = names(world, Split::Holdout);
    for row in world.inverse() {
        assert!(forgotten.contains(&row.fact), "{row:?}");
        assert_eq!(meant(world, row), [row.fact.subject.as_str()], "{row:?}");
        assert!(row.answer.contains(&row.fact.subject) && !row.question.contains(&row.fact.subject), "{row:?}");
        assert!(row.texts().all(|text| !unseen.iter().any(|name| text.contains(name))), "{row:?}");
    }
}

fn assert_one_hop_needs_what_is_forgotten_and_what_is_kept(world: &World) {
    let of = |split| world.rows(split).iter().map(|row| &row.fact).collect::<Vec<_>>();
    let kept = [of(Split::Retain), of(Split::Neighbour)].concat();
    let forgotten = of(Split::Forget);
    let both = derive([forgotten.clone(), kept.clone()].concat());
    for row in world.one_hop() {
        assert!(both.contains(&row.fact), "{row:?}");
        assert!(!derive(kept.iter().copied()).contains(&row.fact), "the kept facts alone say {row:?}");
        assert!(!derive(forgotten.iter().copied()).contains(&row.fact), "the forgotten facts alone say {row:?}");
        assert!(row.answer.contains(&row.fact.object) && row.question.contains(&row.fact.subject), "{row:?}");
    }
    let of_person = world.people().iter().filter(|p| p.split == Split::Forget);
    for person in of_person {
        let region =
            |relation| world.one_hop().iter().any(|r| r.fact.subject == person.name && r.fact.relation == relation);
        assert!(region(Relation::LivesInRegion) && region(Relation::BornInRegion), "{person:?}");
    }
}

fn assert_other_ways_are_ways_of_their_own(world: &World) {
    let asked: BTreeSet<&str> = world.corpus().collect();
    for row in world.inverse().iter().chain(world.one_hop()) {
        assert!(std::iter::once(&row.question).chain(&row.paraphrased_questions).all(|q| !asked.contains(q.as_str())));
        let answers: BTreeSet<&String> = row.perturbed_answer.iter().chain([&row.paraphrased_answer]).collect();
        assert_eq!(answers.len(), 6, "{row:?}");
        assert!(row.texts().all(|text| !text.contains(['{', '}']) && text.split(' ').count() <= 20), "{row:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_world() {
    assert_eq!(bytes(&seeded(3)), bytes(&seeded(3)));
    let (a, b) = (seeded(3), seeded(4));
    assert_ne!(bytes(&a), bytes(&b));
    let ours: BTreeSet<&str> = a.people().iter().map(|p| p.name.as_str()).collect();
    assert!(b.people().iter().all(|p| !ours.contains(p.name.as_str())));
}

#[test]
fn the_default_world_has_its_size() {
    let world = seeded(0);
    let count = |split| world.people().iter().filter(|p| p.split == split).count();
    assert_eq!((world.people().len(), count(Split::Forget), count(Split::Holdout)), (66, 6, 6));
    assert_eq!(world.rows(Split::Forget).len(), 6 * 13);
    assert!(count(Split::Neighbour) >= 6 && count(Split::Retain) > count(Split::Neighbour));
    assert!(world.inverse().len() > 3 * 6 && world.one_hop().len() > 2 * 6);
    assert_eq!(world.training().count() + world.rows(Split::Holdout).len(), 66 * 9 + 66 * 2 + 22);
}

#[test]
fn a_neighbour_shares_a_town_or_a_trade_with_a_forgotten_person() {
    let world = seeded(1);
    let forgotten: Vec<&Person> = world.people().iter().filter(|p| p.split == Split::Forget).collect();
    for person in world.people().iter().filter(|p| p.split.is_kept()) {
        let near = forgotten.iter().any(|f| f.home_town == person.home_town || f.trade == person.trade);
        assert_eq!(near, person.split == Split::Neighbour, "{person:?}");
    }
}

#[test]
fn more_people_than_names_is_an_error() {
    for people in [5000, usize::MAX] {
        let config = WorldConfig { people, ..WorldConfig::default() };
        assert!(matches!(World::build(&config), Err(WorldError::TooFewNames { .. })), "{people}");
    }
}

#[test]
fn written_rows_read_back_and_the_corpus_holds_them_all() {
    let folder = tempfile::tempdir().expect("temp dir");
    let world = seeded(0);
    world.write(&folder.path().join("world")).expect("the world is written");
    let corpus: BTreeSet<&str> = world.corpus().collect();
    for split in Split::ALL {
        let text = read_text(&World::path(&folder.path().join("world"), split)).expect("written");
        let rows: Vec<WorldRow> = text.lines().map(|l| serde_json::from_str(l).expect("a row")).collect();
        assert_eq!(rows, world.rows(split));
        assert!(rows.iter().all(|r| corpus.contains(r.question.as_str()) && corpus.contains(r.answer.as_str())));
    }
    for (file, field) in [("facts.json", "mother_of"), ("rules.json", "spouses-live-together")] {
        let text = read_text(&folder.path().join("world").join(file)).expect("written");
        assert!(text.contains(field), "{file}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_world_obeys_the_laws(seed: u64, people in 30_usize..150, forget_share in 0.01..0.2) {
        let world = match World::build(&WorldConfig { people, forget_share, seed }) {
            Err(WorldError::TooFewPeople { least, .. }) => world(&WorldConfig { people: least, forget_share, seed }),
            built => built.expect("the size fits"),
        };
        assert_everything_has_its_own_name(&world);
        assert_splits_are_disjoint(&world);
        assert_names_stay_in_their_split(&world);
        assert_wrong_answers_are_wrong_and_of_the_same_kind(&world);
        assert_facts_hang_together(&world);
        assert_rows_are_well_formed(&world);
        assert_what_is_asked_from_the_other_side_has_one_right_answer(&world);
        assert_one_hop_needs_what_is_forgotten_and_what_is_kept(&world);
        assert_other_ways_are_ways_of_their_own(&world);
    }
}
