//! What a server tells of its tables besides their columns: how many rows they have and what is said of them. And what the
//! gateway makes of it.

use std::collections::BTreeMap;
use std::fs::{File, create_dir_all};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow::array::{Int64Array, RecordBatch};
use arrow::util::pretty::pretty_format_batches;
use lockgate_connector_files::FilesConnector;
use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options, Source, SourceTable, TablePath};
use lockgate_engine::{Engine, EngineConfig};
use lockgate_policies::{KeyRing, PolicyStore};
use lockgate_wire::QueryRequest;
use parquet::arrow::ArrowWriter;

use super::recorder::{Recorded, Sent};
use super::tables::{empty, write};
use super::{Test, fixture};
use crate::behaviour::fixture::{CATALOG, session};
use crate::behaviour::policy;
use crate::noninterference::answer::ask_as;
use crate::servers::{Dialect, Server};
use crate::worlds::open::MemoryLedger;

pub(super) const ALL: &[(&str, Test)] = &[
    ("the_server_s_count_of_rows_is_given_when_it_is_known", count),
    ("the_large_side_of_a_join_is_told_the_keys_of_the_small_one_however_it_is_written", large_side),
    ("comments_reach_whom_the_column_is_shown_and_are_no_drift", comments),
    ("a_refresh_looks_tables_up_anew", refresh),
];

/// Time within which a server has told of a table's rows.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// A table as soon as the source knows how many rows it has.
pub(super) async fn counted(server: &Server, source: &dyn Source, path: &str) -> anyhow::Result<SourceTable> {
    told(server, source, path, |table| table.rows.is_some()).await
}

/// A table as soon as the source knows `what` of it.
async fn told(
    server: &Server,
    source: &dyn Source,
    path: &str,
    what: impl Fn(&SourceTable) -> bool,
) -> anyhow::Result<SourceTable> {
    let (schema, table) = path.split_once('.').context("a schema and a table")?;
    let told = async {
        loop {
            let table = source.table(&TablePath::new(schema, table)).await?.context("the table")?;
            if what(&table) {
                return Ok(table);
            }
            // A statement takes the server about as long as what is waited for.
            server.fetch("SELECT 1").await.map_err(anyhow::Error::msg)?;
        }
    };
    tokio::time::timeout(TOLD_WITHIN, told).await.context("the server does not tell")?
}

fn source(server: &Server, name: &str, catalog: &str, user: &str) -> anyhow::Result<Arc<dyn Source>> {
    let options = serde_json::json!({"url": server.url, "catalog": catalog, "user": user, "cache_seconds": 3600});
    let options = Options(options.as_object().context("options")?.clone());
    let opened = crate::runtime().block_on(PrestoConnector.open(name, &options));
    opened.map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

fn count(server: &Server) -> anyhow::Result<()> {
    let source = source(server, "src", "tpch", "lockgate")?;
    crate::runtime().block_on(async {
        let table = counted(server, source.as_ref(), "tiny.lineitem").await?;
        ensure!(table.rows == Some(60_175), "{:?}", table.rows);
        // Known or not, it keeps no table from being looked up.
        ensure!(source.table(&TablePath::new("tiny", "no_such_table")).await?.is_none(), "a table");
        Ok(())
    })
}

/// A Parquet file `lake.keys.small` with the column `id` below `root`.
fn small(root: &Path) -> anyhow::Result<Arc<dyn Source>> {
    let ids = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1, 7, 32, 33])) as _)])?;
    create_dir_all(root.join("keys"))?;
    let mut writer = ArrowWriter::try_new(File::create(root.join("keys/small.parquet"))?, ids.schema(), None)?;
    writer.write(&ids)?;
    writer.close()?;
    let options = serde_json::json!({"root": root}).as_object().context("options")?.clone();
    let opened = crate::runtime().block_on(FilesConnector.open("lake", &Options(options)));
    opened.map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

