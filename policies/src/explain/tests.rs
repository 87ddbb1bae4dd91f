use crate::fixtures::{EVENTS, PAYMENTS, RIDERS, TRIPS, asker, check_snapshot, sample, world};

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
