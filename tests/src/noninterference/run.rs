//! A run: many generated queries, each asked of the base world, of its twins, and of the oracle.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lockgate_engine::Session;
use lockgate_policies::PolicyStore;

use super::answer::{Answer, ask};
use super::canary::Canaries;
use super::compare;
use super::grammar::{Generated, generate};
use crate::worlds::data::{Data, Twin, base};
use crate::worlds::open::{World, policies, session};
use crate::worlds::oracle::Oracle;
use crate::worlds::people::{PEOPLE, Person};

/// How much to try.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
    /// Number of the first query; a fault names the number of its query.
    pub first: u64,
    /// Queries, shared out among all people.
    pub n_queries: u64,
    /// Queries that are tried at the same time.
    pub n_workers: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Queries tried.
    pub n_tried: u64,
    /// Queries that were answered without an error.
    pub n_answered: u64,
    /// Answers with at least one row.
    pub n_with_rows: u64,
    /// Answers that were compared with the oracle's.
    pub n_compared: u64,
    /// Queries that only plain DataFusion could answer, or only the gateway, by error code.
    pub one_sided: BTreeMap<String, u64>,
    /// Refusals and errors by code.
    pub codes: BTreeMap<String, u64>,
    /// Everything that must not be.
    pub faults: Vec<String>,
}

impl Report {
    fn add(&mut self, other: Report) {
        self.n_tried += other.n_tried;
        self.n_answered += other.n_answered;
        self.n_with_rows += other.n_with_rows;
        self.n_compared += other.n_compared;
        for (code, n) in other.one_sided {
            *self.one_sided.entry(code).or_default() += n;
        }
        for (code, n) in other.codes {
            *self.codes.entry(code).or_default() += n;
        }
        self.faults.extend(other.faults);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} queries: {} answered, {} of them with rows, {} compared with the oracle; refused or failed: {:?}; one side only: {:?}",
            self.n_tried, self.n_answered, self.n_with_rows, self.n_compared, self.codes, self.one_sided
        )?;
        writeln!(f, "{} faults", self.faults.len())?;
        self.faults.iter().take(12).try_for_each(|fault| writeln!(f, "---\n{fault}"))
    }
}

/// One person with the base world's twins for them.
struct Party {
    person: &'static Person,
    session: Session,
    bare: World,
    other: World,
    oracle: Oracle,
    canaries: Canaries,
}

/// The base world and everybody's twins.
struct Stage {
    plan: Plan,
    data: Data,
    base: World,
    parties: Vec<Party>,
    next: AtomicU64,
}

/// Runs a plan.
///
/// # Panics
/// When a world cannot be made.
pub async fn run(plan: Plan) -> Report {
    let stage = Arc::new(Stage::set(plan, policies()).await);
    let workers: Vec<_> = (0..plan.n_workers)
        .map(|_| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move {
                let mut report = Report::default();
                loop {
                    let index = stage.next.fetch_add(1, Ordering::Relaxed);
                    if index >= stage.plan.first + stage.plan.n_queries || report.faults.len() > 200 {
                        return report;
                    }
                    stage.try_one(index, &mut report).await;
                    // Now and then, so that a long run does not keep the records of all its queries.
                    if index.is_multiple_of(1_000) {
                        report.faults.extend(stage.recorded());
                    }
                }
            })
        })
        .collect();
    let mut report = Report::default();
    for worker in workers {
        report.add(worker.await.expect("a worker"));
    }
    report.faults.extend(stage.recorded());
    report
}

impl Stage {
    async fn set(plan: Plan, policies: Arc<PolicyStore>) -> Self {
        let data = base(plan.seed);
        let base = World::open(&data, Arc::clone(&policies)).await;
        let mut parties = Vec::new();
        for person in &PEOPLE {
            let bare = data.twin(person, Twin::Bare, plan.seed + 1);
            let other = data.twin(person, Twin::Other, plan.seed + 2);
            parties.push(Party {
                person,
                session: session(person),
                bare: World::open(&bare, Arc::clone(&policies)).await,
                other: World::open(&other, Arc::clone(&policies)).await,
                oracle: Oracle::new(&data, person),
                canaries: Canaries::of(&data, person),
            });
        }
        Self { plan, data, base, parties, next: AtomicU64::new(plan.first) }
    }