/// `lineitem` is on one server, `orders` on one that is taken for another, and four keys are in a file.
fn large_side(server: &Server) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let sent = Arc::new(Sent::default());
    let (one, two) = (source(server, "src", "tpch", "lockgate")?, source(server, "other", "tpch", "somebody")?);
    let tables = BTreeMap::from([
        ("src.tiny.lineitem".to_owned(), empty(&["l_orderkey", "l_quantity"])),
        ("other.tiny.orders".to_owned(), empty(&["o_orderkey", "o_custkey"])),
        ("lake.keys.small".to_owned(), empty(&["id"])),
    ]);
    policy::write(&dir.path().join("policy"), CATALOG, &tables);
    let policies = PolicyStore::open(&dir.path().join("policy")).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let recorded = |source: &Arc<dyn Source>| -> Arc<dyn Source> {
        Arc::new(Recorded::new(Arc::clone(source), Arc::clone(&sent)))
    };
    let sources = vec![recorded(&one), recorded(&two), small(&dir.path().join("lake"))?];
    let keys = Arc::new(KeyRing::from_secret(b"the suite's own key, 32 bytes long", "suite"));
    let config = EngineConfig { target_partitions: 2, ..EngineConfig::default() };
    let engine = Engine::new(config, sources, Arc::new(policies), keys, Arc::new(MemoryLedger::default()))
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    crate::runtime().block_on(async {
        counted(server, one.as_ref(), "tiny.lineitem").await?;
        counted(server, two.as_ref(), "tiny.orders").await?;
        for (sql, n_rows, narrowed) in [
            ("lake.keys.small s JOIN src.tiny.lineitem l ON s.id = l.l_orderkey", 23, "lineitem"),
            ("src.tiny.lineitem l JOIN lake.keys.small s ON s.id = l.l_orderkey", 23, "lineitem"),
            ("src.tiny.lineitem l, lake.keys.small s WHERE s.id = l.l_orderkey", 23, "lineitem"),
            (
                "src.tiny.lineitem l JOIN (SELECT * FROM other.tiny.orders ORDER BY o_orderkey LIMIT 7) o \
                 ON l.l_orderkey = o.o_orderkey",
                25,
                "lineitem",
            ),
            (
                "(SELECT * FROM other.tiny.orders ORDER BY o_orderkey LIMIT 7) o JOIN src.tiny.lineitem l \
                 ON l.l_orderkey = o.o_orderkey",
                25,
                "lineitem",
            ),
        ] {
            let query_id = uuid::Uuid::now_v7();
            let sql = format!("SELECT l_quantity FROM {sql}");
            let request = QueryRequest { query_id: Some(query_id), ..QueryRequest::new(&sql) };
            let answer = ask_as(&engine, &session(), request).await;
            ensure!(answer.is_whole() && answer.n_rows() == n_rows, "{sql}: {} {:?}", answer.n_rows(), answer.failed());
            let statements = sent.of(&query_id.to_string());
            let of_table: Vec<_> = statements.iter().filter(|statement| statement.contains(narrowed)).collect();
            ensure!(of_table.len() == 1 && of_table[0].contains(" IN ("), "{sql}: {statements:#?}");
            // Nobody is told the counts.
            let plan = ask_as(&engine, &session(), QueryRequest::new(format!("EXPLAIN {sql}"))).await;
            let text = pretty_format_batches(&plan.batches)?.to_string();
            ensure!(text.contains(narrowed) && !text.contains("60175") && !text.contains("ows="), "{text}");
        }
        Ok(())
    })
}

