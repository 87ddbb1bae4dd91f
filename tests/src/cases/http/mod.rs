//! Attacks on the HTTP door: each request goes as bytes over a socket to three worlds that look alike to its asker.

pub mod case;
pub mod socket;

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

use super::forms;
use super::stage::{Stage, stage};
use crate::door::{Door, Reply};
use crate::runtime;
use crate::worlds::how::SECRET;
use case::{By, Case, Rows, Worlds};
use socket::{Exchange, exchange, text};

/// In whose worlds a request is tried that nobody signs.
const BYSTANDER: &str = "alice/analytics";
/// What no answer may ever hold: tokens, the hash of one, and names of what policy hides from everybody.
const NEVER: [&str; 7] = [
    "lg_token-of-",
    "k9z.watchlist",
    "k9z.riders.vip_note",
    "vip_note",
    "watchlist",
    "k9z.trips.plate",
    "vehicle.plate",
];
/// Headers that no answer has: nothing of it may be kept, read by another site, or told about the software.
const LACKS: [&str; 10] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "set-cookie",
    "etag",
    "last-modified",
    "expires",
    "age",
    "server",
    "content-encoding",
    "location",
];

/// One trial for each case.
pub fn trials() -> Vec<Trial> {
    let cases = case::cases().into_iter().map(Arc::new);
    cases.map(|case| Trial::test(format!("http::{}", case.id), move || runtime().block_on(attack(&case)))).collect()
}

async fn attack(case: &Case) -> Result<(), Failed> {
    let stage = stage(case.asker.as_deref().unwrap_or(BYSTANDER)).await;
    let request = case.bytes(stage.person);
    let asked = text(&request);
    let fault = |what: String| Failed::from(format!("{}\n{asked}\n{what}", case.why));
    let here = ask(case, &stage.base, &request).await;
    if case.worlds == Worlds::Alike {
        for (twin, door) in [("without hidden rows", &stage.bare), ("with other hidden rows", &stage.other)] {
            let there = ask(case, door, &request).await;
            if let Some(unlike) = differs(case, &here, &there) {
                return Err(fault(format!("differs from the world {twin}: {unlike}")));
            }
        }
    }
    check_silence(case, stage, &request, &here).map_err(fault)?;
    check_answer(case, &here).map_err(fault)?;
    if let Some((hidden, unknown)) = &case.unknown {
        let other = case.renamed(hidden, unknown);
        let there = ask(&other, &stage.base, &other.bytes(stage.person)).await;
        check_answer(&other, &there).map_err(fault)?;
        let (here, there) = (named(&here, hidden), named(&there, unknown));
        if let Some(unlike) = differs(case, &here, &there) {
            return Err(fault(format!("`{hidden}` is not like `{unknown}`: {unlike}")));
        }
    }
    if case.rows == Rows::View {
        let (schema, batches) = stage.oracle.query(case.statement()).await?;
        let reply = here.replies.first().ok_or("no answer")?;
        if let Some(unlike) = forms::differs(reply, &schema, &batches) {
            return Err(fault(format!("is not the policy view's answer: {unlike}")));
        }
    }
    Ok(())
}

async fn ask(case: &Case, door: &Door, request: &[u8]) -> Exchange {
    exchange(door.gateway.address(), request, case.hangs_up).await
}

fn differs(case: &Case, here: &Exchange, there: &Exchange) -> Option<String> {
    if here.replies.len() != there.replies.len() {
        return Some(format!("{} answers and {}", here.replies.len(), there.replies.len()));
    }
    let ordered = !case.statement().contains("UNION");
    here.replies.iter().zip(&there.replies).find_map(|(one, two)| {
        // The length of a body that is not sent is all that is known of it.
        let length = |reply: &Reply| reply.headers.get("content-length").filter(|_| reply.body.is_empty()).cloned();
        let lengths = (length(one) != length(two)).then(|| format!("lengths {:?} and {:?}", length(one), length(two)));
        lengths.or_else(|| one.differs(two, ordered))
    })
}

