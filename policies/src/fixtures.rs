//! What the unit tests share: the sample policy, its tables as the demo makes them, and folders made of text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use tempfile::TempDir;

use crate::condition::parse_date;
use crate::{Asker, Env, PolicySet, Principal, Problem, TableDecision};

pub(crate) const TRIPS: &str = "hive.rides.trips";
pub(crate) const RIDERS: &str = "vertica.crm.riders";
pub(crate) const PAYMENTS: &str = "presto.finance.payments";
pub(crate) const EVENTS: &str = "hdfs.raw.events";
const ASSISTANCE: &str = "vertica.crm.assistance";
const SALARIES: &str = "vertica.hr.salaries";
/// All tables of the rides world, by name.
pub(crate) const WORLD: [&str; 6] = [EVENTS, TRIPS, PAYMENTS, ASSISTANCE, RIDERS, SALARIES];

pub(crate) fn sample_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/policy")
}

pub(crate) fn sample() -> PolicySet {
    PolicySet::load(&sample_dir()).0.unwrap()
}

/// `name/purpose/dc`, asked on 2026-11-23 at a gateway in `eu`.
pub(crate) fn asker(text: &str) -> Asker {
    let parts: Vec<&str> = text.split('/').collect();
    let [name, purpose, dc] = parts.as_slice() else { panic!("{text}") };
    Asker {
        principal: Principal { name: (*name).to_owned(), roles: BTreeSet::new() },
        purpose: (*purpose).to_owned(),
        env: Env { dc: (*dc).to_owned(), site: "eu".to_owned(), today: parse_date("2026-11-23").unwrap() },
    }
}

pub(crate) fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(crate) fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields: Vec<Field> =
        columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect();
    Arc::new(Schema::new(fields))
}

pub(crate) fn strukt(columns: &[(&str, DataType)]) -> DataType {
    let fields: Vec<Field> =
        columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect();
    DataType::Struct(Fields::from(fields))
}

/// The tables of the rides world.
pub(crate) fn world(table: &str) -> SchemaRef {
    use DataType::{Boolean, Date32, Float64, Int64, Utf8};
    match table {
        TRIPS => schema(&[
            ("trip_id", Utf8),
            ("rider_id", Utf8),
            ("driver_id", Utf8),
            ("city_id", Int64),
            ("pickup_lat", Float64),
            ("pickup_lng", Float64),
            ("fare", Float64),
            ("requested_at", micros()),
            ("payload", strukt(&[("phone", Utf8), ("tip", Float64)])),
        ]),
        RIDERS => schema(&[
            ("rider_id", Utf8),
            ("name", Utf8),
            ("email", Utf8),
            ("phone", Utf8),
            ("birth_date", Date32),
            ("home_country", Utf8),
            ("consent_marketing", Boolean),
            ("created_at", micros()),
        ]),
        PAYMENTS => schema(&[
            ("payment_id", Utf8),
            ("rider_id", Utf8),
            ("card_last4", Utf8),
            ("amount", Float64),
            ("currency", Utf8),
            ("paid_at", micros()),
        ]),
        EVENTS => {
            schema(&[("event_id", Utf8), ("rider_id", Utf8), ("event_type", Utf8), ("ts", micros()), ("body", Utf8)])
        }
        ASSISTANCE => schema(&[("rider_id", Utf8), ("need", Utf8), ("created_at", micros())]),
        SALARIES => schema(&[("employee_id", Utf8), ("salary", Int64)]),
        other => panic!("{other}"),
    }
}

pub(crate) fn decide(set: &PolicySet, who: &str, table: &str, schema: &SchemaRef) -> Arc<TableDecision> {
    set.decide(&asker(who), &table.parse().unwrap(), schema)
}

/// A copy of the sample, to be changed.
pub(crate) struct Copy {
    pub(crate) dir: TempDir,
}

impl Copy {
    pub(crate) fn of_sample() -> Self {
        let dir = TempDir::new().unwrap();
        for file in ["model.conf", "policy.csv", "classification.yaml", "policy_tests.yaml", "erasures.csv"] {
            fs::copy(sample_dir().join(file), dir.path().join(file)).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.dir.path().join(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> &Self {
        fs::write(self.dir.path().join(file), text).unwrap();
        self
    }

    /// Replaces the one place where `from` stands.
    #[track_caller]
    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) -> &Self {
        let text = self.read(file);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
        self.write(file, text.replace(from, to))
    }

    pub(crate) fn append(&self, file: &str, line: &str) -> &Self {
        self.write(file, format!("{}{line}\n", self.read(file)))
    }

    pub(crate) fn load(&self) -> (Option<PolicySet>, Vec<Problem>) {
        PolicySet::load(self.dir.path())
    }

    /// The set, which must have no error.
    #[track_caller]
    pub(crate) fn good(&self) -> PolicySet {
        let (set, problems) = self.load();
        set.unwrap_or_else(|| panic!("{}", texts(&problems).join("\n")))
    }
}

/// A policy about one table `a.b.t` with rows granted to role `r` for purpose `work`; `columns` and `more` are lines of
/// the classification's table, `rules` lines of policy.csv. User `u` has role `r`.
#[track_caller]
pub(crate) fn small(columns: &str, more: &str, rules: &str) -> PolicySet {
    let (set, problems) = try_small(columns, more, rules);
    set.unwrap_or_else(|| panic!("{}", texts(&problems).join("\n")))
}

pub(crate) fn try_small(columns: &str, more: &str, rules: &str) -> (Option<PolicySet>, Vec<Problem>) {
    let treatments: String =
        crate::Treatment::ALL.iter().map(|treatment| format!("  \"{}\": {{}}\n", treatment.name())).collect();
    let indented = |text: &str, by: &str| text.lines().map(|line| format!("{by}{}\n", line.trim())).collect::<String>();
    let class = format!(
        "version: v1\ntreatments:\n{treatments}row_filters:\n  all: {{tables: any, sql: \"true\"}}\n  mine: {{tables: [a.b.t], \
         sql: \"id = 'x'\"}}\nconditions: [always, \"dc=eu\", \"dc!=eu\", \"until=DATE\"]\npurposes:\n  work: {{}}\n  play: {{}}\n\
         tables:\n  a.b.t:\n    rows: rows.t\n{}    columns:\n      id: [key]\n{}",
        indented(more, "    "),
        indented(columns, "      "),
    );
    let policy = format!(
        "p, RW, role:r, purpose:work, tag:rows.t, rows:all, always, allow\n{}\ng, user:u, role:r\ng, role:r, role:base\n\
         g2, tag:a, tag:top\ng2, tag:b, tag:top\ng2, tag:rows.t, tag:rows\ng3, purpose:work, purpose:any\ng3, purpose:play, purpose:any\n",
        indented(rules, ""),
    );
    PolicySet::of_texts(&[
        ("model.conf", crate::model::FIXED.as_bytes()),
        ("policy.csv", policy.as_bytes()),
        ("classification.yaml", class.as_bytes()),
    ])
}

pub(crate) fn texts(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Compares with a committed text; `UPDATE=1` writes it anew.
#[track_caller]
pub(crate) fn check_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, committed, "run with UPDATE=1 if the change in {name} is meant");
}
