//! Tags, types and nested columns.

use std::sync::Arc;

use arrow_schema::{DataType, Field};

use super::summary;
use crate::fixtures::{asker, decide, schema, small, strukt};
use crate::{Shown, TableAccess, Withheld, WithheldReason};

/// Rules that allow `treatments` of a tag, one rule each.
fn allow(tag: &str, treatments: &[&str]) -> String {
    let line = |treatment: &&str| {
        format!("p, {tag}-{treatment}, role:r, purpose:work, tag:{tag}, {treatment}, always, allow\n")
    };
    treatments.iter().map(line).collect()
}

/// How column `c` of this type is shown, with the tags and rules given.
#[track_caller]
fn check(tags: &str, data_type: DataType, rules: &[String], expected: &str) {
    let set = small(&format!("c: {tags}"), "", &rules.concat());
    let decision = decide(&set, "u/work/eu", "a.b.t", &schema(&[("c", data_type)]));
    assert_eq!(summary(&decision), format!("all | {expected}"));
}

#[test]
fn the_most_revealing_treatment_that_is_allowed_and_fits_is_given() {
    check("[a]", DataType::Utf8, &[allow("a", &["null", "hash", "last4"])], "c=last4");
    check("[a]", DataType::Int64, &[allow("a", &["null", "hash", "last4"])], "c=hash");
    check("[a]", DataType::Boolean, &[allow("a", &["null", "hash", "last4"])], "c=null");
    check("[a]", DataType::Date32, &[allow("a", &["year", "month"])], "c=month");
    check("[a]", DataType::Utf8, &[allow("top", &["hash"])], "c=hash");
}

#[test]
fn the_strictest_of_all_tags_holds_and_incomparable_ones_meet_in_null() {
    check("[a, b]", DataType::Utf8, &[allow("a", &["clear"]), allow("b", &["hash"])], "c=hash");
    check("[b, a]", DataType::Utf8, &[allow("a", &["clear"]), allow("b", &["hash"])], "c=hash");
    check("[a, b]", DataType::Date32, &[allow("a", &["month"]), allow("b", &["year"])], "c=year");
    check("[a, b]", DataType::Float64, &[allow("a", &["geo_10km"]), allow("b", &["geo_1km"])], "c=geo_10km");
    check("[a, b]", DataType::Utf8, &[allow("a", &["last4"]), allow("b", &["hash"])], "c=null");
    check("[a, b]", DataType::Utf8, &[allow("a", &["clear"])], "c=-");
}

