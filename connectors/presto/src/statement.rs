//! A statement: posted, its pages fetched and decoded one after the other, ended at the server when nobody listens.
//!
//! The next page is on its way while one is decoded. At most two pages are held, and as many batches as a page has rows for.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lockgate_contract::{QueryContext, SourceError, SqlStatement, StatementWatch};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::client::{Client, WireError};
use crate::coordinator::Coordinator;
use crate::fault::Trouble;
use crate::page::{self, Failure, Head, PageError, Reader, Stats};
use crate::serialized::Waiting;

/// Batches that wait between the page and whoever reads.
const WAITING: usize = 1;
/// How often the server is asked again while nobody takes batches; both servers give a query up after five minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// How long to look whether a cancelled query has ended.
const CANCEL: Duration = Duration::from_secs(5);

/// Runs a statement; see [`lockgate_contract::SqlServer::run`].
pub(crate) fn run(
    coordinator: Coordinator,
    statement: SqlStatement,
) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
    let start = async move {
        let (sender, receiver) = mpsc::channel(WAITING);
        let asked = coordinator.clone();
        let work = async move { drive(&asked, &statement, &sender).await };
        let task = AbortOnDropHandle::new(tokio::spawn(work));
        stream::unfold(Some((receiver, task)), move |open| {
            let coordinator = coordinator.clone();
            async move {
                let (mut receiver, task) = open?;
                if let Some(batch) = receiver.recv().await {
                    return Some((Ok(batch), Some((receiver, task))));
                }
                // Only a task that ended well closes without a last word.
                let trouble = match task.await {
                    Ok(Ok(())) => return None,
                    Ok(Err(trouble)) => trouble,
                    Err(_died) => Trouble::Stopped,
                };
                Some((Err(coordinator.error(&trouble)), None))
            }
        })
    };
    stream::once(start).flatten().boxed()
}

/// Runs a statement whose columns are not known before, and gives its few rows as they are on the wire.
///
/// # Errors
/// When it fails or is not whole. Nothing is concluded from that.
pub(crate) async fn plain_rows(coordinator: &Coordinator, sql: &str) -> Result<PlainRows, Trouble> {
    let client = coordinator.client(&QueryContext::default()).await?.for_json();
    let watch: Arc<dyn StatementWatch> = Arc::new(());
    let mut bytes = post(&client, sql, &watch).await?;
    let mut live = Live::new(&client, &bytes, &watch);
    let mut rows = PlainRows::default();
    loop {
        live.uri = page::next_uri(&bytes);
        let page: PlainPage =
            serde_json::from_slice(&bytes).map_err(|error| Trouble::Page(PageError::Broken(error.column())))?;
        if let Some(failure) = page.error {
            live.uri = None;
            return Err(Trouble::Failed(failure));
        }
        if let Some(heads) = page.columns {
            rows.columns = heads.into_iter().map(|head| head.name).collect();
        }
        rows.rows.extend(page.data.into_iter().flatten());
        live.uri.clone_from(&page.next_uri);
        bytes = match page.next_uri {
            Some(uri) => client.get(&uri).await?,
            None if page.stats.state == "FINISHED" => return Ok(rows),
            None => return Err(Trouble::Unfinished(page.stats.state)),
        };
    }
}

