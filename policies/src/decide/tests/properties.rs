//! What holds for every policy, on policies made at random.

use std::collections::BTreeSet;

use arrow_schema::DataType;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::summary;
use crate::decide::{CompiledAsker, outcome_of};
use crate::fixtures::{asker, decide, schema, small};
use crate::{PolicySet, Treatment};

/// One line of policy.csv without its id.
#[derive(Debug, Clone)]
struct Line {
    subject: &'static str,
    purpose: &'static str,
    tag: &'static str,
    shows: &'static str,
    condition: &'static str,
    effect: &'static str,
}

impl Line {
    fn text(&self, number: usize) -> String {
        let Line { subject, purpose, tag, shows, condition, effect } = self;
        format!("p, X{number:02}, {subject}, {purpose}, {tag}, {shows}, {condition}, {effect}\n")
    }
}

fn line(effects: &'static [&'static str]) -> impl Strategy<Value = Line> {
    let parts = (
        select(&["role:r", "role:base", "user:u"][..]),
        select(&["purpose:work", "purpose:play", "purpose:any"][..]),
        select(&["tag:a", "tag:b", "tag:top", "tag:rows.t"][..]),
        select(&["clear", "last4", "email_domain", "hash", "redact", "null", "rows:all", "rows:mine", "*"][..]),
        select(&["always", "dc=eu", "dc!=eu", "until=2026-11-23", "until=2020-01-01"][..]),
        select(effects),
    );
    parts.prop_filter_map(
        "row rules stand on tags of rows, and `*` denies",
        |(subject, purpose, tag, shows, condition, effect)| {
            let effect = if shows == "*" { "deny" } else { effect };
            let fits = tag != "tag:rows.t" || shows == "*" || shows.starts_with("rows:");
            let fits = fits && (tag == "tag:rows.t" || !shows.starts_with("rows:"));
            fits.then_some(Line { subject, purpose, tag, shows, condition, effect })
        },
    )
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(&["allow", "allow", "deny"]), 0..12)
}

const COLUMNS: &str = "one: [a]\ntwo: [a, b]\nthree: [b]";
const TAGS: [&[&str]; 3] = [&["a"], &["a", "b"], &["b"]];

fn set_of(lines: &[Line]) -> PolicySet {
    let text: String = lines.iter().enumerate().map(|(number, line)| line.text(number)).collect();
    small(COLUMNS, "", &text)
}

/// The treatment of each of the three columns.
fn treatments(set: &PolicySet, who: &str) -> Vec<Option<Treatment>> {
    let compiled = CompiledAsker::new(set, &asker(who));
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    TAGS.iter().map(|column| outcome_of(set, &compiled, &tags(column), Some(&DataType::Utf8)).shown.ok()).collect()
}

/// Treatments that a tag allows.
fn allowed(set: &PolicySet, who: &str, tag: &str) -> BTreeSet<Treatment> {
    let answer = CompiledAsker::new(set, &asker(who)).tag(set, tag);
    answer.steps.iter().filter(|step| step.verdict.allowed).map(|step| step.treatment).collect()
}

/// Names of the granted row rules.
fn rows(set: &PolicySet, who: &str) -> BTreeSet<String> {
    let decision = decide(set, who, "a.b.t", &schema(&[("id", DataType::Utf8)]));
    match &decision.access {
        crate::TableAccess::Visible { rows, .. } => rows.granted.iter().map(|rule| rule.name.clone()).collect(),
        crate::TableAccess::Withheld(_) | crate::TableAccess::Hidden => BTreeSet::new(),
    }
}

const ASKERS: [&str; 5] = ["u/work/eu", "u/work/us", "u/play/eu", "v/work/eu", "u/any/eu"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_an_allow_nothing_is_shown(denies in prop::collection::vec(line(&["deny"]), 0..6)) {
        let set = set_of(&denies);
        for who in ASKERS {
            prop_assert_eq!(treatments(&set, who), [None, None, None]);
        }
        // The one row grant of the small policy is for role r and purpose work.
        prop_assert!(rows(&set, "v/work/eu").is_empty() && rows(&set, "u/play/eu").is_empty() && rows(&set, "u/any/eu").is_empty());
    }

    #[test]
    fn adding_a_deny_never_reveals_more(lines in lines(), deny in line(&["deny"]), place in any::<Index>()) {
        let mut more = lines.clone();
        more.insert(place.index(lines.len() + 1), deny);
        let (before, after) = (set_of(&lines), set_of(&more));
        for who in ASKERS {
            prop_assert!(rows(&after, who).is_subset(&rows(&before, who)));
            for (column, (was, is)) in treatments(&before, who).into_iter().zip(treatments(&after, who)).enumerate() {
                let Some(is) = is else { continue };
                let Some(was) = was else { return Err(TestCaseError::fail(format!("column {column} was withheld and is {is}"))) };
                // With one tag, what is shown is never more revealing than before.
                prop_assert!(TAGS[column].len() > 1 || is == was || !is.at_least_as_revealing(was), "{was} -> {is}");
                // With several, it is never more than each of them allowed before.
                for tag in TAGS[column] {
                    let allowed = allowed(&before, who, tag);
                    prop_assert!(allowed.iter().any(|treatment| treatment.at_least_as_revealing(is)), "{tag}: {allowed:?} -> {is}");
                }
            }
        }
    }

    #[test]
    fn the_strictest_tag_wins(lines in lines()) {
        let set = set_of(&lines);
        for who in ASKERS {
            let [one, two, three] = treatments(&set, who)[..] else { panic!() };
            match (one, three) {
                (Some(a), Some(b)) => {
                    let Some(both) = two else { panic!("{one:?} {three:?}") };
                    prop_assert!(a.at_least_as_revealing(both) && b.at_least_as_revealing(both), "{a} {b} {both}");
                }
                (_, None) | (None, _) => prop_assert_eq!(two, None),
            }
        }
    }

    #[test]
    fn the_order_of_lines_never_matters(
        (lines, shuffled) in lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines.into_iter().enumerate().collect::<Vec<_>>()).prop_shuffle()))
    ) {
        let set = set_of(&lines);
        let text: String = shuffled.iter().map(|(number, line)| line.text(*number)).collect();
        let other = small(COLUMNS, "", &text);
        let found = schema(&[("one", DataType::Utf8), ("two", DataType::Utf8), ("three", DataType::Utf8)]);
        for who in ASKERS {
            let (a, b) = (decide(&set, who, "a.b.t", &found), decide(&other, who, "a.b.t", &found));
            prop_assert_eq!(summary(&a), summary(&b));
            prop_assert_eq!(&a.rules, &b.rules);
        }
    }

    #[test]
    fn a_repeated_question_is_answered_alike_in_any_order(lines in lines(), order in prop::collection::vec(0..ASKERS.len(), 1..12)) {
        let set = set_of(&lines);
        let found = schema(&[("one", DataType::Utf8), ("two", DataType::Utf8), ("three", DataType::Utf8)]);
        for index in order {
            let fresh = set_of(&lines);
            let who = ASKERS[index];
            prop_assert_eq!(summary(&decide(&set, who, "a.b.t", &found)), summary(&decide(&fresh, who, "a.b.t", &found)));
        }
    }
}
