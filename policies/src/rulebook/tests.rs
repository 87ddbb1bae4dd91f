use crate::fixtures::{Copy, texts};

/// Appends a line to the sample's policy.csv and expects one problem with this text in that line.
#[track_caller]
fn check(line: &str, expected: &str) {
    let copy = Copy::of_sample();
    let number = copy.read("policy.csv").lines().count() + 1;
    copy.append("policy.csv", line);
    let (set, problems) = copy.load();
    let problems = texts(&problems);
    let place = format!("policy.csv:{number}:");
    assert!(
        problems.iter().any(|problem| problem.starts_with(&place) && problem.contains(expected)),
        "{line}\n{problems:#?}"
    );
    assert!(problems.iter().all(|problem| problem.contains("; ")), "no hint: {problems:#?}");
    assert!(set.is_none(), "{line}");
}

#[test]
fn only_exact_row_types_are_read() {
    for kind in ["P", "p9", "p2", "pp", "G", "g4", "g 2", "", "P "] {
        check(&format!("{kind}, XX-01, role:everyone, purpose:any, tag:pii, clear, always, deny"), "unknown row type");
    }
    check("deny everything", "unknown row type");
}

#[test]
fn only_exact_effects_are_read() {
    for effect in ["Deny", "DENY", "denied", "dney", "deny.", "block", "allow deny"] {
        check(
            &format!("p, XX-01, role:everyone, purpose:any, tag:pii, clear, always, {effect}"),
            "neither `allow` nor `deny`",
        );
    }
    check("p, XX-01, role:everyone, purpose:any, tag:pii, clear, always, ", "neither `allow` nor `deny`");
}

#[test]
fn comments_quotes_and_semicolons_on_a_rule_are_refused() {
    check(
        "p, XX-01, role:everyone, purpose:any, tag:pii, clear, always, deny # for good",
        "a comment follows the rule",
    );
    check("p, XX-01, role:everyone, purpose:any, tag:pii, clear, always, \"deny\"", "the line has a quote");
    check("p; XX-01; role:everyone; purpose:any; tag:pii; clear; always; deny", "semicolon");
    check("; a comment in another style", "semicolon");
    check("g, user:alice, role:data_scientist # temporary", "a comment follows the rule");
}

#[test]
fn fields_are_counted() {
    check("p, XX-01, role:everyone, purpose:any, tag:pii, clear, deny", "7 fields after `p`, this one has 6");
    check("p, XX-01, role:everyone, purpose:any, tag:pii, clear, always, deny, really", "this one has 8");
    check("g, user:alice", "a link has 2 fields");
    check("g2, tag:a, tag:b, tag:c", "a link has 2 fields");
    check("p", "this one has 0");
}

#[test]
fn every_name_has_its_prefix_and_one_alphabet() {
    check("p, XX-01, everyone, purpose:any, tag:pii, clear, always, deny", "has not the prefix");
    check("p, XX-01, tag:everyone, purpose:any, tag:pii, clear, always, deny", "has not the prefix");
    check("p, XX-01, role:everyone, any, tag:pii, clear, always, deny", "has not the prefix");
    check("p, XX-01, role:everyone, purpose:any, pii, clear, always, deny", "has not the prefix");
    check("p, XX-01, role:, purpose:any, tag:pii, clear, always, deny", "a name is empty");
    check("p, , role:everyone, purpose:any, tag:pii, clear, always, deny", "rule id: a name is empty");
    check("p, XX-01, , purpose:any, tag:pii, clear, always, deny", "a field is empty");
    check(
        "p, XX-01, role:everyone, purpose:any, tag:p\u{456}i, clear, always, deny",
        "mixes letters of different scripts",
    );
    check("p, XX-01, role:every one, purpose:any, tag:pii, clear, always, deny", "has the character ` `");
    check("g, role:data_scientist, user:alice", "has not the prefix");
    check("g2, role:a, tag:b", "has not the prefix");
    check("g3, purpose:a, tag:b", "has not the prefix");
}

