use crate::fixtures::{Copy, texts};

/// Replaces a piece of the sample's classification and expects a problem with this text, with a line.
#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    let copy = Copy::of_sample();
    copy.replace("classification.yaml", from, to);
    let (set, problems) = copy.load();
    let problems = texts(&problems);
    let found = problems.iter().find(|problem| problem.contains(expected));
    assert!(found.is_some(), "{problems:#?}");
    assert!(found.unwrap().starts_with("classification.yaml:"), "{problems:#?}");
    assert!(set.is_none(), "{problems:#?}");
}

#[test]
fn unknown_keys_are_errors_everywhere() {
    check("version: 2026", "versoin: x\nversion: 2026", "unknown key `versoin`");
    check("    hidden: true", "    hiden: true", "unknown key `hiden`");
    check("type: Float64, comment: in euro", "typ: Float64, comment: in euro", "unknown key `typ`");
    check("{column: requested_at, days: 730}", "{column: requested_at, day: 730}", "unknown key `day`");
    check("{tables: any, sql: \"true\"}", "{tables: any, sql: \"true\", when: now}", "unknown key `when`");
    check("basis: \"6(1)(f)\"", "base: \"6(1)(f)\"", "unknown key `base`");
    check("sql_type: [Float64],          does: \"rounds down to 0.01 degree\"", "sqltype: x", "unknown key `sqltype`");
}

#[test]
fn a_key_that_stands_twice_is_an_error() {
    check(
        "  vertica.hr.salaries:",
        "  hdfs.raw.events: {rows: rows.events, columns: {}}\n  vertica.hr.salaries:",
        "second time, first in line",
    );
    check("      need:  ", "      rider_id: [internal]\n      need:  ", "`rider_id` stands here for the second time");
}

#[test]
fn wrong_kinds_of_values_are_errors_with_a_line() {
    check("    hidden: true", "    hidden: yes", "text does not belong here");
    check("days: 730", "days: two years", "text does not belong here");
    check("days: 730", "days: 0", "a number does not belong here");
    check("days: 730", "days: 1.5", "a number with a fraction does not belong here");
    check("rows: rows.events", "rows: [rows.events]", "a list does not belong here");
    check("{tags: [special.health], type: Utf8}", "special.health", "text does not belong here; write a list");
    check("{tags: [special.health], type: Utf8}", "[]", "the list of tags is empty");
    check("{tags: [special.health], type: Utf8}", "{type: Utf8}", "the column has no `tags`");
    check("{tags: [special.health], type: Utf8}", "[tag:special.health]", "has a prefix");
    check("{tags: [special.health], type: Utf8}", "{tags: [special.health], type: Text}", "unknown type `Text`");
    check("conditions: [always,", "conditions: [maybe, always,", "unknown condition `maybe`");
    check("  \"null\":", "  null:", "unknown treatment");
    check("  redact:", "  blur:", "unknown treatment `blur`");
}

#[test]
fn treatments_stand_from_most_to_least_revealing() {
    let copy = Copy::of_sample();
    let text = copy.read("classification.yaml");
    let clear = text.lines().find(|line| line.starts_with("  clear:")).unwrap();
    let moved =
        text.replace(&format!("{clear}\n"), "").replace("\n# Reviewed SQL", &format!("{clear}\n\n# Reviewed SQL"));
    copy.write("classification.yaml", moved);
    let problems = texts(&copy.load().1);
    assert!(problems[0].contains("`clear` reveals more than `last4`, which stands before it"), "{problems:#?}");
}

#[test]
fn names_of_tables_and_columns_are_checked() {
    check("  vertica.hr.salaries:", "  salaries:", "`salaries` is not a full table name");
    check(
        "  vertica.hr.salaries:",
        "  vertica.hr.sal\u{430}ries: {rows: rows.events, columns: {a: [internal]}}\n  vertica.hr.salaries:",
        "mixes alphabets",
    );
    check("      need:  ", "      n\u{435}ed:  ", "mixes alphabets");
}

