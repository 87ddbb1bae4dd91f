use arrow_schema::DataType;

use crate::TableAccess;
use crate::fixtures::{
    EVENTS, PAYMENTS, RIDERS, TRIPS, asker, check_snapshot, decide, sample, schema, small, strukt, world,
};

fn explained(who: &str, table: &str, column: Option<&str>) -> String {
    let set = sample();
    let explanation = set.explain(&asker(who), &table.parse().unwrap(), column, Some(&world(table)));
    explanation.to_string().replace(set.version(), "VERSION")
}

#[test]
fn an_explanation_tells_tags_treatments_rules_result_and_what_would_give_more() {
    let cases = [
        ("carl/fraud/eu", RIDERS, Some("email")),
        ("alice/analytics/us", RIDERS, Some("phone")),
        ("alice/fraud/eu", TRIPS, Some("pickup_lat")),
        ("alice/analytics/eu", TRIPS, Some("payload")),
        ("alice/analytics/eu", EVENTS, Some("body")),
        ("alice/analytics/eu", PAYMENTS, Some("amount")),
        ("zoe/analytics/eu", TRIPS, Some("city_id")),
    ];
    let text = cases.map(|(who, table, column)| explained(who, table, column)).join("\n---\n\n");
    check_snapshot("explain.txt", &text);
}

#[test]
fn a_hidden_field_of_a_withheld_struct_leaves_no_trace() {
    let rules = "p, A-1, role:r, purpose:work, tag:key, clear, always, allow\np, B-1, role:base, purpose:any, tag:b, *, always, deny";
    let set = small("s.x: [a]\ns.y: {tags: [b], hidden: true}", "", rules);
    let traces = [&[("x", DataType::Utf8), ("y", DataType::Utf8)][..], &[("x", DataType::Utf8)]].map(|fields| {
        let found = schema(&[("s", strukt(fields))]);
        let TableAccess::Visible { columns, .. } = decide(&set, "u/work/eu", "a.b.t", &found).access.clone() else {
            panic!("the table is visible");
        };
        let explain =
            |column| set.explain(&asker("u/work/eu"), &"a.b.t".parse().unwrap(), column, Some(&found)).to_string();
        (columns[0].rules.clone(), explain(None), explain(Some("s.y")), explain(Some("s")))
    });
    assert_eq!(traces[0], traces[1]);
    assert!(!traces[0].1.contains("s.y"), "{}", traces[0].1);
}
