use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use chrono::NaiveDate;
use lockgate_contract::{Source, TablePath};
use lockgate_policies::{
    Asker, ColumnDecision, Env, PolicySet, Principal, Severity, Shown, TableAccess, TableDecision, TableName,
    Treatment, WithheldReason,
};

use super::world::Scale;
use super::*;
use crate::config::Config;
use crate::sources::open_sources;

const AS_OF: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn small() -> (tempfile::TempDir, Demo) {
    let dir = tempfile::tempdir().unwrap();
    let demo = prepare(dir.path(), AS_OF, Scale::SMALL, HTTP).unwrap();
    (dir, demo)
}

/// The schema of a table as the configured source has it.
async fn schema(demo: &Demo, table: &TableName) -> SchemaRef {
    let config = Config::load(&demo.config_file).unwrap();
    let sources = open_sources(&config.file, &config.sources).await.unwrap();
    let source = sources.iter().find(|source| source.name() == table.catalog).unwrap();
    source.table(&TablePath::new(&table.schema, &table.table)).await.unwrap().unwrap().schema
}

fn decide(name: &str, purpose: &str, table: &TableName, schema: &SchemaRef) -> Arc<TableDecision> {
    let (policies, problems) = PolicySet::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/policy")));
    assert!(problems.iter().all(|problem| problem.severity == Severity::Warning), "{problems:?}");
    let env = Env { dc: SITE.into(), site: SITE.into(), today: AS_OF };
    let principal = Principal { name: name.into(), roles: [].into() };
    policies.unwrap().decide(&Asker { principal, purpose: purpose.into(), env }, table, schema)
}

#[tokio::test]
async fn every_column_has_the_type_that_the_sample_policy_classifies() {
    let (_dir, demo) = small();
    for table in world::tables(Scale::SMALL) {
        let name: TableName = table.name.parse().unwrap();
        let schema = schema(&demo, &name).await;
        // Bob may read every table of the four catalogues but the hidden one, which Hugo may.
        let (who, purpose) = if name.schema == "hr" { ("hugo", "hr") } else { ("bob", "fraud") };
        let decision = decide(who, purpose, &name, &schema);
        let TableAccess::Visible { columns, .. } = &decision.access else { panic!("{name}: {:?}", decision.access) };
        assert_eq!(columns.len(), schema.fields().len());
        for leaf in columns.iter().flat_map(ColumnDecision::leaves) {
            let reason = match &leaf.decision.shown {
                Shown::Withheld(withheld) => Some(&withheld.reason),
                Shown::Treated(_) | Shown::Nested(_) | Shown::Hidden => None,
            };
            let is_drift = matches!(reason, Some(WithheldReason::Retyped { .. } | WithheldReason::Unclassified));
            assert_eq!(is_drift, leaf.path() == "body", "{name}.{}: {reason:?}", leaf.path());
        }
    }
}

#[tokio::test]
async fn an_auditor_sees_every_column_of_the_ledger_and_the_people_of_the_demo_none() {
    let ledger = crate::ledger::LedgerSource::of_folder(Path::new("ledger"));
    let tables = ledger.tables().await.unwrap();
    assert_eq!(tables.len(), 2);
    for path in tables {
        let name = TableName::new(ledger.name(), &path.schema, &path.table);
        let schema = ledger.table(&path).await.unwrap().unwrap().schema;
        let decision = decide("ada", "audit", &name, &schema);
        let TableAccess::Visible { columns, .. } = &decision.access else { panic!("{name}: {:?}", decision.access) };
        assert_eq!(columns.len(), schema.fields().len());
        for column in columns {
            assert_eq!(column.shown, Shown::Treated(Treatment::Clear), "{name}.{}", column.name);
        }
        for person in people() {
            let decision = decide(person.name, person.purpose, &name, &schema);
            assert!(matches!(decision.access, TableAccess::Withheld(_)), "{}: {:?}", person.name, decision.access);
        }
    }
}