/// An exchange with a placeholder for a name that was asked for.
fn named(exchange: &Exchange, name: &str) -> Exchange {
    let replies = exchange.replies.iter().map(|reply| {
        let body = String::from_utf8_lossy(&reply.body).replace(name, "<name>");
        let body = body.replace(&name.to_uppercase(), "<NAME>").into_bytes();
        Reply { status: reply.status, headers: reply.headers.clone(), body }
    });
    Exchange { bytes: Vec::new(), replies: replies.collect() }
}

/// Nothing hidden stands in any byte that came back, packed or not.
fn check_silence(case: &Case, stage: &Stage, request: &[u8], answer: &Exchange) -> Result<(), String> {
    let asked = format!("{} {}", String::from_utf8_lossy(request), case.statement());
    let asked_lower = asked.to_ascii_lowercase();
    let unpacked = answer.replies.iter().flat_map(forms::unpacked);
    let heard = [answer.bytes.clone()].into_iter().chain(unpacked).collect::<Vec<_>>().concat();
    let leaks = stage.canaries.leaked(&heard, &asked);
    if !leaks.is_empty() {
        return Err(format!("hidden texts {leaks:?}"));
    }
    let heard = String::from_utf8_lossy(&heard);
    let secret = String::from_utf8_lossy(SECRET.0);
    let always = NEVER.into_iter().filter(|never| !asked_lower.contains(never)).chain([&*secret]);
    match always.chain(case.never.iter().map(String::as_str)).find(|never| heard.contains(*never)) {
        Some(never) => Err(format!("says `{never}`: {}", text(&answer.bytes))),
        None => Ok(()),
    }
}

fn check_answer(case: &Case, answer: &Exchange) -> Result<(), String> {
    let came = || text(&answer.bytes);
    let statuses: Vec<u16> = answer.replies.iter().map(|reply| reply.status).collect();
    let expected: Vec<u16> = [case.status].iter().chain(&case.then).copied().filter(|status| *status != 0).collect();
    let statuses_fit = statuses == expected || (expected.is_empty() && statuses.iter().all(|status| *status == 0));
    if !statuses_fit {
        return Err(format!("was to be {expected:?}, is {statuses:?}: {}", came()));
    }
    let Some(reply) = answer.replies.first().filter(|reply| reply.status != 0) else { return Ok(()) };
    let header = |name: &str| reply.headers.get(name).map_or("", String::as_str);
    if case.by == By::Door {
        if (header("cache-control"), header("x-content-type-options")) != ("no-store", "nosniff") {
            return Err(format!("can be kept or taken for something else: {}", came()));
        }
        if !header("vary").contains("Authorization") || !header("vary").contains("Lockgate-Purpose") {
            return Err(format!("does not say what it depends on: {}", came()));
        }
    }
    if let Some(code) = &case.code {
        let problem = reply.problem().unwrap_or_default();
        let is_problem = header("content-type") == "application/problem+json";
        if problem["code"] != code.as_str() || problem["status"] != reply.status || !is_problem {
            return Err(format!("was to be {code}: {}", came()));
        }
    }
    let absent = LACKS.into_iter().chain(case.lacks.iter().map(String::as_str));
    if let Some(name) = absent.into_iter().find(|name| reply.headers.contains_key(*name)) {
        return Err(format!("has the header `{name}`: {}", came()));
    }
    if let Some((name, value)) = case.has.iter().find(|(name, value)| header(name) != **value) {
        return Err(format!("`{name}` was to be `{value}`, is `{}`", header(name)));
    }
    let unpacked = forms::unpacked(reply).unwrap_or_default();
    let body = [String::from_utf8_lossy(&reply.body), String::from_utf8_lossy(&unpacked)].concat();
    match case.says.iter().find(|says| !body.contains(*says)) {
        Some(says) => Err(format!("does not say `{says}`: {}", came())),
        None => Ok(()),
    }
}
