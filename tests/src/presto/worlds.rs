//! The test worlds with two of their four catalogues in a real server, and what is said of a server's catalogue made alike for
//! all of them.

use std::sync::Arc;

use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options, Source};
use serde_json::{Map, Value, json};

use super::recorder::{Recorded, Sent};
use super::statistics::counted;
use super::tables::write;
use crate::servers::{Dialect, Server};
use crate::worlds::data::Data;
use crate::worlds::files::batch_of;
use crate::worlds::open::{World, policies};
use crate::worlds::tables::{PAYMENTS, RIDERS, Table};

/// Tables that lie in the server; the others are files, so that queries meet both.
pub(super) const THERE: [&Table; 2] = [&RIDERS, &PAYMENTS];

/// Puts the tables of a world into a catalogue of the server.
pub(super) fn put(server: &Server, catalog: &str, data: &Data) {
    for table in THERE {
        write(server, catalog, parts(table).1, &batch_of(table, data));
    }
}

/// The catalogues that lie in the server, as users know them.
pub(super) fn sources() -> impl Iterator<Item = &'static str> {
    THERE.into_iter().map(|table| parts(table).0)
}

/// Catalogue, and schema with table.
fn parts(table: &Table) -> (&'static str, &'static str) {
    table.name.split_once('.').expect("a full name")
}

/// A source's options for the catalogue of a coordinator.
pub(super) fn options(url: &str, catalog: &str) -> Map<String, Value> {
    let options = json!({"url": url, "catalog": catalog, "user": "lockgate", "cache_seconds": 3600});
    options.as_object().expect("options").clone()
}

/// A world with its tables put into the catalogue.
pub(super) async fn world(server: &Server, catalog: &str, data: &Data, sent: &Arc<Sent>) -> World {
    put(server, catalog, data);
    open(server, catalog, data, sent, true).await
}

/// A world over tables that were put into the catalogue before, with or without parts of queries that the server answers.
pub(super) async fn open(server: &Server, catalog: &str, data: &Data, sent: &Arc<Sent>, pushdown: bool) -> World {
    let mut found: Vec<Arc<dyn Source>> = Vec::new();
    for (name, table) in THERE.map(parts) {
        let options = Options(options(&server.url, catalog));
        let source = PrestoConnector.open(name, &options).await.expect("the options are right");
        // Plans may hang on how many rows there are: twins are compared when that is known of both. Presto keeps no counts of
        // tables in memory.
        if server.dialect == Dialect::Trino {
            counted(server, source.as_ref(), table).await.expect("the server counts its rows");
        }
        found.push(Arc::new(Recorded::new(source, Arc::clone(sent))));
    }
    World::open_with(data, policies(), found, pushdown).await
}

/// What is said of a server, with one name for the catalogues `NAME0`, `NAME1`, ... that twins have.
pub(super) fn same_catalog(text: &str, name: &str) -> String {
    let begins = format!("\"{name}");
    let mut parts = text.split(&begins);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_name = rest.len() < part.len() && rest.starts_with('"');
        whole.push_str(&begins);
        whole.push_str(if is_name { rest } else { part });
    }
    whole
}

/// A statement with its lists in order: they are as the rows came, which is up to the server.
pub(super) fn in_order(sql: &str) -> String {
    let (mut whole, mut rest) = (String::new(), sql);
    while let Some((before, after)) = rest.split_once(" IN (") {
        let (list, behind) = after.split_once(')').unwrap_or((after, ""));
        let mut items: Vec<&str> = list.split(", ").collect();
        items.sort_unstable();
        whole.push_str(&format!("{before} IN ({})", items.join(", ")));
        rest = behind;
    }
    whole + rest
}
