//! Rows, duties, sites and who may ask.

use arrow_schema::DataType;

use super::summary;
use crate::fixtures::{Copy, PAYMENTS, RIDERS, TRIPS, asker, decide, sample, schema, small, strukt, world};
use crate::{PolicySet, Region, TableAccess, Withheld, WithheldReason};

fn withheld(set: &PolicySet, who: &str, table: &str, found: &arrow_schema::SchemaRef) -> Withheld {
    match &decide(set, who, table, found).access {
        TableAccess::Withheld(withheld) => withheld.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_that_is_not_classified_is_hidden() {
    let found = world(TRIPS);
    for table in ["hive.rides.trip", "hive.rides.TRIPS", "vertica.rides.trips", "information_schema.x.tables"] {
        assert_eq!(summary(&decide(&sample(), "bob/fraud/eu", table, &found)), "hidden");
    }
}

#[test]
fn a_hidden_table_exists_only_for_those_who_read_its_rows() {
    let found = schema(&[("employee_id", DataType::Utf8), ("salary", DataType::Int64)]);
    let check = |who: &str, expected: &str| {
        assert_eq!(summary(&decide(&sample(), who, "vertica.hr.salaries", &found)), expected, "{who}");
    };
    check("alice/analytics/eu", "hidden");
    check("hugo/analytics/eu", "hidden");
    check("hugo/hr/us", "hidden");
    check("hugo/hr/eu", "all | employee_id=clear salary=clear");
}

#[test]
fn only_a_purpose_that_is_listed_gives_anything() {
    // `purpose:any` stands in rules, above all purposes; whoever declares it has no purpose.
    for purpose in ["any", "", "analytcs", "purpose:analytics", "Analytics", "*"] {
        let decision = decide(&sample(), &format!("alice/{purpose}/eu"), TRIPS, &world(TRIPS));
        assert!(matches!(decision.access, TableAccess::Withheld(_)), "{purpose}");
    }
}

#[test]
fn who_has_no_role_sees_nothing_and_credentials_may_bring_roles() {
    let set = sample();
    assert_eq!(withheld(&set, "zoe/analytics/eu", TRIPS, &world(TRIPS)).reason, WithheldReason::NoRowGrant);
    let mut zoe = asker("zoe/analytics/eu");
    zoe.principal.roles.insert("data_scientist".to_owned());
    assert!(matches!(set.decide(&zoe, &TRIPS.parse().unwrap(), &world(TRIPS)).access, TableAccess::Visible { .. }));
    // Roles from credentials come on top: a contractor's denies hold for whoever brings that role.
    let mut bob = asker("bob/fraud/eu");
    bob.principal.roles.insert("contractor".to_owned());
    let text = summary(&set.decide(&bob, &RIDERS.parse().unwrap(), &world(RIDERS)));
    assert!(text.contains("email=hash"), "{text}");
}

#[test]
fn a_name_cannot_stand_for_a_role() {
    let set = sample();
    for name in ["role:fraud_lead", "user:bob", "bob ", "Bob", "b\u{43e}b", ""] {
        let mut who = asker("bob/fraud/eu");
        who.principal.name = name.to_owned();
        let decision = set.decide(&who, &RIDERS.parse().unwrap(), &world(RIDERS));
        assert!(matches!(decision.access, TableAccess::Withheld(_)), "{name}");
    }
    let mut who = asker("zoe/fraud/eu");
    who.principal.roles.insert("role:fraud_lead".to_owned());
    assert!(matches!(set.decide(&who, &RIDERS.parse().unwrap(), &world(RIDERS)).access, TableAccess::Withheld(_)));
}

#[test]
fn data_of_another_site_is_withheld() {
    let set = sample();
    let mut who = asker("alice/analytics/eu");
    who.env.site = "us".to_owned();
    let decision = set.decide(&who, &TRIPS.parse().unwrap(), &world(TRIPS));
    let TableAccess::Withheld(withheld) = &decision.access else { panic!() };
    assert_eq!(withheld.reason, WithheldReason::Residency { site: "eu".to_owned() });
}

#[test]
fn row_rules_are_ored_and_a_deny_takes_one_away() {
    let id = schema(&[("id", DataType::Utf8)]);
    let more = "p, R2, role:r, purpose:work, tag:rows, rows:mine, always, allow\n";
    let deny = |what: &str| format!("{more}p, NO, role:base, purpose:any, tag:rows, {what}, always, deny\n");
    assert_eq!(summary(&decide(&small("", "", more), "u/work/eu", "a.b.t", &id)), "all|mine | id=-");
    assert_eq!(summary(&decide(&small("", "", &deny("rows:all")), "u/work/eu", "a.b.t", &id)), "mine | id=-");
    let refused = withheld(&small("", "", &deny("*")), "u/work/eu", "a.b.t", &id);
    assert_eq!((refused.reason, refused.rule.as_deref()), (WithheldReason::NoRowGrant, Some("NO")));
}

#[test]
fn duties_are_carried_and_a_table_whose_duty_cannot_be_kept_is_withheld() {
    let duties =
        "retention: {column: at, days: 30}\nresidency: {column: region}\nsubject_key: {column: id, subject: person}";
    let columns = "at: [a]\nregion: [a]";
    let set = small(columns, duties, "");
    use DataType::{Date32, Int64, Utf8};
    let whole = schema(&[("id", Int64), ("at", Date32), ("region", Utf8)]);
    let decision = decide(&set, "u/work/eu", "a.b.t", &whole);
    let TableAccess::Visible { rows, .. } = &decision.access else { panic!() };
    assert_eq!(rows.retention.as_ref().map(|kept| (kept.column.as_str(), kept.days)), Some(("at", 30)));
    assert_eq!(rows.region, Some(Region { column: "region".to_owned(), value: "eu".to_owned() }));
    assert_eq!(rows.erased, None);
    for broken in [
        schema(&[("at", Date32), ("region", Utf8)]),
        schema(&[("id", Int64), ("region", Utf8)]),
        schema(&[("id", Int64), ("at", Date32)]),
        schema(&[("id", Int64), ("at", Utf8), ("region", Utf8)]),
        schema(&[("id", Int64), ("at", Date32), ("region", Int64)]),
        schema(&[("ID", Int64), ("at", Date32), ("region", Utf8)]),
    ] {
        assert!(matches!(withheld(&set, "u/work/eu", "a.b.t", &broken).reason, WithheldReason::Retyped { .. }));
    }
}

#[test]
fn a_row_rule_whose_column_is_gone_withholds_the_table_unless_all_rows_are_granted_anyway() {
    let riders = |without: &str| {
        let fields: Vec<_> = world(RIDERS).fields().iter().filter(|field| field.name() != without).cloned().collect();
        std::sync::Arc::new(arrow_schema::Schema::new(fields))
    };
    let set = sample();
    let gone = withheld(&set, "alice/analytics/eu", RIDERS, &riders("home_country"));
    assert!(matches!(gone.reason, WithheldReason::Retyped { .. }));
    assert!(!gone.remedy.contains("home_country"), "{}", gone.remedy);
    assert!(summary(&decide(&set, "bob/fraud/eu", RIDERS, &riders("home_country"))).starts_with("all|eu_residents | "));
}

#[test]
fn erased_subjects_are_listed_on_every_table_that_declares_the_subject() {
    let copy = Copy::of_sample();
    copy.append("erasures.csv", "rider_id,r-1,2026-11-20,DSR-1");
    let set = copy.good();
    for table in [TRIPS, RIDERS, PAYMENTS] {
        let decision = decide(&set, "bob/fraud/eu", table, &world(table));
        let TableAccess::Visible { rows, .. } = &decision.access else { panic!() };
        let erased = rows.erased.as_ref().unwrap();
        assert_eq!((erased.column.as_str(), &*erased.keys), ("rider_id", &["r-1".to_owned()][..]));
    }
    let odd = schema(&[("rider_id", strukt(&[("x", DataType::Utf8)])), ("need", DataType::Utf8)]);
    assert!(matches!(
        withheld(&set, "bob/fraud/eu", "vertica.crm.assistance", &odd).reason,
        WithheldReason::Retyped { .. }
    ));
}

#[test]
fn a_rule_with_a_last_day_ends_with_it() {
    let rules = "p, A, role:r, purpose:work, tag:a, clear, until=2026-11-23, allow\np, B, role:r, purpose:work, tag:a, null, always, allow";
    let set = small("c: [a]", "", rules);
    let found = schema(&[("c", DataType::Utf8)]);
    let mut who = asker("u/work/eu");
    assert_eq!(summary(&set.decide(&who, &"a.b.t".parse().unwrap(), &found)), "all | c=clear");
    who.env.today = who.env.today.succ_opt().unwrap();
    assert_eq!(summary(&set.decide(&who, &"a.b.t".parse().unwrap(), &found)), "all | c=null");
}

#[test]
fn another_schema_of_the_same_table_is_decided_anew() {
    let set = small("c: [a]", "", "p, A, role:r, purpose:work, tag:a, year, always, allow");
    for _ in 0..3 {
        let check = |found, expected: &str| assert_eq!(summary(&decide(&set, "u/work/eu", "a.b.t", &found)), expected);
        check(schema(&[("c", DataType::Date32)]), "all | c=year");
        check(schema(&[("c", DataType::Utf8)]), "all | c=-");
        check(schema(&[("c", DataType::Date32), ("d", DataType::Date32)]), "all | c=year d=-");
    }
    let found = schema(&[("c", DataType::Date32)]);
    let (first, again) = (decide(&set, "u/work/eu", "a.b.t", &found), decide(&set, "u/work/eu", "a.b.t", &found));
    assert!(std::sync::Arc::ptr_eq(&first, &again));
}

#[test]
fn what_is_remembered_for_one_asker_is_never_given_to_another() {
    let rules = "p, A, user:u, purpose:work, tag:a, clear, dc=eu, allow\np, B, role:r, purpose:work, tag:a, hash, dc=eu, \
                 allow\np, C, role:r, purpose:work, tag:b, clear, until=2026-11-23, allow\n";
    let make = || small("c: [a]\nd: [b]", "residency: {column: d}", rules);
    let found = schema(&[("c", DataType::Utf8), ("d", DataType::Utf8)]);
    let first = asker("u/work/eu");
    let mut others = vec![asker("v/work/eu"), asker("u/play/eu"), asker("u/work/us"), first.clone(), first.clone()];
    others[0].principal.roles.insert("r".to_owned());
    others[3].env.site = "us".to_owned();
    others[4].env.today = first.env.today.succ_opt().unwrap();
    let mut odd = asker("w/work/eu");
    others.push(odd.clone());
    odd.principal.roles.insert("r".to_owned());
    others.push(odd);
    // Everything but the version, which says nothing here.
    let answer = |set: &PolicySet, who: &crate::Asker| {
        let decision = set.decide(who, &"a.b.t".parse().unwrap(), &found);
        format!("{:?} {:?}", decision.access, decision.rules)
    };
    let shared = make();
    let alone: Vec<String> = [&first].into_iter().chain(&others).map(|who| answer(&make(), who)).collect();
    for _ in 0..2 {
        let together: Vec<String> = [&first].into_iter().chain(&others).map(|who| answer(&shared, who)).collect();
        assert_eq!(together, alone);
    }
    let unlike = alone.iter().skip(1).filter(|other| **other != alone[0]).count();
    assert_eq!(unlike, others.len(), "{alone:#?}");
}