#[tokio::test]
async fn alice_and_bob_see_one_column_differently() {
    let (_dir, demo) = small();
    let riders: TableName = "vertica.crm.riders".parse().unwrap();
    let schema = schema(&demo, &riders).await;
    let email = |who: &str, purpose: &str| {
        let decision = decide(who, purpose, &riders, &schema);
        let TableAccess::Visible { columns, .. } = &decision.access else { panic!("{:?}", decision.access) };
        columns.iter().find(|column| column.name == "email").unwrap().shown.clone()
    };
    assert_eq!(email("alice", "analytics"), Shown::Treated(Treatment::Null));
    assert_eq!(email("bob", "fraud"), Shown::Treated(Treatment::Clear));
    assert_eq!(email("carl", "fraud"), Shown::Treated(Treatment::Hash));
}

#[tokio::test]
async fn files_without_declared_schema_have_the_documented_types() {
    let (_dir, demo) = small();
    let trips = schema(&demo, &"hive.rides.trips".parse().unwrap()).await;
    let types = |schema: &Schema| -> Vec<(String, String)> {
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
    };
    assert_eq!(types(&trips)[7], ("requested_at".to_owned(), "Timestamp(µs, \"UTC\")".to_owned()));
    let DataType::Struct(payload) = trips.field_with_name("payload").unwrap().data_type() else { panic!("no struct") };
    assert_eq!(payload.iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["phone", "tip"]);
}

#[test]
fn a_second_start_keeps_data_policy_and_key_and_makes_new_tokens() {
    let (dir, first) = small();
    let policy = dir.path().join("policy/policy.csv");
    fs::write(&policy, "# edited\n").unwrap();
    let key = fs::read(dir.path().join("hash.key")).unwrap();
    let token = first.tokens[0].1.digest();
    assert_eq!(prepare(dir.path(), AS_OF, Scale::SMALL, HTTP).unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    let reused = first.reused;
    drop(first);
    let second = prepare(dir.path(), AS_OF.succ_opt().unwrap(), Scale::SMALL, HTTP).unwrap();
    assert!(!reused && second.reused);
    assert_eq!(second.as_of, AS_OF);
    assert_eq!(fs::read_to_string(policy).unwrap(), "# edited\n");
    assert_eq!(fs::read(dir.path().join("hash.key")).unwrap(), key);
    assert_ne!(token, second.tokens[0].1.digest());
}

#[test]
fn no_file_holds_a_token() {
    let (dir, demo) = small();
    for file in ["users.toml", "lockgate.toml", "world.json"] {
        let text = fs::read_to_string(dir.path().join(file)).unwrap();
        for (_, token) in &demo.tokens {
            assert!(!text.contains(token.expose()));
        }
    }
    let users =
        crate::auth::Users::parse(&fs::read_to_string(dir.path().join("users.toml")).unwrap(), "users.toml").unwrap();
    for (name, token) in &demo.tokens {
        assert_eq!(&users.find(&token.digest()).unwrap().principal.name, name);
    }
}

#[test]
fn a_folder_with_something_else_is_refused_and_a_broken_demo_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    let error = prepare(dir.path(), AS_OF, Scale::SMALL, HTTP).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let (dir, demo) = small();
    drop(demo);
    fs::write(dir.path().join("world.json"), r#"{"format":0,"as_of":"2026-11-23"}"#).unwrap();
    fs::remove_file(dir.path().join("vertica/crm/riders.csv")).unwrap();
    assert!(!prepare(dir.path(), AS_OF, Scale::SMALL, HTTP).unwrap().reused);
    assert!(dir.path().join("vertica/crm/riders.csv").exists());
}

#[test]
fn the_carried_policy_is_the_sample_policy() {
    let dir = tempfile::tempdir().unwrap();
    policy::write(dir.path()).unwrap();
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/policy"));
    let names = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(dir.path()), names(sample));
    for name in names(sample) {
        assert_eq!(fs::read(dir.path().join(&name)).unwrap(), fs::read(sample.join(&name)).unwrap());
    }
}
