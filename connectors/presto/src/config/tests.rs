use lockgate_contract::Options;

use super::*;

fn options(json: serde_json::Value) -> Options {
    Options(json.as_object().unwrap().clone())
}

fn problems(json: serde_json::Value) -> Vec<String> {
    read("finance", &options(json)).unwrap_err().into_iter().map(|error| error.internal).collect()
}

#[test]
fn the_least_that_must_be_said_is_an_address_and_a_user() {
    let settings =
        read("finance", &options(serde_json::json!({"url": "http://127.0.0.1:8080", "user": "lockgate"}))).unwrap();
    assert_eq!(settings.catalog, "finance");
    assert_eq!((settings.dialect, settings.run_as_principal, settings.binary_results), (None, false, true));
    assert_eq!(settings.cache, Duration::from_secs(60));
}

#[test]
fn every_problem_is_told_at_once_and_no_secret_is() {
    let told = problems(serde_json::json!({
        "url": "http://user:geheim@host/path", "dialect": "hive", "run_as": "root", "password": "geheim", "token": "geheim",
        "cache_seconds": -1, "binary_results": "no", "answer_seconds": 0, "uesr": "x",
    }));
    let text = told.join("\n");
    for key in [
        "`uesr`",
        "`url`",
        "`user`",
        "`dialect`",
        "`run_as`",
        "`token`",
        "`cache_seconds`",
        "`binary_results`",
        "`answer_seconds`",
    ] {
        assert!(text.contains(key), "{key} in {text}");
    }
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn secrets_are_not_sent_in_the_open() {
    let told = problems(serde_json::json!({"url": "http://host:8080", "user": "lockgate", "password": "geheim"}));
    assert_eq!(told, ["option `url` must start with `https://`: secrets are not sent in the open"]);
    let settings =
        read("x", &options(serde_json::json!({"url": "https://host", "user": "lockgate", "password": "geheim"})))
            .unwrap();
    assert!(!format!("{settings:?}").contains("geheim"));
}
