//! A source that remembers what its server was sent.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;
use lockgate_contract::{Access, Source, SourceError, SourceTable, SqlServer, SqlStatement, TablePath};

/// Statements by the id of the query that they were part of.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<HashMap<String, Vec<String>>>);

impl Sent {
    /// Remembers a statement of a query.
    pub(super) fn add(&self, query_id: &str, sql: &str) {
        let mut sent = self.0.lock().expect("no panic while it was held");
        sent.entry(query_id.to_owned()).or_default().push(sql.to_owned());
    }

    /// What was sent for a query, in no order.
    pub(super) fn of(&self, query_id: &str) -> Vec<String> {
        let mut sent = self.0.lock().expect("no panic while it was held").remove(query_id).unwrap_or_default();
        sent.sort();
        sent
    }
}

/// A source whose statements are remembered.
#[derive(Debug)]
pub(super) struct Recorded {
    inner: Arc<dyn Source>,
    sent: Arc<Sent>,
}

impl Recorded {
    /// `inner`, remembered in `sent`.
    pub(super) fn new(inner: Arc<dyn Source>, sent: Arc<Sent>) -> Self {
        Self { inner, sent }
    }
}

#[async_trait]
impl Source for Recorded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn tables(&self) -> Result<Vec<TablePath>, SourceError> {
        self.inner.tables().await
    }

    async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        let mut table = self.inner.table(path).await?;
        if let Some(SourceTable { access: Access::Sql(access), .. }) = &mut table {
            access.server = Arc::new(Server { inner: Arc::clone(&access.server), sent: Arc::clone(&self.sent) });
        }
        Ok(table)
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.inner.check().await
    }

    fn refresh(&self) {
        self.inner.refresh();
    }
}

struct Server {
    inner: Arc<dyn SqlServer>,
    sent: Arc<Sent>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl SqlServer for Server {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn run(&self, statement: SqlStatement) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
        self.sent.add(&statement.query.query_id, &statement.sql);
        self.inner.run(statement)
    }
}
