//! The attack cases with riders and payments in a real server, asked over a real socket: the same is expected as over files,
//! and what the server is sent holds nothing that it or its log should not know, and is the same for twins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use libtest_mimic::{Failed, Trial};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use super::proxy::Proxy;
use super::recorder::Sent;
use super::worlds::{THERE, in_order, options, put, same_catalog, sources};
use crate::cases::attacks::{Case, attacks};
use crate::cases::judge;
use crate::cases::stage::{SEED, Stage, person};
use crate::door::{Door, Reply};
use crate::servers::{Dialect, Server};
use crate::worlds::data::{Data, Twin, base};
use crate::worlds::people::{OTHERS, PEOPLE, Person};
use crate::worlds::tables::Table;

/// Catalogues `attack0`, `attack1`, ... that the servers are started with.
const CATALOG: &str = "attack";

/// Cases whose answer hangs on which rows come first, which is up to the server.
const OF_ORDER: &[&str] = &["H09", "H53", "H55"];

/// Beginnings and ends of conditions of row rules on columns that some do not see.
const DECIDES: &[(&str, &str)] = &[
    ("(\"rider_id\" IS NULL OR to_hex(sha256(to_utf8(\"rider_id\"))) NOT IN (", "))"),
    ("(\"birth_date\" < DATE '1995-01-01'", ")"),
];

/// Categories of names, catalogues and sessions, which are the gateway's own. Trino is asked all the same; a second server says
/// nothing more.
const OF_THE_GATEWAY: &[char] = &['A', 'I', 'J', 'L', 'V'];

/// One trial for each case.
pub(super) fn trials(dialect: Dialect) -> Vec<Trial> {
    let is_there = Server::of_environment(dialect).is_some();
    let trial = |case: Case| {
        let name = format!("presto::{}::attacks::{}", dialect.name(), case.id);
        let run = move || crate::runtime().block_on(attack(dialect, &case));
        Trial::test(name, run).with_ignored_flag(!is_there)
    };
    let is_asked = |case: &Case| dialect == Dialect::Trino || !case.id.starts_with(OF_THE_GATEWAY);
    attacks().into_iter().filter(is_asked).map(trial).collect()
}

/// One server with the base world in it.
struct There {
    server: Server,
    data: Data,
    base: Arc<Door>,
    sent: Arc<Sent>,
    stages: Mutex<BTreeMap<String, &'static Stage>>,
}

async fn there(dialect: Dialect) -> &'static There {
    static PRESTO: OnceCell<There> = OnceCell::const_new();
    static TRINO: OnceCell<There> = OnceCell::const_new();
    let open = async || {
        let server = Server::of_environment(dialect).expect("the server was started");
        let (data, sent) = (base(SEED), Arc::new(Sent::default()));
        let base = Arc::new(door(&server, 0, &data, &sent).await);
        There { server, data, base, sent, stages: Mutex::default() }
    };
    match dialect {
        Dialect::Presto => PRESTO.get_or_init(open).await,
        Dialect::Trino => TRINO.get_or_init(open).await,
    }
}

/// A gateway over a world whose tables were put into a catalogue of their own; a proxy hears what it says to the server.
async fn door(server: &Server, at: usize, data: &Data, sent: &Arc<Sent>) -> Door {
    let catalog = format!("{CATALOG}{at}");
    put(server, &catalog, data);
    let proxy = Proxy::recording(server, Arc::clone(sent)).await;
    let elsewhere = sources().map(|name| {
        let mut options = options(&proxy.url, &catalog);
        options.insert("connector".to_owned(), "presto".into());
        (name, options)
    });
    Door::open_with(data, &elsewhere.collect()).await
}

impl There {
    async fn stage(&self, asker: &str) -> &'static Stage {
        let mut stages = self.stages.lock().await;
        if let Some(stage) = stages.get(asker) {
            return stage;
        }
        let known = PEOPLE.iter().chain(&OTHERS);
        let at = known.map(|known| format!("{}/{}", known.name, known.purpose)).position(|known| known == asker);
        let at = 1 + 2 * at.expect("an asker");
        let open =
            async |data: &Data, twin| door(&self.server, at + usize::from(twin == Twin::Other), data, &self.sent).await;
        let stage = Stage::set(person(asker), &self.data, Arc::clone(&self.base), open).await;
        let stage: &'static Stage = Box::leak(Box::new(stage));
        stages.insert(asker.to_owned(), stage);
        stage
    }
}