fn comments(server: &Server) -> anyhow::Result<()> {
    let name = "statistics.said";
    let ids = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1])) as _),
        ("secret", Arc::new(Int64Array::from(vec![2])) as _),
    ])?;
    server.run("CREATE SCHEMA IF NOT EXISTS memory.statistics");
    write(server, "memory", name, &ids);
    if server.dialect == Dialect::Presto {
        // Presto has no statement that comments a table in memory; its own tables have none either.
        let fixture = fixture(&server.url, "memory", serde_json::json!({}), [(name.to_owned(), empty(&["id"]))].into());
        let catalog =
            crate::runtime().block_on(fixture.engine.catalog(&session())).map_err(|e| anyhow::anyhow!("{e}"))?;
        ensure!(catalog[0].comment.is_none() && catalog[0].columns[0].comment.is_none(), "{catalog:?}");
        return Ok(());
    }
    server.run(&format!("COMMENT ON TABLE memory.{name} IS 'beside secret'"));
    server.run(&format!("COMMENT ON COLUMN memory.{name}.id IS 'the number'"));
    server.run(&format!("COMMENT ON COLUMN memory.{name}.secret IS 'not for all'"));
    let more = || serde_json::json!({"cache_seconds": 0});
    let all = fixture(&server.url, "memory", more(), [(name.to_owned(), empty(&["id", "secret"]))].into());
    let some = fixture(&server.url, "memory", more(), [(name.to_owned(), empty(&["id"]))].into());
    crate::runtime().block_on(async {
        for fixture in [&all, &some] {
            told(server, fixture.source.as_ref(), name, |table| table.comments.table.is_some()).await?;
        }
        let told_to = async |engine: &Engine| -> anyhow::Result<String> {
            let tables = engine.catalog(&session()).await.map_err(|error| anyhow::anyhow!("{error}"))?;
            let table = tables.first().context("a table")?;
            let columns = table.columns.iter().map(|column| (column.name.as_str(), column.comment.as_deref()));
            Ok(format!("{:?} {:?}", table.comment, columns.collect::<Vec<_>>()))
        };
        let everything = told_to(&all.engine).await?;
        let expected = r#"Some("beside secret") [("id", Some("the number")), ("secret", Some("not for all"))]"#;
        ensure!(everything == expected, "{everything}");
        // A column that is not classified is withheld: what is said of it is too, and what is said of the table.
        let something = told_to(&some.engine).await?;
        ensure!(something == r#"None [("id", Some("the number")), ("secret", None)]"#, "{something}");
        // Saying something else is no drift: the schema stays the very same.
        let path = TablePath::new("statistics", "said");
        let before = all.source.table(&path).await?.context("the table")?;
        server.fetch(&format!("COMMENT ON COLUMN memory.{name}.id IS 'a number'")).await.map_err(anyhow::Error::msg)?;
        let after = all.source.table(&path).await?.context("the table")?;
        ensure!(Arc::ptr_eq(&before.schema, &after.schema), "another schema");
        let said = after.comments.columns.get("id").map(ToString::to_string);
        ensure!(said.as_deref() == Some("a number"), "{said:?}");
        Ok(())
    })
}

fn refresh(server: &Server) -> anyhow::Result<()> {
    let name = "statistics.changed";
    let batch = |column: &str, n: i64| {
        RecordBatch::try_from_iter([(column, Arc::new(Int64Array::from_iter_values(0..n)) as _)])
    };
    server.run("CREATE SCHEMA IF NOT EXISTS memory.statistics");
    write(server, "memory", name, &batch("one", 3)?);
    let source = source(server, "src", "memory", "lockgate")?;
    let path = TablePath::new("statistics", "changed");
    let columns = |table: Option<SourceTable>| -> anyhow::Result<Vec<String>> {
        let fields = table.context("the table")?.schema.fields().clone();
        Ok(fields.iter().map(|field| field.name().clone()).collect())
    };
    let counts = server.dialect == Dialect::Trino;
    crate::runtime().block_on(async {
        ensure!(columns(source.table(&path).await?)? == ["one"], "a new table");
        if counts {
            ensure!(counted(server, source.as_ref(), name).await?.rows == Some(3), "three rows");
        }
        write(server, "memory", name, &batch("two", 5)?);
        ensure!(columns(source.table(&path).await?)? == ["one"], "it is remembered");
        source.refresh();
        ensure!(columns(source.table(&path).await?)? == ["two"], "it is looked up anew");
        if counts {
            ensure!(counted(server, source.as_ref(), name).await?.rows == Some(5), "five rows");
        }
        Ok(())
    })
}
