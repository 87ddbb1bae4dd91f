mod columns;
mod properties;
mod tables;

use std::path::Path;

use crate::fixtures::{EVENTS, PAYMENTS, RIDERS, TRIPS, decide, sample, world};
use crate::{ColumnDecision, PolicySet, Shown, TableAccess, TableDecision};

#[track_caller]
fn loads_and_passes(dir: &Path, n_cases: usize) {
    let (set, problems) = PolicySet::load(dir);
    for problem in &problems {
        println!("{problem}");
    }
    let report = set.unwrap().run_tests();
    println!("{report}");
    assert!(report.passed());
    assert_eq!(report.cases.len(), n_cases);
}

#[test]
fn the_example_folder_loads_and_its_cases_hold() {
    loads_and_passes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/example"), 11);
}

#[test]
fn the_sample_folder_loads_without_any_problem_and_its_cases_hold() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/policy");
    loads_and_passes(&dir, 39);
    assert_eq!(PolicySet::load(&dir).1, []);
}

#[test]
fn the_files_of_the_manual_load_and_their_cases_hold() {
    let manual = include_str!("../../../../docs/reference/policy.md");
    let snippet = |file: &str| {
        let section = manual.split(&format!("\n## {file}\n")).nth(1).unwrap();
        section.split("```").nth(1).unwrap().split_once('\n').unwrap().1.as_bytes()
    };
    let files =
        ["policy.csv", "classification.yaml", "policy_tests.yaml", "erasures.csv"].map(|file| (file, snippet(file)));
    let (set, problems) =
        PolicySet::of_texts(&[&files[..], &[("model.conf", crate::model::FIXED.as_bytes())]].concat());
    let report = set.unwrap_or_else(|| panic!("{problems:#?}")).run_tests();
    assert!(report.passed() && report.cases.len() == 4, "{report}");
}

/// `column=treatment` for each column; `-` is withheld, `.` is hidden.
fn shown(columns: &[ColumnDecision]) -> String {
    let one = |column: &ColumnDecision| match &column.shown {
        Shown::Treated(treatment) => format!("{}={}", column.name, treatment.name()),
        Shown::Nested(parts) => format!("{}({})", column.name, shown(parts)),
        Shown::Withheld(_) => format!("{}=-", column.name),
        Shown::Hidden => format!("{}=.", column.name),
    };
    columns.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn summary(decision: &TableDecision) -> String {
    match &decision.access {
        TableAccess::Visible { columns, rows } => {
            let names: Vec<&str> = rows.granted.iter().map(|rule| rule.name.as_str()).collect();
            format!("{} | {}", names.join("|"), shown(columns))
        }
        TableAccess::Withheld(withheld) => format!("withheld {:?}: {}", withheld.reason, withheld.remedy),
        TableAccess::Hidden => "hidden".to_owned(),
    }
}

#[track_caller]
fn check(set: &PolicySet, who: &str, table: &str, expected: &str) {
    assert_eq!(summary(&decide(set, who, table, &world(table))), expected);
}

#[test]
fn each_person_sees_the_tables_of_the_sample_in_their_own_treatments() {
    let set = sample();
    check(
        &set,
        "alice/analytics/eu",
        TRIPS,
        "all | trip_id=clear rider_id=hash driver_id=hash city_id=clear pickup_lat=geo_1km pickup_lng=geo_1km fare=clear \
         requested_at=clear payload(phone=null tip=clear)",
    );
    check(
        &set,
        "alice/analytics/eu",
        RIDERS,
        "eu_residents | rider_id=hash name=null email=null phone=null birth_date=year home_country=clear \
         consent_marketing=clear created_at=clear",
    );
    check(
        &set,
        "bob/fraud/eu",
        RIDERS,
        "all|eu_residents | rider_id=hash name=clear email=clear phone=clear birth_date=- home_country=clear \
         consent_marketing=clear created_at=clear",
    );
    check(
        &set,
        "carl/fraud/eu",
        RIDERS,
        "all|eu_residents | rider_id=hash name=hash email=hash phone=hash birth_date=- home_country=clear \
         consent_marketing=clear created_at=clear",
    );
    check(
        &set,
        "pia/planning/eu",
        TRIPS,
        "all | trip_id=hash rider_id=redact driver_id=redact city_id=clear pickup_lat=geo_10km pickup_lng=geo_10km \
         fare=round_100 requested_at=month payload(phone=- tip=round_100)",
    );
    check(&set, "alice/analytics/eu", EVENTS, "all | event_id=clear rider_id=hash event_type=clear ts=clear body=-");
    check(
        &set,
        "mia/marketing/eu",
        RIDERS,
        "consented | rider_id=- name=- email=clear phone=- birth_date=- home_country=clear consent_marketing=clear created_at=clear",
    );
    check(
        &set,
        "zoe/analytics/eu",
        TRIPS,
        "withheld NoRowGrant: role `data_scientist` reads its rows as `all` (rule RW-01)",
    );
    check(
        &set,
        "alice/analytics/eu",
        PAYMENTS,
        "withheld NoRowGrant: role `fraud_analyst` with purpose `fraud` reads its rows as `all` (rule RW-04); role \
         `auditor` with purpose `audit` reads its rows as `in_euro` (rule RW-10)",
    );
}