async fn attack(dialect: Dialect, case: &Case) -> Result<(), Failed> {
    let there = there(dialect).await;
    let stage = there.stage(&case.asker).await;
    let query_ids = [(); 3].map(|()| Uuid::now_v7());
    let [answer, bare, other] = stage.ask(&case.sql, query_ids).await;
    if let Some(texts) = about_itself(&case.sql, [&answer, &bare, &other]) {
        if texts.iter().any(|text| *text != texts[0]) {
            return Err(format!("{}\nis told otherwise of a twin: {texts:#?}", case.sql).into());
        }
    } else if is_of_order(case, &answer) {
        let n_rows = [&answer, &bare, &other].map(|reply| (reply.status == 200).then(|| n_rows(reply)));
        if n_rows.iter().any(|n| *n != n_rows[0]) {
            return Err(format!("{}\ngives another number of rows to a twin: {n_rows:?}", case.sql).into());
        }
    } else {
        judge::alike(case, &answer, [&bare, &other], false)?;
    }
    if !is_of_order(case, &answer) {
        judge::answer(case, stage, &answer).await?;
    }
    let alike = |sql: String| in_order(&same_catalog(&sql, CATALOG));
    let sent = query_ids.map(|id| there.sent.of(&id.to_string()).into_iter().map(alike).collect::<Vec<_>>());
    // What an error left unsent is up to the clock.
    if answer.status == 200 && sent.iter().any(|statements| *statements != sent[0]) {
        return Err(format!("{}\nthe server is sent something else for a twin: {sent:#?}", case.sql).into());
    }
    for statement in sent.iter().flatten() {
        if let Some(told) = told(statement, stage.person) {
            return Err(format!("{}\nthe server is sent {told}: {statement}", case.sql).into());
        }
    }
    Ok(())
}

fn is_of_order(case: &Case, answer: &Reply) -> bool {
    answer.status == 200 && OF_ORDER.contains(&case.id.as_str())
}

fn n_rows(reply: &Reply) -> usize {
    reply.arrow().1.iter().map(|batch| batch.num_rows()).sum()
}

/// What a plan or a description says; the catalogue at the server is another one for each twin.
fn about_itself(sql: &str, replies: [&Reply; 3]) -> Option<[String; 3]> {
    let first = sql.trim_start().to_uppercase();
    if !["EXPLAIN", "DESCRIBE", "SHOW"].iter().any(|word| first.starts_with(word)) {
        return None;
    }
    let options = FormatOptions::default();
    let text = |reply: &Reply| {
        if reply.status != 200 {
            return format!("{} {}", reply.status, String::from_utf8_lossy(&reply.plain_body()));
        }
        let mut text = String::new();
        for batch in reply.arrow().1 {
            for column in batch.columns() {
                let cells = ArrayFormatter::try_new(column.as_ref(), &options).expect("every type can be shown");
                (0..batch.num_rows()).for_each(|row| text.push_str(&format!("{}\n", cells.value(row))));
            }
        }
        same_catalog(&text, CATALOG)
    };
    Some(replies.map(text))
}

/// What a statement tells that it must not, if anything.
fn told(statement: &str, person: &Person) -> Option<String> {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    if statement.split(|c| !is_hex(c)).any(|word| word.len() == 32) {
        return Some("a token".to_owned());
    }
    let named: Vec<&&Table> = THERE.iter().filter(|table| names(statement, table.short())).collect();
    if let Some(table) = named.iter().find(|table| person.view(table).is_none()) {
        return Some(format!("withheld table `{}`", table.name));
    }
    // What decides about rows is asked of the server, whether or not it is shown.
    let statement =
        DECIDES.iter().fold(statement.to_owned(), |statement, (begin, end)| without(&statement, begin, end));
    let views: Vec<_> = named.iter().filter_map(|table| person.view(table)).collect();
    let known: BTreeSet<&str> = views.iter().flat_map(|view| view.columns.iter().map(|(name, _)| *name)).collect();
    let columns = named.iter().flat_map(|table| table.columns.iter().map(|(name, _)| *name));
    let withheld = columns.into_iter().find(|column| !known.contains(column) && names(&statement, column));
    withheld.map(|column| format!("withheld column `{column}`"))
}

/// The text without everything from a beginning to the next end.
fn without(text: &str, begin: &str, end: &str) -> String {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once(begin) {
        whole.push_str(before);
        rest = behind.split_once(end).map_or("", |(_, rest)| rest);
    }
    whole + rest
}

fn names(statement: &str, name: &str) -> bool {
    statement.contains(&format!("\"{name}\""))
}
