use std::fs;

use crate::fixtures::{Copy, texts};

/// Rewrites a file of the sample and expects an error with this text.
#[track_caller]
fn check(file: &str, change: impl Fn(&str) -> Vec<u8>, expected: &str) {
    let copy = Copy::of_sample();
    copy.write(file, change(&copy.read(file)));
    let (set, problems) = copy.load();
    let problems = texts(&problems);
    assert!(problems.iter().any(|problem| problem.starts_with(file) && problem.contains(expected)), "{problems:#?}");
    assert!(set.is_none());
}

#[test]
fn files_have_one_form_of_text() {
    for file in ["policy.csv", "classification.yaml", "model.conf", "policy_tests.yaml", "erasures.csv"] {
        check(file, |text| format!("\u{feff}{text}").into_bytes(), ":1: the file starts with a byte order mark");
        check(file, |text| text.replace('\n', "\r\n").into_bytes(), ":1: lines end with CR LF");
        check(file, |text| format!("# \u{202e}txet\n{text}").into_bytes(), ":1: the line has control characters");
        check(file, |text| format!("# \u{0}\n{text}").into_bytes(), ":1: the line has control characters");
        check(file, |text| [text.as_bytes(), b"# \xff\n"].concat(), "the file is not UTF-8 text");
    }
}

#[test]
fn a_file_that_may_be_cut_short_is_refused() {
    check("policy.csv", |text| text.trim_end().as_bytes().to_vec(), "the last line has no end");
    check("erasures.csv", |text| text.trim_end().as_bytes().to_vec(), "the last line has no end");
}

#[test]
fn required_files_must_be_there_and_strange_ones_are_told() {
    let copy = Copy::of_sample();
    fs::rename(copy.dir.path().join("erasures.csv"), copy.dir.path().join("erasure.csv")).unwrap();
    let (set, problems) = copy.load();
    assert!(set.is_some());
    assert!(
        texts(&problems)[0].starts_with("erasure.csv: the file is not part of a policy"),
        "{:#?}",
        texts(&problems)
    );
    fs::remove_file(copy.dir.path().join("policy.csv")).unwrap();
    fs::create_dir(copy.dir.path().join("policy.csv")).unwrap();
    let (set, problems) = copy.load();
    assert!(set.is_none());
    assert!(texts(&problems).iter().any(|problem| problem.starts_with("policy.csv: the file cannot be read")));
}

#[test]
fn a_folder_that_is_not_there_is_an_error_with_a_hint() {
    let (set, problems) = crate::PolicySet::load(std::path::Path::new("/nonexistent/policy"));
    assert!(set.is_none());
    assert_eq!(problems.iter().filter(|problem| problem.text == "the file is missing").count(), 4);
}

#[test]
fn the_version_names_the_content_of_all_files() {
    let copy = Copy::of_sample();
    let first = copy.good().version().to_owned();
    assert_eq!(copy.good().version(), first);
    let (label, digest) = first.split_once('+').unwrap();
    assert_eq!((label, digest.len()), ("2026-11-23.1", 12));
    copy.append("erasures.csv", "rider_id,r-1,2026-11-20,DSR-1");
    assert_ne!(copy.good().version(), first);
}
