//! What is wrong with a folder is said with file, line and where the file is published.

use crate::made::{Made, load, questions, refused};
use crate::tofu;

fn tofu() -> Made {
    tofu::folder()
}

#[test]
fn a_missing_file() {
    let made = tofu();
    made.remove("holdout05.json");
    let path = format!("`{}` is missing", made.path("holdout05.json").display());
    let expected = [path.as_str(), "`forget05_perturbed.json`, `real_authors_perturbed.json`", "locuslab/TOFU"];
    refused("tofu", &made.source(Some("forget05")), &expected);
    refused("tofu", &Made::new().source(None), &["forget10_perturbed.json` is missing", "holds nothing"]);
}

#[test]
fn a_file_that_was_cut() {
    let made = tofu();
    let whole = questions(3, "");
    made.write("real_authors_perturbed.json", &whole[..whole.len() - 12]);
    let expected = ["real_authors_perturbed.json`, line 3: not JSON", "the file was cut", "locuslab/TOFU"];
    refused("tofu", &made.source(Some("forget05")), &expected);
    made.write("real_authors_perturbed.json", r#"[{"question": "Q"#);
    refused("tofu", &made.source(Some("forget05")), &["real_authors_perturbed.json`, line 1: not JSON"]);
}

#[test]
fn a_file_of_other_fields() {
    let made = tofu();
    made.write("forget05_perturbed.json", questions(2, ""));
    refused(
        "tofu",
        &made.source(Some("forget05")),
        &["forget05_perturbed.json`, line 1", "`paraphrased_question`", "only"],
    );
    made.write("world_facts_perturbed.json", "{\"question\": \"Q\", \"answer\": \"A\"}\n{\"question\": \"Q\"}\n");
    made.write("forget05_perturbed.json", questions(2, r#", "paraphrased_question": "Q?""#));
    refused("tofu", &made.source(Some("forget05")), &["world_facts_perturbed.json`, line 2", "no field `answer`"]);
}

#[test]
fn an_empty_file() {
    let made = tofu();
    made.write("retain_perturbed.json", "\n");
    refused("tofu", &made.source(Some("forget05")), &["retain_perturbed.json` holds no rows", "locuslab/TOFU"]);
}

#[test]
fn an_unknown_split() {
    let expected =
        ["`tofu` has no split `forget5`", "did you mean `forget05`? its splits: `forget10`, `forget05`, `forget01`"];
    refused("tofu", &tofu().source(Some("forget5")), &expected);
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    let made = tofu();
    made.remove("holdout05.json");
    made.write("holdout05.json/inside.json", "[]");
    assert!(load("tofu", &made.source(Some("forget05"))).expect_err("refused").to_string().contains("is missing"));
}