#[test]
fn duties_rest_on_classified_columns() {
    check(
        "{column: requested_at, days: 730}",
        "{column: ordered_at, days: 730}",
        "`ordered_at` is not a classified top-level column",
    );
    check(
        "{column: requested_at, days: 730}",
        "{column: payload.tip, days: 730}",
        "`payload.tip` is not a classified top-level column",
    );
    check("{column: requested_at, days: 730}", "{days: 730}", "no `column` is named");
    check("{column: requested_at, days: 730}", "{column: requested_at}", "the retention has no `days`");
    check(
        "    rows: rows.assistance\n    residency: eu",
        "    rows: rows.assistance\n    residency: {column: region}",
        "`region` is not a classified top-level column",
    );
    check(
        "    subject_key: rider_id\n    columns:\n      rider_id:   {tags: [pseudonym], type: Utf8}\n      need",
        "    subject_key: {column: rider_id}\n    columns:\n      rider_id:   {tags: [pseudonym], type: Utf8}\n      need",
        "the subject key has no `subject`",
    );
    check("    rows: rows.assistance\n", "", "the table has no `rows` tag");
}

#[test]
fn row_rules_use_classified_columns_of_their_tables_only() {
    check("currency = 'EUR'", "curency = 'EUR'", "column `curency` is not classified in `presto.finance.payments`");
    check(
        "{tables: any, sql: \"true\"}",
        "{tables: any, sql: \"currency = 'EUR'\"}",
        "for any table but uses column `currency`",
    );
    check(
        "[presto.finance.payments]",
        "[presto.finance.invoices]",
        "`presto.finance.invoices` is not a classified table",
    );
    check("currency = 'EUR'", "1", "is not a condition that is true or false");
    check("currency = 'EUR'", "random() < 0.5", "is not allowed in a row rule");
    check("currency = 'EUR'", "amount IN (SELECT 1)", "is not allowed in a row rule");
    check("currency = 'EUR'", "currency = 'EUR", "is not SQL that can be read");
}

#[test]
fn broken_yaml_is_one_problem_with_its_line() {
    check("purposes:\n", "purposes: [\n", "classification.yaml:");
    check("owner: ds-lead", "owner: &x ds-lead, basis: *x", "classification.yaml:");
    check("conditions: [", "? [a, b]\n: c\nconditions: [", "unknown key");
}

#[test]
fn missing_sections_and_files_are_told_together() {
    let copy = Copy::of_sample();
    copy.write("classification.yaml", "version: v1\n");
    std::fs::remove_file(copy.dir.path().join("model.conf")).unwrap();
    let problems = texts(&copy.load().1);
    for missing in [
        "`treatments` is missing",
        "`row_filters` is missing",
        "`conditions` is missing",
        "`purposes` is missing",
        "`tables` is missing",
        "model.conf: the file is missing",
    ] {
        assert!(problems.iter().any(|problem| problem.contains(missing)), "{missing}: {problems:#?}");
    }
}

#[test]
fn a_tag_that_no_rule_speaks_of_is_a_warning() {
    let copy = Copy::of_sample();
    copy.replace("classification.yaml", "[public], type: Int64", "[publik], type: Int64");
    let (set, problems) = copy.load();
    assert!(set.is_some());
    assert!(texts(&problems)[0].contains("no rule speaks of tag `publik`"), "{:#?}", texts(&problems));
}

#[test]
fn short_and_long_forms_say_the_same() {
    let copy = Copy::of_sample();
    copy.replace("classification.yaml", "{tags: [special.health], type: Utf8}", "[special.health]");
    copy.replace(
        "classification.yaml",
        "    subject_key: rider_id\n    columns:\n      rider_id:   {tags: [pseudonym], type: Utf8}\n      need",
        "    subject_key: {column: rider_id, subject: rider_id}\n    columns:\n      rider_id:   [pseudonym]\n      need",
    );
    let set = copy.good();
    let class = set.table_class(&"vertica.crm.assistance".parse().unwrap()).unwrap();
    assert_eq!(class.columns["need"].tags, ["special.health"]);
    assert_eq!(class.subject.as_ref().unwrap().subject, "rider_id");
}