    async fn try_one(&self, index: u64, report: &mut Report) {
        let party = &self.parties[(index % self.parties.len() as u64) as usize];
        let query = generate(self.plan.seed, index, party.person, &self.data);
        let mut fault = |what: &str| {
            report
                .faults
                .push(format!("seed {} query {index} by {}\n{}\n{what}", self.plan.seed, party.person.name, query.sql));
        };
        let answer = ask(&self.base.engine, &party.session, &query.sql).await;
        // The bare twin differs most; the other one tells where hidden rows lie, which fewer queries can show.
        let bare = ask(&party.bare.engine, &party.session, &query.sql).await;
        if let Some((channel, one, two)) = answer.differs(&bare, query.ordered) {
            fault(&format!("{channel} differs from the twin without hidden rows:\n{one}\n{two}"));
        }
        if index.is_multiple_of(4) {
            let other = ask(&party.other.engine, &party.session, &query.sql).await;
            if let Some((channel, one, two)) = answer.differs(&other, query.ordered) {
                fault(&format!("{channel} differs from the twin with other hidden rows:\n{one}\n{two}"));
            }
        }
        for leak in party.leaks(&answer, &query.sql) {
            fault(&format!("canary {leak}"));
        }
        if let Some(unlike) = party.judge(&answer, &query, report).await {
            report.faults.push(format!(
                "seed {} query {index} by {}\n{}\n{unlike}",
                self.plan.seed, party.person.name, query.sql
            ));
        }
        report.n_tried += 1;
        report.n_answered += u64::from(answer.is_whole());
        report.n_with_rows += u64::from(answer.is_whole() && answer.n_rows() > 0);
        if let Some(code) = answer.code() {
            *report.codes.entry(code.to_owned()).or_default() += 1;
        }
    }

    /// Canaries in what the ledgers were told since this was last asked.
    fn recorded(&self) -> Vec<String> {
        let worlds = self.parties.iter().flat_map(|party| [&party.bare, &party.other]).chain([&self.base]);
        let nobody = Canaries::none();
        let mut faults = Vec::new();
        for world in worlds {
            let records = world.ledger.take();
            let text = serde_json::to_string(&records).expect("records are JSON");
            faults.extend(
                nobody.leaked(text.as_bytes(), "").into_iter().map(|leak| format!("canary in the ledger: {leak}")),
            );
        }
        faults
    }
}

impl Party {
    fn leaks(&self, answer: &Answer, sql: &str) -> Vec<String> {
        let mut leaks = self.canaries.leaked(&answer.ipc, sql);
        if let Ok(head) = &answer.head {
            leaks.extend(self.canaries.leaked(head.notices.as_bytes(), sql));
        }
        if let Some(failure) = answer.failed() {
            // Errors hold no values at all, not even visible ones; the operator's log even less.
            leaks.extend(Canaries::none().leaked(failure.problem.as_bytes(), sql));
            leaks.extend(Canaries::none().leaked(failure.internal.as_bytes(), sql));
        }
        leaks
    }

    /// Compares with the oracle, where it can answer the same question.
    async fn judge(&self, answer: &Answer, query: &Generated, report: &mut Report) -> Option<String> {
        let about_itself = ["EXPLAIN", "DESCRIBE", "SHOW"].iter().any(|word| query.sql.starts_with(word));
        if about_itself {
            return None;
        }
        let expected = self.oracle.query(&query.sql).await;
        match (&answer.head, expected) {
            (Ok(head), Ok((schema, batches))) if answer.is_whole() => {
                if !query.steady {
                    return None;
                }
                report.n_compared += 1;
                compare::differs((&head.schema, &answer.batches), (&schema, &batches))
                    .map(|unlike| format!("not what the oracle says: {unlike}"))
            }
            (Ok(_), Err(error)) if answer.is_whole() => {
                let class = error.to_string().split(['\n', ':']).next().unwrap_or_default().to_owned();
                *report.one_sided.entry(format!("oracle only: {class}")).or_default() += 1;
                None
            }
            (_, Ok(_)) => {
                let code = answer.code().unwrap_or_default();
                *report.one_sided.entry(code.to_owned()).or_default() += 1;
                // Both sides may stumble over a row that the other one never evaluates; every other code is over-blocking.
                let text = answer.failed().map(|failure| format!("{} ({})", failure.problem, failure.internal));
                let text = text.unwrap_or_default();
                (code != "EVALUATION_FAILED").then(|| format!("the oracle can answer it: {text}"))
            }
            (_, Err(_)) => None,
        }
    }
}