#[test]
fn nothing_is_shown_without_a_tag_a_rule_or_a_fitting_treatment() {
    let set = small("c: [a]\nd: [b]", "", &allow("a", &["year"]));
    let decision = decide(
        &set,
        "u/work/eu",
        "a.b.t",
        &schema(&[("c", DataType::Utf8), ("d", DataType::Utf8), ("e", DataType::Utf8)]),
    );
    let TableAccess::Visible { columns, .. } = &decision.access else { panic!() };
    let reasons: Vec<WithheldReason> = columns
        .iter()
        .map(|column| match &column.shown {
            Shown::Withheld(Withheld { reason, .. }) => reason.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let misfit = WithheldReason::DoesNotFit { treatment: "year".to_owned() };
    assert_eq!(reasons, [misfit, WithheldReason::NoRule, WithheldReason::Unclassified]);
}

#[test]
fn a_column_that_no_arrow_type_holds_is_withheld_and_one_that_is_hidden_stays_so() {
    let set = small("c: [a]\nd: [b]\ne: {tags: [b], hidden: true}", "", &allow("a", &["clear"]));
    let unreadable = |name: &str| {
        let metadata = [(crate::UNREADABLE_TYPE.to_owned(), "sketch".to_owned())];
        Field::new(name, DataType::Null, true).with_metadata(metadata.into())
    };
    let schema = Arc::new(arrow_schema::Schema::new(["c", "d", "e"].map(unreadable).to_vec()));
    let decision = decide(&set, "u/work/eu", "a.b.t", &schema);
    let TableAccess::Visible { columns, .. } = &decision.access else { panic!() };
    let reason = |at: usize| match &columns[at].shown {
        Shown::Withheld(Withheld { reason, .. }) => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(0), WithheldReason::Unreadable { source_type: "sketch".to_owned() });
    assert_eq!(reason(1), WithheldReason::NoRule);
    assert_eq!(columns[2].shown, Shown::Hidden);
}

#[test]
fn a_deny_wins_over_every_allow_and_is_named() {
    let deny = "p, NO, role:base, purpose:any, tag:top, clear, always, deny\n".to_owned();
    check("[a]", DataType::Utf8, &[allow("a", &["clear", "hash"]), deny.clone()], "c=hash");
    check("[a]", DataType::Utf8, &[deny, allow("a", &["clear", "hash"])], "c=hash");
    let set = small(
        "c: [a]",
        "",
        &format!("{}p, NO, role:base, purpose:any, tag:top, *, always, deny\n", allow("a", &["clear"])),
    );
    let decision = decide(&set, "u/work/eu", "a.b.t", &schema(&[("c", DataType::Utf8)]));
    let TableAccess::Visible { columns, .. } = &decision.access else { panic!() };
    let Shown::Withheld(withheld) = &columns[0].shown else { panic!() };
    assert_eq!((&withheld.reason, withheld.rule.as_deref()), (&WithheldReason::Denied, Some("NO")));
    assert_eq!(withheld.remedy, "no role or purpose gives it as long as rule NO applies");
    assert_eq!(decision.rules, ["NO", "RW"]);
}

#[test]
fn a_column_of_another_type_than_declared_is_withheld() {
    let typed = "{tags: [a], type: Utf8}";
    check(typed, DataType::Utf8View, &[allow("a", &["clear"])], "c=clear");
    check(typed, DataType::Int64, &[allow("a", &["clear"])], "c=-");
    check(typed, strukt(&[("x", DataType::Utf8)]), &[allow("a", &["clear"])], "c=-");
}

#[test]
fn a_withheld_column_that_is_classified_hidden_is_hidden_and_a_granted_one_is_not() {
    check("{tags: [a], hidden: true}", DataType::Utf8, &[allow("b", &["clear"])], "c=.");
    check("{tags: [a], hidden: true}", DataType::Utf8, &[allow("a", &["hash"])], "c=hash");
    check("{tags: [a], hidden: true, type: Int64}", DataType::Utf8, &[allow("a", &["clear"])], "c=.");
}

/// How struct column `s` is shown; `x` carries tag a, `y` tag b, `z` is not classified.
#[track_caller]
fn check_nested(data_type: DataType, rules: &[String], expected: &str) {
    let set = small("s.x: [a]\ns.y: [b]\ns.in.x: [a]\ns.key: [a]\ns.value: [b]", "", &rules.concat());
    let decision = decide(&set, "u/work/eu", "a.b.t", &schema(&[("s", data_type)]));
    assert_eq!(summary(&decision), format!("all | {expected}"));
}

fn list_of(data_type: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", data_type, true)))
}

fn map_of(key: DataType, value: DataType) -> DataType {
    let entries = DataType::Struct(vec![Field::new("keys", key, false), Field::new("values", value, true)].into());
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

#[test]
fn fields_of_structs_are_columns_of_their_own() {
    use DataType::Utf8;
    let (a, b) = (allow("a", &["clear"]), allow("b", &["hash"]));
    check_nested(strukt(&[("x", Utf8), ("y", Utf8)]), &[a.clone(), b.clone()], "s(x=clear y=hash)");
    check_nested(strukt(&[("x", Utf8), ("z", Utf8)]), &[a.clone(), b.clone()], "s(x=clear z=-)");
    check_nested(strukt(&[("x", Utf8)]), std::slice::from_ref(&a), "s=clear");
    check_nested(strukt(&[("y", Utf8), ("z", Utf8)]), std::slice::from_ref(&a), "s=-");
    check_nested(strukt(&[("X", Utf8)]), &[a.clone(), b.clone()], "s=-");
    let inner = strukt(&[("x", Utf8), ("y", Utf8)]);
    check_nested(strukt(&[("in", inner.clone()), ("x", Utf8)]), &[a.clone(), b.clone()], "s(in(x=clear y=-) x=clear)");
    check_nested(list_of(strukt(&[("x", Utf8), ("y", Utf8)])), &[a.clone(), b.clone()], "s(x=clear y=hash)");
    check_nested(list_of(list_of(inner)), &[a, b], "s(x=clear y=hash)");
}

#[test]
fn a_struct_without_an_entry_for_its_fields_is_withheld_even_when_it_has_one_itself() {
    check("[a]", strukt(&[("x", DataType::Utf8)]), &[allow("a", &["clear"])], "c=-");
    check("[a]", list_of(strukt(&[("x", DataType::Utf8)])), &[allow("a", &["clear"])], "c=-");
    check("[a]", list_of(DataType::Utf8), &[allow("a", &["clear"])], "c=clear");
}

#[test]
fn an_entry_on_the_struct_adds_its_tags_to_each_field() {
    let set = small("s: [b]\ns.x: [a]", "", &[allow("a", &["clear"]), allow("b", &["hash"])].concat());
    let decision = decide(&set, "u/work/eu", "a.b.t", &schema(&[("s", strukt(&[("x", DataType::Utf8)]))]));
    assert_eq!(summary(&decision), "all | s(x=hash)");
    let hidden = small("s: {tags: [b], hidden: true}\ns.x: [a]", "", &allow("a", &["clear"]));
    let fields = strukt(&[("x", DataType::Utf8), ("new", DataType::Utf8)]);
    assert_eq!(summary(&decide(&hidden, "u/work/eu", "a.b.t", &schema(&[("s", fields)]))), "all | s=.");
}

#[test]
fn a_map_needs_both_its_parts_and_a_key_that_is_never_null() {
    use DataType::{Float64, Utf8};
    let (a, b) = (allow("a", &["clear"]), allow("b", &["hash"]));
    check_nested(map_of(Utf8, Utf8), &[a.clone(), b.clone()], "s(key=clear value=hash)");
    check_nested(map_of(Utf8, Utf8), std::slice::from_ref(&a), "s=-");
    check_nested(map_of(Utf8, Utf8), std::slice::from_ref(&b), "s=-");
    check_nested(map_of(Utf8, Utf8), &[allow("a", &["null"]), b.clone()], "s=-");
    check_nested(map_of(Float64, Utf8), &[allow("a", &["geo_1km"]), b.clone()], "s=-");
    check_nested(map_of(Utf8, Utf8), &[allow("a", &["hash"]), b], "s(key=hash value=hash)");
    check_nested(map_of(Utf8, Utf8), &[a, allow("b", &["clear"])], "s=clear");
}

#[test]
fn what_cannot_be_taken_apart_is_shown_clear_or_not_at_all() {
    let inner = strukt(&[("x", DataType::Utf8), ("y", DataType::Utf8)]);
    let packed = DataType::Dictionary(Box::new(DataType::Int32), Box::new(inner));
    check_nested(packed.clone(), &[allow("top", &["clear"])], "s=clear");
    check_nested(packed, &[allow("a", &["clear"]), allow("b", &["hash"])], "s=-");
}

#[test]
fn a_name_with_a_dot_cannot_pass_for_a_field() {
    let rules = allow("a", &["clear"]);
    check_nested(strukt(&[("in.x", DataType::Utf8)]), std::slice::from_ref(&rules), "s=-");
    let set = small("s.x: [a]\n\"`s.y`\": [a]", "", &rules);
    let decision = decide(&set, "u/work/eu", "a.b.t", &schema(&[("s.x", DataType::Utf8), ("s.y", DataType::Utf8)]));
    assert_eq!(summary(&decision), "all | s.x=- s.y=clear");
}

#[test]
fn a_remedy_names_nobody_and_no_field_of_a_retyped_struct() {
    let set =
        small("c: {tags: [a], type: Utf8}\nd: [b]", "", "p, U-1, user:u, purpose:play, tag:b, clear, always, allow\n");
    let found = schema(&[("c", strukt(&[("secret_name", DataType::Utf8)])), ("d", DataType::Utf8)]);
    let mut other = asker("w/work/eu");
    other.principal.roles.insert("r".to_owned());
    let decision = set.decide(&other, &"a.b.t".parse().unwrap(), &found);
    let text = format!("{decision:?}");
    assert!(!text.contains("secret_name") && !text.contains("U-1"), "{text}");
    assert!(text.contains("no rule gives it to anybody"), "{text}");
}
