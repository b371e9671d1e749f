//! Every benchmark of the registry.

use std::path::Path;

use unlearn_eval::benchmarks::{BENCHMARKS, Source, by_name};

const HEADINGS: [&str; 7] = ["Idea", "Data", "Sets", "Metrics", "Published numbers", "Paper", "Deviations"];

#[test]
fn a_benchmark_has_a_file_of_its_name_and_a_page_with_every_heading() {
    for benchmark in BENCHMARKS {
        let file = format!("src/benchmarks/{}.rs", benchmark.name);
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file(), "{file}");
        assert!(benchmark.version >= 1, "{}", benchmark.name);
        let headings: Vec<&str> = benchmark.page.lines().filter_map(|l| l.strip_prefix("# ")).collect();
        assert_eq!(headings, HEADINGS, "{}", benchmark.name);
        let sections = benchmark.page.split("# ").skip(1);
        assert!(sections.into_iter().all(|s| s.lines().skip(1).any(|l| !l.trim().is_empty())), "{}", benchmark.name);
        assert!(benchmark.page.contains("https://") && benchmark.page.contains("arXiv"), "{}", benchmark.name);
    }
}

#[test]
fn the_nearest_name_is_offered() {
    let error = by_name("toffu").map(|b| b.name).expect_err("no such benchmark");
    assert_eq!(error.to_string(), "unknown benchmark `toffu`");
    assert_eq!(error.hint(), "did you mean `tofu`?");
}

#[test]
fn a_folder_that_is_not_there_is_refused_by_every_benchmark() {
    for benchmark in BENCHMARKS {
        let error = (benchmark.load)(&Source::new("no/such/folder")).expect_err(benchmark.name);
        assert_eq!(error.to_string(), "`no/such/folder` is no folder");
        assert!(error.hint().expect("a hint").contains("published at https://"), "{}", benchmark.name);
    }
}

#[test]
fn a_set_that_does_not_exist_is_refused_by_every_benchmark() {
    for benchmark in BENCHMARKS {
        let source = Source { sets: vec!["forgott".into()], ..Source::new(env!("CARGO_MANIFEST_DIR")) };
        let error = (benchmark.load)(&source).expect_err(benchmark.name);
        assert_eq!(error.to_string(), format!("`{}` has no set `forgott`", benchmark.name));
        assert!(error.hint().expect("a hint").contains("its sets: `"), "{}", benchmark.name);
    }
}