/// Rows as they are on the wire.
#[derive(Debug, Default)]
pub(crate) struct PlainRows {
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Values, row by row.
    pub(crate) rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainPage {
    columns: Option<Vec<Head>>,
    data: Option<Vec<Vec<Value>>>,
    next_uri: Option<String>,
    #[serde(default)]
    stats: Stats,
    error: Option<Failure>,
}

async fn drive(
    coordinator: &Coordinator,
    statement: &SqlStatement,
    sender: &mpsc::Sender<RecordBatch>,
) -> Result<(), Trouble> {
    let client = coordinator.client(&statement.query).await?;
    let watch = &statement.watch;
    let mut bytes = post(&client, &statement.sql, watch).await?;
    let mut live = Live::new(&client, &bytes, watch);
    let mut reader = Reader::new(&statement.schema);
    loop {
        let ahead = page::next_uri(&bytes).map(|uri| Ahead::fetch(&client, uri));
        if let Some(ahead) = &ahead {
            live.uri = Some(ahead.uri.clone());
        }
        let page = reader.read(&bytes)?;
        drop(bytes);
        watch.progress(page.stats.progress());
        if let Some(failure) = page.error {
            live.uri = None;
            return Err(Trouble::Failed(failure));
        }
        live.uri.clone_from(&page.next_uri);
        let mut waiting = Waiting::new(reader.finish()?, &statement.schema, statement.batch_rows);
        while let Some(batch) = waiting.next().map_err(|error| Trouble::Arrow(error.to_string()))? {
            if !send(sender, batch, &client, page.next_uri.as_deref()).await? {
                return Ok(());
            }
        }
        bytes = match (page.next_uri, ahead) {
            (None, _) if page.stats.state == "FINISHED" => return Ok(()),
            (None, _) => return Err(Trouble::Unfinished(page.stats.state)),
            (Some(uri), Some(ahead)) if ahead.uri == uri => ahead.page().await?,
            (Some(uri), _) => client.get(&uri).await?,
        };
    }
}

/// Posts a statement in a task of its own: if nobody waits any more when the answer comes, the query is ended at once.
async fn post(client: &Client, sql: &str, watch: &Arc<dyn StatementWatch>) -> Result<Bytes, Trouble> {
    let (sender, receiver) = oneshot::channel();
    let (client, sql, watch) = (client.clone(), sql.to_owned(), Arc::clone(watch));
    tokio::spawn(async move {
        if let Err(Ok(unheard)) = sender.send(client.post(&sql).await)
            && let Some(uri) = page::next_uri(&unheard)
        {
            cancel(&client, page::query_id(&unheard).as_deref(), &uri, watch.as_ref()).await;
        }
    });
    Ok(receiver.await.map_err(|_| Trouble::Stopped)??)
}

/// A page that is fetched while the one before is decoded.
struct Ahead {
    uri: String,
    task: AbortOnDropHandle<Result<Bytes, WireError>>,
}

impl Ahead {
    fn fetch(client: &Client, uri: String) -> Self {
        let (client, asked) = (client.clone(), uri.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move { client.get(&asked).await }));
        Self { uri, task }
    }

    async fn page(self) -> Result<Bytes, Trouble> {
        Ok(self.task.await.map_err(|_| Trouble::Stopped)??)
    }
}

/// Hands a batch on; `false` when nobody takes it any more. While it waits, the server is kept from giving the query up: a
/// page may be asked for again until the one behind it was.
async fn send(
    sender: &mpsc::Sender<RecordBatch>,
    batch: RecordBatch,
    client: &Client,
    next_uri: Option<&str>,
) -> Result<bool, Trouble> {
    loop {
        match timeout(KEEP_ALIVE, sender.reserve()).await {
            Ok(Ok(place)) => {
                place.send(batch);
                return Ok(true);
            }
            Ok(Err(_nobody)) => return Ok(false),
            Err(_elapsed) => {
                if let Some(uri) = next_uri {
                    client.get(uri).await?;
                }
            }
        }
    }
}

/// A query that the server works on; dropped before its end, it is ended there.
struct Live {
    /// The server's id of it.
    id: Option<String>,
    client: Client,
    /// Where its next page is; none when it is over.
    uri: Option<String>,
    runtime: Handle,
    watch: Arc<dyn StatementWatch>,
}

impl Live {
    /// The query that `first`, its first page, is of.
    fn new(client: &Client, first: &[u8], watch: &Arc<dyn StatementWatch>) -> Self {
        let (id, client, watch) = (page::query_id(first), client.clone(), Arc::clone(watch));
        Self { id, client, uri: None, runtime: Handle::current(), watch }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(uri) = self.uri.take() {
            let (id, client, watch) = (self.id.take(), self.client.clone(), Arc::clone(&self.watch));
            self.runtime.spawn(async move { cancel(&client, id.as_deref(), &uri, watch.as_ref()).await });
        }
    }
}

/// Ends a query, looks whether it has ended, and tells. Its pages do not say: one that was fetched before is given again as it
/// was by Presto, and is an error in Trino.
async fn cancel(client: &Client, id: Option<&str>, uri: &str, watch: &dyn StatementWatch) {
    let ended = timeout(CANCEL, async {
        client.delete(uri).await?;
        let Some(id) = id else { return Err(WireError::Odd("a query has no id".to_owned())) };
        loop {
            match client.get(&format!("/v1/query/{id}")).await {
                Err(WireError::Gone) => return Ok(()),
                Err(error) => return Err(error),
                Ok(query) if page::is_over(&query) => return Ok(()),
                Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    })
    .await;
    watch.given_up(matches!(ended, Ok(Ok(()))));
    match ended {
        Ok(Ok(())) => tracing::debug!("a query was ended at the source"),
        Ok(Err(error)) => tracing::warn!(%error, "a query may still run at the source"),
        Err(_elapsed) => tracing::warn!("a query may still run at the source: it did not end in time"),
    }
}
