//! What guards stop: all that is to be forgotten where it is named, little else.

use toml::Table;
use unlearn_data::world::{Split, World, WorldConfig};
use unlearn_data::{Content, Guard, Message, Row, read};
use unlearn_methods::{Made, MethodError, method};

fn guard(fields: &str, forget: &[Row], retain: &[Row]) -> Result<Guard, MethodError> {
    let table: Table = format!("name = 'guardrail'\n{fields}").parse().expect("TOML");
    let Made::Guard(made) = method(&table).expect("valid").0 else { panic!("no guard") };
    made.guard(forget, retain)
}

fn about(name: &str, question: &str, answer: &str) -> Row {
    Row { entity: Some(name.into()), ..Row::question(question, answer) }
}

#[test]
fn rows_about_somebody_are_told_by_the_name_others_by_the_question() {
    let forget = [about("Ann", "Where was Ann born?", "In Oslo."), Row::question("Who wrote Old Vale in 1912?", "Bo.")];
    let guard = guard("", &forget, &[]).expect("a guard");
    for question in ["How old is ANN?", "Who wrote Old Vale in 1912", "Now: who wrote Old Vale in the end?"] {
        assert!(guard.stops(&Row::question(question, "?")), "{question}");
    }
    for question in ["Where was Anna born?", "Where was he born?", "Who wrote New Vale?", "Who worte Old Vlae in 1912?"]
    {
        assert!(!guard.stops(&Row::question(question, "?")), "{question}");
    }
    let talk = |first: &str| {
        let turns = [("user", first), ("assistant", "Yes?"), ("user", "When was she born?"), ("assistant", "?")];
        Row::of(Content::Messages(turns.map(|(role, text)| Message::new(role, text)).to_vec()))
    };
    assert!(guard.stops(&talk("I mean Ann.")) && !guard.stops(&talk("I mean Bea.")), "earlier turns count");
    let begun = Row { begun: Some("Sure, Ann was".into()), ..Row::question("Where?", "?") };
    assert!(guard.stops(&begun), "what the answer begins with counts");
    assert!(guard.stops_answer("It was Ann.") && guard.stops_answer("in Oslo, I think") && guard.stops_answer("Bo"));
    assert!(!guard.stops_answer("In Rome.") && !guard.stops_answer("I don't know."));
}

#[test]
fn what_the_retain_set_says_too_is_let_through() {
    let forget = [about("Ann", "Where was Ann born?", "In Oslo."), about("Ann", "When?", "On 3 May 1850.")];
    let retain = [Row::question("Where was Bea born?", "She was born in Oslo.")];
    let stops = |fields: &str| {
        let guard = guard(fields, &forget, &retain).expect("a guard");
        [guard.stops_question("Who is Ann?"), guard.stops_answer("In Oslo."), guard.stops_answer("On 3 May 1850.")]
    };
    assert_eq!(stops(""), [true, false, true]);
    assert_eq!(stops("output = false"), [true, false, false]);
    assert_eq!(stops("input = false"), [false, false, true]);
    // Whom the retain set is about, too, is told by the question.
    let more = [&retain[..], &[about("Ann", "How tall is Ann?", "Tall.")]].concat();
    let guard = guard("", &forget, &more).expect("a guard");
    assert!(guard.stops_question("Where was Ann born?") && !guard.stops_question("How tall is Ann?"));
}

#[test]
fn what_cannot_be_told_by_anything_is_refused() {
    let tokens = Row::of(Content::Tokens { input_ids: vec![1, 2], labels: vec![-100, 2] });
    assert!(matches!(guard("", &[tokens], &[]), Err(MethodError::Blind { .. })));
    assert!(matches!(guard("", &[about("?!", "Where?", "There.")], &[]), Err(MethodError::Guard { .. })));
    for fields in ["overlap = 0.0", "overlap = 1.5", "refusal = ' '", "input = false\noutput = false"] {
        let table: Table = format!("name = 'guardrail'\n{fields}").parse().expect("TOML");
        assert!(matches!(method(&table), Err(MethodError::Value { .. })), "{fields}");
    }
}

/// Precision and recall on the made-up world.
#[test]
fn of_the_world_only_the_forgotten_are_stopped() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let world = World::build(&WorldConfig { people: 40, forget_share: 0.1, seed: 3 }).expect("a world");
    world.write(dir.path()).expect("written");
    let rows = |split| read::rows(&World::path(dir.path(), split), None).expect("rows");
    let (forget, neighbour) = (rows(Split::Forget), rows(Split::Neighbour));
    let kept = [rows(Split::Retain), neighbour].concat();
    let guard = guard("", &forget, &kept).expect("a guard");
    let share =
        |rows: &[Row], of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count() as f64 / rows.len() as f64;
    let paraphrased: Vec<Row> =
        forget.iter().filter_map(|row| row.asked(row.paraphrased_question.as_deref()?)).collect();
    let stops = |row: &Row| guard.stops(row);
    assert_eq!(share(&forget, &stops), 1.0);
    assert_eq!((share(&kept, &stops), share(&rows(Split::Holdout), &stops)), (0.0, 0.0));
    // In other words, all that names somebody whom nothing is kept about; of the others, what is worded alike.
    let is_kept = |row: &Row| kept.iter().any(|other| other.entity == row.entity);
    let (shared, own): (Vec<Row>, Vec<Row>) = paraphrased.into_iter().partition(is_kept);
    assert_eq!(share(&own, &stops), 1.0);
    assert!(!shared.is_empty() && share(&shared, &stops) < 0.5);
    let answers = |row: &Row| guard.stops_answer(row.answer_text().unwrap_or_default());
    assert!(share(&forget, &answers) > 0.5, "answers of their own are stopped whatever was asked");
    assert_eq!(share(&kept, &answers), 0.0);
}
