use crate::condition::parse_date;
use crate::diff::Direction;
use crate::fixtures::{Copy, check_snapshot, sample};
use crate::{PolicyDiff, PolicySet};

fn diff(changed: &Copy) -> PolicyDiff {
    PolicySet::diff_on(&sample(), &changed.good(), parse_date("2026-11-23").unwrap())
}

/// `direction table.column before->after` for each change.
fn lines(diff: &PolicyDiff) -> Vec<String> {
    let line = |change: &crate::diff::Change| {
        let what = change
            .column
            .as_ref()
            .map_or_else(|| format!("rows of {}", change.table), |column| format!("{}.{column}", change.table));
        let mark = if change.sensitive { " !" } else { "" };
        format!("{:?} {what} {}->{}{mark}", change.direction, change.before, change.after)
    };
    diff.changes.iter().map(line).collect()
}

#[test]
fn the_same_policy_changes_nothing() {
    let copy = Copy::of_sample();
    copy.append("policy.csv", "# a remark").append("classification.yaml", "# another");
    let diff = diff(&copy);
    assert!(diff.is_empty() && !diff.gains_sensitive());
    assert!(diff.to_string().ends_with("nobody sees anything otherwise than before"));
}

#[test]
fn clear_personal_data_is_a_sensitive_gain_and_names_everybody_who_gains() {
    let copy = Copy::of_sample();
    copy.append(
        "policy.csv",
        "p, XX-01, role:marketing, purpose:marketing, tag:pii.contact.phone, clear, always, allow",
    );
    let diff = diff(&copy);
    assert_eq!(lines(&diff), ["Gains vertica.crm.riders.phone -->clear !"]);
    let who: Vec<String> = diff.changes[0].who.iter().map(ToString::to_string).collect();
    assert_eq!(who, ["role marketing for marketing, delivered to eu", "user mia for marketing, delivered to eu"]);
    assert!(diff.gains_sensitive());
}

#[test]
fn treated_personal_data_is_a_gain_but_not_a_sensitive_one() {
    let copy = Copy::of_sample();
    copy.append(
        "policy.csv",
        "p, XX-01, role:marketing, purpose:marketing, tag:pii.contact.phone, last4, always, allow",
    );
    let diff = diff(&copy);
    assert_eq!(lines(&diff), ["Gains vertica.crm.riders.phone -->last4"]);
    assert!(!diff.gains_sensitive());
}

#[test]
fn special_data_is_sensitive_in_any_form_that_says_something() {
    let copy = Copy::of_sample();
    copy.replace("policy.csv", "p, NO-01, role:everyone, purpose:any, tag:special, *, always, deny\n", "")
        .replace(
            "policy_tests.yaml",
            "column: vertica.crm.assistance.need,     is: denied, because: NO-01",
            "column: vertica.crm.assistance.need, is: denied",
        )
        .replace(
            "policy_tests.yaml",
            "tag:   special.health,                  is: denied,  because: NO-01",
            "tag: special.health, is: denied",
        )
        .append("policy.csv", "p, XX-01, role:support, purpose:support, tag:special.health, hash, always, allow");
    let diff = diff(&copy);
    assert_eq!(lines(&diff), ["Gains vertica.crm.assistance.need -->hash !"]);
}

#[test]
fn a_column_that_loses_its_tag_is_still_a_sensitive_gain() {
    let copy = Copy::of_sample();
    copy.replace(
        "classification.yaml",
        "email:             {tags: [pii.contact.email]",
        "email:             {tags: [internal]",
    );
    let diff = diff(&copy);
    assert!(lines(&diff).contains(&"Gains vertica.crm.riders.email null->clear !".to_owned()), "{diff}");
    assert!(diff.gains_sensitive());
}

#[test]
fn wider_rows_and_a_revoked_role_are_told_apart() {
    let copy = Copy::of_sample();
    copy.replace("policy.csv", "rows:consented, always", "rows:eu_residents, always")
        .replace("policy_tests.yaml", "is: consented, because: RW-03", "is: eu_residents, because: RW-03")
        .replace("policy.csv", "g, user:nina, role:finance_analyst\n", "");
    let diff = diff(&copy);
    let lines = lines(&diff);
    // The e-mail address stands clear in the rows that are news to marketing.
    assert!(lines.contains(&"Changes rows of vertica.crm.riders consented->eu_residents !".to_owned()), "{lines:?}");
    assert!(lines.contains(&"Loses presto.finance.payments.amount clear->-".to_owned()), "{lines:?}");
    let loses = diff.changes.iter().filter(|change| change.direction == Direction::Loses);
    assert!(loses.flat_map(|change| &change.who).all(|affected| affected.who == "user nina"));
}

#[test]
fn a_row_rule_that_says_something_else_under_the_same_name_is_a_change() {
    let copy = Copy::of_sample();
    copy.replace("classification.yaml", "currency = 'EUR'", "currency <> 'EUR'");
    assert_eq!(
        lines(&diff(&copy)),
        ["Changes rows of presto.finance.payments in_euro: \"currency\" = 'EUR'->in_euro: \"currency\" <> 'EUR'"]
    );
}

#[test]
fn duties_that_change_are_told() {
    let copy = Copy::of_sample();
    copy.replace("classification.yaml", "days: 730", "days: 3650")
        .replace("classification.yaml", "hidden: true", "hidden: false")
        .append("erasures.csv", "rider_id,r-1,2026-11-20,DSR-1");
    copy.replace(
        "policy_tests.yaml",
        "{who: hugo,  purpose: analytics, dc: eu, table: vertica.hr.salaries,              is: hidden}",
        "{who: hugo, purpose: analytics, dc: eu, table: vertica.hr.salaries, is: denied}",
    );
    let diff = diff(&copy);
    let duties: Vec<String> = diff.duties.iter().map(ToString::to_string).collect();
    assert!(
        duties.contains(
            &"  hive.rides.trips: retention: 730 days by `requested_at` -> 3650 days by `requested_at` (loosens)"
                .to_owned()
        ),
        "{duties:?}"
    );
    assert!(duties.contains(&"  hive.rides.trips: erased subjects: 1 more, 0 fewer".to_owned()), "{duties:?}");
    assert!(duties.iter().any(|duty| duty.contains("salaries: is no longer hidden")), "{duties:?}");
    check_snapshot("diff.txt", &diff.to_string().replace(&diff.old, "OLD").replace(&diff.new, "NEW"));
}
