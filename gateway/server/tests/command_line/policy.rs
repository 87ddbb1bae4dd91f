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

/// Changes the one place of `file` where `from` stands.
#[track_caller]
fn edit(dir: &Path, file: &str, from: &str, to: &str) {
    let path = dir.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn sample_and_example_policy_check_and_their_cases_hold() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/tests/fixtures/example");
    for dir in [sample(), example] {
        let checked = run(&mut lockgate(["policy", "check", dir.to_str().unwrap()])).expect(0);
        assert!(checked.stdout.contains("ok: policy "), "{}", checked.stdout);
        let tested = run(&mut lockgate(["policy", "test", dir.to_str().unwrap()])).expect(0);
        assert!(tested.stdout.contains(" 0 failed"), "{}", tested.stdout);
    }
}

#[test]
fn every_command_refuses_a_broken_folder_with_file_line_rule_problem_and_hint() {
    let dir = copy_of_sample();
    edit(dir.path(), "policy.csv", "tag:pii.location, geo_1km,", "tag:pii.location, geo_1kn,");
    edit(dir.path(), "classification.yaml", "{column: requested_at, days: 730}", "{column: requested_at, days: long}");
    let (broken, good) = (dir.path().to_str().unwrap(), sample());
    let question = ["--who", "alice", "--purpose", "analytics", "--column", "vertica.crm.riders.email"];
    let commands = [
        vec!["check", broken],
        vec!["test", broken],
        vec!["matrix", broken],
        vec!["diff", broken, good.to_str().unwrap()],
        vec!["diff", good.to_str().unwrap(), broken],
        ["explain", broken].into_iter().chain(question).collect(),
    ];
    for command in commands {
        let refused = run(&mut lockgate(["policy"].into_iter().chain(command.iter().copied()))).expect(2);
        let told = format!("{}{}", refused.stdout, refused.stderr);
        let problems = [
            "policy.csv:10: DS-04: unknown treatment `geo_1kn`; ",
            "classification.yaml:44: hive.rides.trips: text does not belong here; ",
        ];
        for problem in problems {
            let line = told.lines().find(|line| line.starts_with(problem));
            assert!(
                line.is_some_and(|line| line.len() > problem.len()),
                "{command:?} does not say `{problem}`\n{told}"
            );
        }
    }
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

fn diff(old: &Path, new: &Path) -> crate::Done {
    run(&mut lockgate(["policy", "diff", old.to_str().unwrap(), new.to_str().unwrap(), "--date", "2026-11-23"]))
}

#[test]
fn diff_of_the_same_policy_says_so() {
    assert!(diff(&sample(), copy_of_sample().path()).expect(0).stdout.contains("nobody sees anything otherwise"));
}

#[test]
fn diff_says_who_gains_and_who_loses_and_ends_with_two_when_special_or_clear_personal_data_is_gained() {
    let gains = |from: &str, to: &str, code: i32, says: &[&str]| {
        let new = copy_of_sample();
        edit(new.path(), "policy.csv", from, to);
        fs::remove_file(new.path().join("policy_tests.yaml")).unwrap();
        let told = diff(&sample(), new.path()).expect(code);
        says.iter().for_each(|text| assert!(told.stdout.contains(text), "{text}\n{}", told.stdout));
        // The way back loses what was gained, which needs nobody's second look.
        let back = diff(new.path(), &sample()).expect(0);
        assert!(back.stdout.contains("Losses (less is shown)"), "{}", back.stdout);
    };
    // Personal data in the clear.
    let clear =
        "p, MK-03, role:marketing, purpose:marketing, tag:pii.contact.phone, clear, always, allow\n#\np, SU-01,";
    gains("#\np, SU-01,", clear, 2, &["vertica.crm.riders.phone: - -> clear", "role marketing", "user mia"]);
    // Special data, as a token.
    let special = [
        "p, NO-01, role:everyone, purpose:any, tag:special, *, always, deny",
        "p, SU-06, role:support, purpose:support, tag:special.health, hash, always, allow",
    ];
    gains(special[0], special[1], 2, &["vertica.crm.assistance.need: - -> hash", "user sam for support"]);
    // Personal data that is treated, and data that is not personal.
    let last4 =
        "p, MK-03, role:marketing, purpose:marketing, tag:pii.contact.phone, last4, always, allow\n#\np, SU-01,";
    gains("#\np, SU-01,", last4, 0, &["vertica.crm.riders.phone: - -> last4"]);
}
