use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use lockgate_contract::{Connector, OptionKind, OptionSpec, Options, Source, SourceError};

use super::{Config, SETTINGS, SettingKind, SourcesConfig};

/// A connector that declares one option of each kind; opening is not what these tests are about.
struct Sample;

#[async_trait]
impl Connector for Sample {
    fn kind(&self) -> &'static str {
        "sample"
    }

    fn options(&self) -> &'static [OptionSpec] {
        const fn option(name: &'static str, kind: OptionKind, required: bool) -> OptionSpec {
            OptionSpec { name, kind, required, default: None, help: "help" }
        }
        const OPTIONS: &[OptionSpec] = &[
            option("root", OptionKind::Path, true),
            option("label", OptionKind::Text, false),
            option("depth", OptionKind::Integer, false),
            option("strict", OptionKind::Bool, false),
            option("tables", OptionKind::Table, false),
            option("password", OptionKind::Secret, false),
        ];
        OPTIONS
    }

    async fn open(&self, _: &str, _: &Options) -> Result<Arc<dyn Source>, Vec<SourceError>> {
        Err(Vec::new())
    }
}

const GOOD: &str = r#"
[server]
site = "eu"
[policy]
dir = "policy"
[users]
file = "users.toml"
[keys]
hash = { file = "key" }
[ledger]
dir = "ledger"
[limits]
memory = "512 MiB"
time = "90s"
max_rows = 0x10
[sources.hive]
connector = "sample"
root = "data"
depth = -3
strict = true
password = { file = "password" }
tables = { a = { path = "x", n = [1, 2.5, true] } }
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("policy")).unwrap();
    std::fs::write(folder.path().join("users.toml"), "").unwrap();
    std::fs::write(folder.path().join("key"), "canary-0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(folder.path().join("password"), "canary-password\n").unwrap();
    folder
}

fn parse(text: &str, folder: &Path) -> Result<Config, Vec<String>> {
    let problems = Config::parse(text, "lockgate.toml", folder, &[&Sample]);
    problems.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// Checks that `text` is refused with exactly `expected` problems (each a part of one problem, in order).
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let folder = folder();
    let problems = parse(text, folder.path()).unwrap_err();
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, part) in problems.iter().zip(expected) {
        assert!(problem.contains(part), "`{problem}` does not contain `{part}`");
        assert!(!problem.contains("canary"), "{problem}");
    }
}

#[test]
fn a_good_file_is_read_with_defaults_secrets_and_absolute_paths() {
    let folder = folder();
    let config = parse(GOOD, folder.path()).unwrap();
    assert_eq!(config.server.http.to_string(), "127.0.0.1:8815");
    assert_eq!(config.server.max_body, 1 << 20);
    assert_eq!(config.policy_dir, folder.path().join("policy"));
    assert_eq!(config.hash_key.expose(), b"canary-0123456789abcdef0123456789abcdef");
    assert_eq!((config.limits.memory, config.limits.query_memory), (512 << 20, 512 << 20));
    assert_eq!(config.limits.time.as_secs(), 90);
    assert_eq!(config.limits.max_rows, Some(16));
    let source = &config.sources[0];
    assert_eq!((source.name.as_str(), source.connector.as_str(), source.line), ("hive", "sample", 16));
    let expected = serde_json::json!({
        "root": folder.path().join("data"), "depth": -3, "strict": true, "password": "canary-password",
        "tables": {"a": {"path": "x", "n": [1, 2.5, true]}},
    });
    assert_eq!(serde_json::to_value(&source.options).unwrap(), expected);
}