#[test]
fn every_name_means_something() {
    check("p, XX-01, role:evreyone, purpose:any, tag:pii, clear, always, deny", "no `g` line knows `role:evreyone`");
    check("p, XX-01, user:zoe, purpose:any, tag:pii, clear, always, deny", "no `g` line knows `user:zoe`");
    check("p, XX-01, role:everyone, purpose:all, tag:pii, clear, always, deny", "unknown purpose `purpose:all`");
    check("p, XX-01, role:everyone, purpose:any, tag:pi, clear, always, deny", "unknown tag `tag:pi`");
    check("p, XX-01, role:everyone, purpose:any, tag:pii, claer, always, deny", "unknown treatment `claer`");
    check(
        "p, XX-01, role:everyone, purpose:any, tag:rows.any, rows:everything, always, deny",
        "unknown row rule `everything`",
    );
    check(
        "p, XX-01, role:everyone, purpose:any, tag:pii, clear, dc=mars, deny",
        "condition `dc=mars` is not on the list",
    );
    check("p, XX-01, role:everyone, purpose:any, tag:pii, clear, sometimes, deny", "unknown condition `sometimes`");
    check("p, XX-01, role:everyone, purpose:any, tag:pii, clear, 1 == 1, deny", "unknown condition");
    check("g3, purpose:anlytics, purpose:any", "`purpose:anlytics` is no purpose of classification.yaml");
}

#[test]
fn a_star_stands_in_denies_only() {
    check("p, XX-01, role:everyone, purpose:any, tag:pii, *, always, allow", "`*` stands in a rule that allows");
    check("p, XX-01, role:*, purpose:any, tag:pii, clear, always, deny", "has the character `*`");
    check("p, XX-01, role:everyone, purpose:any, tag:pii.*, clear, always, deny", "has the character `*`");
}

#[test]
fn an_id_stands_once() {
    check("p, NO-01, role:everyone, purpose:any, tag:pii, clear, always, deny", "the id stands for the second time");
}

#[test]
fn row_rules_are_granted_on_rows_of_tables_that_they_are_for() {
    check(
        "p, XX-01, role:everyone, purpose:any, tag:rows.trips, rows:consented, always, allow",
        "for none of the tables",
    );
    check("p, XX-01, role:everyone, purpose:any, tag:pii, rows:all, always, allow", "is the tag of columns");
}

#[test]
fn cycles_are_found_in_each_graph() {
    check("g, role:everyone, role:contractor", "are part of a cycle");
    check("g, role:hr_partner, role:hr_partner", "are part of a cycle");
    check("g2, tag:pii, tag:pii.contact.email", "are part of a cycle");
    check("g3, purpose:any, purpose:hr", "are part of a cycle");
}

#[test]
fn chains_of_eight_steps_are_too_long() {
    let chain = |n: usize| {
        (1..n).map(|step| format!("g2, tag:deep{step}, tag:deep{}", step + 1)).collect::<Vec<_>>().join("\n")
    };
    let copy = Copy::of_sample();
    // `special.health` -> `special` -> deep1 -> ... -> deep6 is seven steps.
    copy.append("policy.csv", &format!("g2, tag:special, tag:deep1\n{}", chain(6)));
    copy.good();
    copy.append("policy.csv", "g2, tag:deep6, tag:deep7");
    let problems = texts(&copy.load().1);
    assert!(
        problems.iter().any(|problem| problem.contains("`tag:special.health` stands 8 steps below")),
        "{problems:#?}"
    );
}

#[test]
fn a_very_long_chain_or_cycle_does_not_overflow() {
    let copy = Copy::of_sample();
    let chain: String = (0..50_000).map(|step| format!("g, role:r{step}, role:r{}\n", step + 1)).collect();
    copy.append("policy.csv", &chain);
    assert!(copy.load().0.is_none());
    copy.append("policy.csv", "g, role:r50000, role:r0");
    assert!(copy.load().0.is_none());
}

#[test]
fn all_problems_are_told_at_once_each_with_its_line() {
    let copy = Copy::of_sample();
    let start = copy.read("policy.csv").lines().count();
    copy.append("policy.csv", "P, A, b, c\np, XX-01, everyone, any, pii, claer, never, Deny\ng, alice");
    let problems = texts(&copy.load().1);
    let lines: Vec<&str> = problems.iter().filter_map(|problem| problem.split(':').nth(1)).collect();
    let (first, second, third) = ((start + 1).to_string(), (start + 2).to_string(), (start + 3).to_string());
    assert_eq!(lines, [&first, &second, &second, &second, &second, &second, &second, &third], "{problems:#?}");
    assert!(problems[1].contains(": XX-01: "));
}

#[test]
fn a_rule_that_touches_nothing_is_a_warning() {
    let copy = Copy::of_sample();
    copy.append(
        "policy.csv",
        "g2, tag:secret.recipes, tag:secret\np, XX-01, role:everyone, purpose:any, tag:secret, *, always, deny",
    );
    let (set, problems) = copy.load();
    assert!(set.is_some());
    assert!(texts(&problems)[0].contains("XX-01: no column or table carries `tag:secret`"), "{:#?}", texts(&problems));
}
