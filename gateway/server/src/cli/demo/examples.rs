//! What the demo prints to be pasted: three ways to ask one question, each as two people.

use std::net::SocketAddr;

use crate::auth::Token;
use crate::demo::{Demo, Person, people};

/// Joins three catalogues. Holds no double quote, dollar sign or backslash, so it goes between double quotes in shells
/// and in Python.
pub(super) const QUESTION: &str = "SELECT r.rider_id, r.email, count(DISTINCT t.trip_id) AS trips, \
    count(DISTINCT e.event_id) AS failed_payments FROM vertica.crm.riders r \
    JOIN hive.rides.trips t ON t.rider_id = r.rider_id JOIN hdfs.raw.events e ON e.rider_id = r.rider_id \
    WHERE e.event_type = 'payment_failed' GROUP BY 1, 2 ORDER BY failed_payments DESC, trips DESC, 1 LIMIT 5";

/// Two people who see the answer differently.
const ASKERS: [&str; 2] = ["alice", "bob"];

/// Writes an example from the gateway's address, a person and their token.
type Way = fn(&str, Person, &Token) -> String;

pub(super) struct Example {
    pub(super) title: String,
    pub(super) script: String,
}

pub(super) fn examples(demo: &Demo, address: SocketAddr) -> Vec<Example> {
    let url = format!("http://{address}");
    let askers = || {
        let people = people().into_iter().zip(&demo.tokens).map(|(person, (_, token))| (person, token));
        people.filter(|(person, _)| ASKERS.contains(&person.name))
    };
    let ways: [(&str, Way); 3] = [("curl", curl), ("python3, with pyarrow", python), ("lockgate query", lockgate)];
    let mut examples = Vec::new();
    for (way, script) in ways {
        for (person, token) in askers() {
            let title = format!("{way}, as {} for {}", person.name, person.purpose);
            examples.push(Example { title, script: script(&url, person, token) });
        }
    }
    examples
}

fn curl(url: &str, person: Person, token: &Token) -> String {
    format!(
        "curl -sS {url}/v1/query -H \"Authorization: Bearer {}\" -H \"Lockgate-Purpose: {}\" -H \"Accept: text/csv\" -d \"{QUESTION}\"",
        token.expose(),
        person.purpose,
    )
}

fn python(url: &str, person: Person, token: &Token) -> String {
    format!(
        "import pyarrow.ipc, urllib.request\n\
         request = urllib.request.Request(\"{url}/v1/query\", b\"{QUESTION}\", {{\"Authorization\": \"Bearer {}\", \"Lockgate-Purpose\": \"{}\"}})\n\
         print(pyarrow.ipc.open_stream(urllib.request.urlopen(request)).read_all().to_pylist())",
        token.expose(),
        person.purpose,
    )
}

fn lockgate(url: &str, person: Person, token: &Token) -> String {
    format!(
        "LOCKGATE_TOKEN={} {} query --url {url} --purpose {} \"{QUESTION}\"",
        token.expose(),
        program(),
        person.purpose,
    )
}

/// How this program is called: `lockgate` where it is installed, else its path, quoted for a shell.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    if called == "lockgate" {
        return "lockgate".to_owned();
    }
    let path = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_else(|_| "lockgate".to_owned());
    let is_plain = path.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+'));
    if is_plain { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::Scale;

    #[test]
    fn question_can_stand_between_double_quotes() {
        assert!(!QUESTION.contains(['"', '$', '\\', '`', '!', '\n']) && !QUESTION.contains("  "));
    }

    #[test]
    fn each_way_is_shown_for_two_people_with_their_own_token_and_purpose() {
        let dir = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:8815".parse().unwrap();
        let as_of = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let demo = crate::demo::prepare(dir.path(), as_of, Scale::SMALL, address).unwrap();
        let examples = examples(&demo, address);
        let titles: Vec<&str> = examples.iter().map(|example| example.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "curl, as alice for analytics",
                "curl, as bob for fraud",
                "python3, with pyarrow, as alice for analytics",
                "python3, with pyarrow, as bob for fraud",
                "lockgate query, as alice for analytics",
                "lockgate query, as bob for fraud",
            ]
        );
        for (example_idx, example) in examples.iter().enumerate() {
            let ((_, token), purpose) = (&demo.tokens[example_idx % 2], ["analytics", "fraud"][example_idx % 2]);
            assert!(example.script.contains(token.expose()) && example.script.contains(purpose), "{}", example.script);
            assert!(example.script.contains(QUESTION) && example.script.contains("http://127.0.0.1:8815"));
        }
        assert_eq!(examples[2].script.lines().count(), 3);
    }
}
