//! What only Presto and Trino have: their types, and the faults of their protocol. Everything runs against real servers.

mod attacks;
mod binary;
mod faults;
mod functions;
mod generated;
mod hostile;
mod identity;
mod joined;
mod patience;
mod policy;
mod proxy;
mod recorder;
mod statistics;
pub mod tables;
mod tpch;
mod types;
mod worlds;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use libtest_mimic::Trial;
use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options, Source};

use crate::behaviour::fixture::{CATALOG, Fixture};
use crate::servers::{Dialect, Server};

/// One trial for each server and test; without the server it is ignored.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for dialect in Dialect::ALL {
        trials.extend(attacks::trials(dialect));
        for (name, test) in tests() {
            let run = move || {
                let server = Server::of_environment(dialect).ok_or("no server")?;
                test(&server).map_err(|error| format!("{error:?}").into())
            };
            let is_there = Server::of_environment(dialect).is_some();
            trials.push(Trial::test(format!("presto::{}::{name}", dialect.name()), run).with_ignored_flag(!is_there));
        }
    }
    trials
}

/// Whether this process was started by a trial to do its part, which is done now.
pub fn is_child() -> bool {
    patience::child()
}

fn tests() -> impl Iterator<Item = &'static (&'static str, Test)> {
    let all = [
        types::ALL,
        binary::ALL,
        faults::ALL,
        identity::ALL,
        joined::ALL,
        statistics::ALL,
        patience::ALL,
        functions::ALL,
        hostile::ALL,
        tpch::ALL,
        generated::ALL,
    ];
    all.into_iter().flatten()
}

/// A test against one server.
type Test = fn(&Server) -> anyhow::Result<()>;

/// An engine over the catalogue `catalog` of a coordinator at `url`; `tables` say what is classified.
fn fixture(url: &str, catalog: &str, more: serde_json::Value, tables: BTreeMap<String, RecordBatch>) -> Fixture {
    fixture_with(url, catalog, more, tables, true)
}

/// The same, with or without parts of queries that the server answers.
fn fixture_with(
    url: &str,
    catalog: &str,
    more: serde_json::Value,
    tables: BTreeMap<String, RecordBatch>,
    pushdown: bool,
) -> Fixture {
    let mut options = serde_json::json!({"url": url, "catalog": catalog, "user": "lockgate", "cache_seconds": 0});
    let map = options.as_object_mut().expect("options");
    map.extend(more.as_object().cloned().unwrap_or_default());
    let source: Arc<dyn Source> = crate::runtime()
        .block_on(PrestoConnector.open(CATALOG, &Options(map.clone())))
        .unwrap_or_else(|errors| panic!("{:?}", errors.iter().map(|error| &error.internal).collect::<Vec<_>>()));
    Fixture::configured(tempfile::tempdir().expect("a folder"), source, tables, &[], pushdown)
}
