use std::fs;
use std::path::{Path, PathBuf};

use crate::{lockgate, run};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/policy")
}

fn copy_of_sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(sample()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

#[test]
fn sample_policy_checks_and_its_cases_hold() {
    let sample = sample();
    let checked = run(&mut lockgate(["policy", "check", sample.to_str().unwrap()])).expect(0);
    assert!(checked.stdout.contains("ok: policy "), "{}", checked.stdout);
    let tested = run(&mut lockgate(["policy", "test", sample.to_str().unwrap()])).expect(0);
    assert!(tested.stdout.contains(" 0 failed"), "{}", tested.stdout);
}

#[test]
fn every_problem_is_printed_with_file_line_rule_and_hint() {
    let dir = copy_of_sample();
    let file = dir.path().join("policy.csv");
    let broken = fs::read_to_string(&file).unwrap().replacen("geo_1km", "geo_1kn", 1).replacen(
        "always, allow",
        "always, alow",
        1,
    );
    fs::write(&file, broken).unwrap();
    let checked = run(&mut lockgate(["policy", "check", dir.path().to_str().unwrap()])).expect(2);
    let problems: Vec<&str> = checked.stdout.lines().filter(|line| line.starts_with("policy.csv:")).collect();
    assert!(problems.len() >= 2, "{}", checked.stdout);
    assert!(problems.iter().any(|line| line.contains("`geo_1kn`") && line.contains("; ")), "{problems:?}");
    run(&mut lockgate(["policy", "test", dir.path().to_str().unwrap()])).expect(2);
}

#[test]
fn failed_case_ends_with_two_and_tells_what_came_out() {
    let dir = copy_of_sample();
    let file = dir.path().join("policy_tests.yaml");
    let mut cases = fs::read_to_string(&file).unwrap();
    cases.push_str("- {who: alice, purpose: analytics, dc: eu, column: vertica.crm.riders.email, is: clear}\n");
    fs::write(&file, cases).unwrap();
    let tested = run(&mut lockgate(["policy", "test", dir.path().to_str().unwrap()])).expect(2);
    assert!(
        tested.stdout.contains(" 1 failed") && tested.stdout.contains("FAIL policy_tests.yaml:"),
        "{}",
        tested.stdout
    );
    let json = run(&mut lockgate(["policy", "test", dir.path().to_str().unwrap(), "--format", "json"])).expect(2);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let failed = report["cases"].as_array().unwrap().iter().filter(|case| case["failures"] != serde_json::json!([]));
    assert_eq!(failed.count(), 1);
}

fn explain(args: &[&str]) -> crate::Done {
    let sample = sample();
    let args =
        ["policy", "explain", sample.to_str().unwrap(), "--who", "alice"].into_iter().chain(args.iter().copied());
    run(&mut lockgate(args))
}

#[test]
fn explanation_goes_from_tags_to_what_would_give_more() {
    let told = explain(&["--purpose", "analytics", "--dc", "eu", "--column", "vertica.crm.riders.email"]).expect(0);
    let parts = [
        "tag `pii.contact.email`",
        "clear         no rule allows it",
        "null          allowed by DS-06",
        "email: null",
        "to see more: ",
    ];
    for part in parts {
        assert!(told.stdout.contains(part), "{part}\n{}", told.stdout);
    }
    let json =
        explain(&["--purpose", "analytics", "--column", "vertica.crm.riders.email", "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["dc"], &json["columns"][0]["result"]), (&"eu".into(), &"null".into()));
}

#[test]
fn explanation_of_what_the_policy_does_not_know_is_refused_or_warned_of() {
    explain(&["--purpose", "curiosity", "--column", "vertica.crm.riders.email"]).expect(2);
    explain(&["--purpose", "analytics", "--column", "vertica.crm.riders.shoe_size"]).expect(2);
    explain(&["--purpose", "analytics", "--column", "riders"]).expect(2);
    let unlisted = explain(&["--purpose", "analytics", "--dc", "eu", "--column", "vertica.crm.shoes"]).expect(0);
    assert!(unlisted.stderr.contains("does not list `vertica.crm.shoes`"), "{}", unlisted.stderr);
}

#[test]
fn matrix_names_every_table_of_the_policy() {
    let printed =
        run(&mut lockgate(["policy", "matrix", sample().to_str().unwrap(), "--date", "2026-11-23"])).expect(0);
    for table in ["hive.rides.trips", "vertica.crm.riders", "presto.finance.payments", "hdfs.raw.events"] {
        assert!(printed.stdout.contains(&format!("\n{table}\n")), "{table}\n{}", printed.stdout);
    }
}

#[test]
fn diff_ends_with_two_only_when_somebody_gains_sensitive_data() {
    let (old, new) = (sample(), copy_of_sample());
    let diff =
        |old: &Path, new: &Path| run(&mut lockgate(["policy", "diff", old.to_str().unwrap(), new.to_str().unwrap()]));
    assert!(diff(&old, new.path()).expect(0).stdout.contains("nobody sees anything otherwise"));
    let file = new.path().join("policy.csv");
    let looser = fs::read_to_string(&file).unwrap().replacen(
        "tag:pii.contact, null, always",
        "tag:pii.contact, clear, always",
        1,
    );
    fs::write(&file, looser).unwrap();
    fs::remove_file(new.path().join("policy_tests.yaml")).unwrap();
    let gained = diff(&old, new.path()).expect(2);
    assert!(gained.stdout.contains("vertica.crm.riders.email: null -> clear"), "{}", gained.stdout);
    diff(new.path(), &old).expect(0);
    fs::write(&file, "p, broken").unwrap();
    let refused = diff(&old, new.path()).expect(2);
    assert!(refused.stderr.contains("policy.csv:1: "), "{}", refused.stderr);
}