#[test]
fn tables_of_options_keep_the_order_in_which_they_are_written() {
    let folder = folder();
    let text = GOOD.replace(
        "tables = { a = { path = \"x\", n = [1, 2.5, true] } }",
        "tables = { z = 1, a = 2, m = { y = 1, b = 2 } }",
    );
    let config = parse(&text, folder.path()).unwrap();
    let tables = config.sources[0].options.0["tables"].to_string();
    assert_eq!(tables, r#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#);
}

#[test]
fn debug_output_of_a_configuration_shows_no_secret() {
    let folder = folder();
    let text = format!("{:?}", parse(GOOD, folder.path()).unwrap());
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let text = r#"[server]
http = "0.0.0.0:80"
sitee = "eu"
max_body = 0
metrics_open = "canary"
[polcy]
[users]
file = "none.toml"
[keys]
hash = "canary"
[limits]
slots = 0
time = "0s"
memory = "some"
query_memory = -1
queue = "canary"
[log]
format = "xml"
filter = "a=b=c"
[sources.Hive]
connector = "sample"
rot = "x"
password = "canary"
depth = "canary"
strict = 1
[sources.other]
connector = "canari"
[sources.third]
[sources.lockgate]
connector = "sample"
root = 3
"#;
    check(
        text,
        &[
            "lockgate.toml:1: server.site: is missing; write a text in quotes: name of the site",
            "lockgate.toml:1: policy.dir: is missing; write a path in quotes: the policy folder",
            "lockgate.toml:1: ledger.dir: is missing; ",
            "lockgate.toml:2: server.http: `0.0.0.0:80` is not a loopback address, and this door has no TLS; listen on 127.0.0.1",
            "lockgate.toml:3: server.sitee: is no setting; did you mean `site`?",
            "lockgate.toml:4: server.max_body: is zero, so nothing could run; write a size such as",
            "lockgate.toml:5: server.metrics_open: is of type string; write true or false",
            "lockgate.toml:6: polcy: is no section; did you mean `policy`?",
            "lockgate.toml:8: users.file: `",
            "lockgate.toml:10: keys.hash: is a secret given in the open; write { env = \"NAME\" } or { file = \"PATH\" }",
            "lockgate.toml:12: limits.slots: is zero, so nothing could run; write a whole number of at least 1",
            "lockgate.toml:13: limits.time: is zero, so nothing could run; write a length of time",
            "lockgate.toml:14: limits.memory: is not a size; ",
            "lockgate.toml:15: limits.query_memory: is out of range; ",
            "lockgate.toml:16: limits.queue: is of type string; ",
            "lockgate.toml:18: log.format: is not one of the known words; write \"text\" or \"json\"",
            "lockgate.toml:19: log.filter: is no log filter",
            "lockgate.toml:20: sources.Hive: is no name for a catalogue; use lower-case letters",
            "lockgate.toml:20: sources.Hive.root: is missing; write a path in quotes: help",
            "lockgate.toml:22: sources.Hive.rot: is no option of this connector; did you mean `root`?",
            "lockgate.toml:23: sources.Hive.password: is a secret given in the open; ",
            "lockgate.toml:24: sources.Hive.depth: is of type string; write a whole number: help",
            "lockgate.toml:25: sources.Hive.strict: is of type integer; ",
            "lockgate.toml:27: sources.other.connector: is no connector; known are `sample`",
            "lockgate.toml:28: sources.third: `connector` is missing; write `connector = \"...\"` with one of `sample`",
            "lockgate.toml:29: sources.lockgate: is a name that the gateway keeps for itself",
            "lockgate.toml:31: sources.lockgate.root: is of type integer; ",
        ],
    );
}

#[test]
fn an_empty_file_names_every_required_setting() {
    let required = SETTINGS.iter().filter(|setting| setting.required).count();
    let folder = folder();
    let problems = parse("", folder.path()).unwrap_err();
    assert_eq!(problems.len(), required + 1, "{problems:#?}");
}

#[test]
fn broken_toml_is_reported_with_its_line_and_without_its_text() {
    let folder = folder();
    let problems = parse("[server]\nsite = canary\nhttp = \"127.0.0.1:1\n", folder.path()).unwrap_err();
    assert!(problems.iter().any(|problem| problem.starts_with("lockgate.toml:2: ")), "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.starts_with("lockgate.toml:3: ")), "{problems:#?}");
    assert!(!problems.concat().contains("canary"), "{problems:#?}");
}

#[test]
fn a_secret_that_is_absent_short_or_in_two_places_is_refused() {
    let with = |hash: &str| GOOD.replace("{ file = \"key\" }", hash);
    check(
        &with("{ env = \"LOCKGATE_NO_SUCH_VARIABLE\" }"),
        &["keys.hash: environment variable `LOCKGATE_NO_SUCH_VARIABLE` is not set"],
    );
    check(&with("{ file = \"password\" }"), &["keys.hash: the key is shorter than 32 bytes; make one with"]);
    check(&with("{ file = \"none\" }"), &["keys.hash: file `none` cannot be read"]);
    check(&with("{ env = \"A\", file = \"key\" }"), &["keys.hash: does not say where the secret is kept"]);
    check(&with("{ vault = \"canary\" }"), &["keys.hash: does not say where the secret is kept"]);
}

#[test]
fn one_query_may_not_use_more_memory_than_all() {
    let text = GOOD.replace("time = \"90s\"", "query_memory = \"1 GiB\"");
    check(&text, &["lockgate.toml:14: limits.query_memory: is larger than `limits.memory`"]);
}

#[test]
fn every_default_is_a_value_of_its_setting() {
    for setting in SETTINGS.iter().filter(|setting| setting.default.is_some()) {
        let folder = folder();
        let (section, key) = setting.key.split_once('.').unwrap();
        let given = format!("{key} = {}\n", setting.default.unwrap());
        let text = match GOOD.contains(&format!("[{section}]\n")) {
            true => GOOD
                .replace(&format!("[{section}]\n"), &format!("[{section}]\n{given}"))
                .replace("memory = \"512 MiB\"\n", ""),
            false => format!("{GOOD}[{section}]\n{given}"),
        };
        let text = if setting.key == "limits.time" { text.replace("time = \"90s\"\n", "") } else { text };
        parse(&text, folder.path()).unwrap_or_else(|problems| panic!("{}: {problems:#?}", setting.key));
        assert_ne!(setting.kind, SettingKind::Secret, "a secret has no default");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]a-z.=\"'{}#\\n0-9 _-]{0,200}") {
        drop(Config::parse(&text, "lockgate.toml", Path::new("/"), &[&Sample]));
    }

    #[test]
    fn no_damage_to_a_good_file_makes_the_reader_panic(at in 0..GOOD.len(), junk in "\\PC{0,3}", cut in 0..40_usize) {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{junk}{}", &GOOD[..at], &GOOD[end..]);
        drop(Config::parse(&text, "lockgate.toml", Path::new("/"), &[&Sample]));
    }
}

#[test]
fn sources_can_be_looked_at_before_there_is_anything_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lockgate.toml");
    let sources = "[sources.lake]\nconnector = \"files\"\nroot = \"data\"\n";
    let rest = "[policy]\ndir = \"absent\"\n[users]\nfile = \"absent\"\n[keys]\nhash = { file = \"absent\" }\n";
    std::fs::write(&file, format!("{rest}{sources}")).unwrap();
    assert_eq!(SourcesConfig::load(&file).unwrap().sources[0].name, "lake");
    assert!(Config::load(&file).is_err());
    std::fs::write(&file, format!("[polcy]\ndir = \"x\"\n{sources}rot = 1\n")).unwrap();
    let problems: Vec<_> =
        SourcesConfig::load(&file).unwrap_err().into_iter().filter_map(|problem| problem.rule).collect();
    assert_eq!(problems, ["polcy", "sources.lake.rot"]);
}
