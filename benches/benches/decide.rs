//! The judge: a look-up of a known decision, and the first decision of an asker for a table of 50 columns.
//!
//! Policies of 5,000 and 100,000 rules: most rules are about other roles, purposes and tags, some dozens about the
//! asker's, as in a company with many teams. `dense` is the bad case: every rule is for a role and purpose of the asker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lockgate_policies::{Asker, Env, PolicySet, Principal, TableAccess, TableName, Treatment};

const N_COLUMNS: usize = 50;
/// Tags of the table's columns; each column has two.
const N_TAGS: usize = 25;

const MODEL: &str = include_str!("../../samples/policy/model.conf");

/// How the rules are spread.
#[derive(Clone, Copy)]
enum Spread {
    /// Over 200 roles, 20 purposes and 1,000 tags.
    Teams,
    /// All for a role and purpose of the asker, over 1,000 tags.
    Dense,
}

fn policy(n_rules: usize, spread: Spread) -> String {
    let mut text = String::new();
    let treatments = ["clear", "last4", "hash", "null"];
    for rule in 0..n_rules {
        let (role, purpose) = match spread {
            Spread::Teams => (rule % 200, rule / 7 % 20),
            Spread::Dense => (0, 0),
        };
        let tag = rule / 3 % 1_000;
        let (treatment, effect) = match rule % 10 {
            0 => ("clear", "deny"),
            other => (treatments[other % 4], "allow"),
        };
        let condition = ["always", "dc=eu", "dc!=eu"][rule % 3];
        let _ = writeln!(
            text,
            "p, R{rule}, role:team{role}, purpose:p{purpose}, tag:t{tag}, {treatment}, {condition}, {effect}"
        );
    }
    // What holds for everybody, and the rules of the asker's own team on the tags of the table.
    for tag in 0..N_TAGS {
        let _ = writeln!(text, "p, E{tag}, role:everyone, purpose:any, tag:t{tag}, hash, always, allow");
        let _ = writeln!(text, "p, T{tag}, role:team0, purpose:p0, tag:t{tag}, clear, dc=eu, allow");
    }
    text.push_str("p, ROWS, role:everyone, purpose:any, tag:rows.wide, rows:all, always, allow\n");
    text.push_str("p, NO, role:everyone, purpose:any, tag:pii, clear, dc!=eu, deny\n");
    for team in 0..200 {
        let _ = writeln!(text, "g, role:team{team}, role:everyone");
    }
    text.push_str("g, user:alice, role:team0\ng, user:alice, role:team1\n");
    for tag in 0..1_000 {
        let _ = writeln!(text, "g2, tag:t{tag}, tag:pii");
    }
    for purpose in 0..20 {
        let _ = writeln!(text, "g3, purpose:p{purpose}, purpose:any");
    }
    text
}

fn classification() -> String {
    let mut text = String::from("version: bench\ntreatments:\n");
    for treatment in Treatment::ALL {
        let _ = writeln!(text, "  \"{}\": {{}}", treatment.name());
    }
    text.push_str(
        "row_filters:\n  all: {tables: any, sql: \"true\"}\nconditions: [always, \"dc=eu\", \"dc!=eu\"]\npurposes:\n",
    );
    for purpose in 0..20 {
        let _ = writeln!(text, "  p{purpose}: {{}}");
    }
    text.push_str("tables:\n  a.b.wide:\n    rows: rows.wide\n    columns:\n");
    for column in 0..N_COLUMNS {
        let _ = writeln!(text, "      c{column}: [t{}, t{}]", column % N_TAGS, (column + 1) % N_TAGS);
    }
    text
}

fn load(n_rules: usize, spread: Spread) -> PolicySet {
    let dir = tempfile::tempdir().unwrap_or_else(|error| fail(&error));
    let write = |file: &str, text: &str| {
        std::fs::write(Path::new(dir.path()).join(file), text).unwrap_or_else(|error| fail(&error))
    };
    write("model.conf", MODEL);
    write("policy.csv", &policy(n_rules, spread));
    write("classification.yaml", &classification());
    let (set, problems) = PolicySet::load(dir.path());
    set.unwrap_or_else(|| fail(&problems.first().map(ToString::to_string).unwrap_or_default()))
}

#[allow(clippy::panic)]
fn fail(what: &dyn std::fmt::Display) -> ! {
    panic!("{what}")
}

fn asker() -> Asker {
    Asker {
        principal: Principal { name: "alice".to_owned(), roles: ["team2".to_owned()].into() },
        purpose: "p0".to_owned(),
        env: Env { dc: "eu".to_owned(), site: "eu".to_owned(), today: NaiveDate::default() },
    }
}

fn schema() -> SchemaRef {
    let fields: Vec<Field> =
        (0..N_COLUMNS).map(|column| Field::new(format!("c{column}"), DataType::Utf8, true)).collect();
    Arc::new(Schema::new(fields))
}

fn decide(criterion: &mut Criterion) {
    let table = TableName::new("a", "b", "wide");
    let schema = schema();
    let mut group = criterion.benchmark_group("decide");
    for (name, n_rules, spread) in [
        ("5k", 5_000, Spread::Teams),
        ("100k", 100_000, Spread::Teams),
        ("5k dense", 5_000, Spread::Dense),
        ("100k dense", 100_000, Spread::Dense),
    ] {
        let set = load(n_rules, spread);
        let known = asker();
        let decision = set.decide(&known, &table, &schema);
        let shown = matches!(&decision.access, TableAccess::Visible { columns, .. } if columns.len() == N_COLUMNS);
        assert!(shown, "the bench must decide something");
        group.bench_function(format!("look up, {name} rules"), |bencher| {
            bencher.iter(|| black_box(set.decide(black_box(&known), black_box(&table), &schema)));
        });
        let mut day = NaiveDate::default();
        group.bench_function(format!("compile 50 columns, {name} rules"), |bencher| {
            // Another day is another asker, so that nothing is known yet.
            let fresh = || {
                day = day.succ_opt().unwrap_or_default();
                let mut asker = asker();
                asker.env.today = day;
                asker
            };
            bencher.iter_batched(fresh, |asker| black_box(set.decide(&asker, &table, &schema)), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
