//! The options of a presto source, checked all at once.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lockgate_contract::{OptionKind, OptionSpec, Options, SourceError, SourceErrorKind};
use reqwest::Url;
use serde_json::{Map, Value};

use crate::dialect::Dialect;

/// Every option, as the configuration is checked and the docs are printed.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "url",
        kind: OptionKind::Text,
        required: true,
        default: None,
        help: "Address of the coordinator: `https://presto.example:8443`, or `http://` where the network is trusted.",
    },
    OptionSpec {
        name: "catalog",
        kind: OptionKind::Text,
        required: false,
        default: None,
        help: "The coordinator's catalogue that this source stands for; by default the one with the source's own name.",
    },
    OptionSpec {
        name: "dialect",
        kind: OptionKind::Text,
        required: false,
        default: Some("auto"),
        help: "`presto` or `trino`; `auto` asks the coordinator.",
    },
    OptionSpec {
        name: "user",
        kind: OptionKind::Text,
        required: true,
        default: None,
        help: "The service account that the gateway queries as.",
    },
    OptionSpec {
        name: "password",
        kind: OptionKind::Secret,
        required: false,
        default: None,
        help: "Password of `user`. Needs an `https` address.",
    },
    OptionSpec {
        name: "token",
        kind: OptionKind::Secret,
        required: false,
        default: None,
        help: "JSON web token of `user`, instead of a password. Needs an `https` address.",
    },
    OptionSpec {
        name: "ca",
        kind: OptionKind::Path,
        required: false,
        default: None,
        help: "PEM file of the authorities that may sign the coordinator's certificate; by default those of the system.",
    },
    OptionSpec {
        name: "run_as",
        kind: OptionKind::Text,
        required: false,
        default: Some("service"),
        help: "`service` queries as `user`. `principal` queries as the person who asks, so that the coordinator's own \
               rules hold too; it must let `user` impersonate them. Tables are still looked up as `user`.",
    },
    OptionSpec {
        name: "binary_results",
        kind: OptionKind::Bool,
        required: false,
        default: Some("true"),
        help: "Whether Presto is asked for rows in the form in which its own servers exchange them, which costs both sides \
               less than JSON. Trino does not have it.",
    },
    OptionSpec {
        name: "cache_seconds",
        kind: OptionKind::Integer,
        required: false,
        default: Some("60"),
        help: "How long the columns and comments of a table are remembered. A table that turns out to have others is looked up anew; SIGHUP looks up all. Counts of rows are remembered for a minute at least.",
    },
    OptionSpec {
        name: "answer_seconds",
        kind: OptionKind::Integer,
        required: false,
        default: Some("30"),
        help: "Longest wait for one answer of the coordinator, which answers within about a second even while a query runs.",
    },
    OptionSpec {
        name: "retry_seconds",
        kind: OptionKind::Integer,
        required: false,
        default: Some("20"),
        help: "How long to go on trying while the coordinator cannot be reached or is overloaded.",
    },
];

/// Checked options.
#[derive(Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) url: Url,
    pub(crate) catalog: String,
    /// What the configuration says; otherwise the coordinator is asked.
    pub(crate) dialect: Option<Dialect>,
    pub(crate) user: String,
    pub(crate) credentials: Credentials,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) run_as_principal: bool,
    /// Whether Presto is asked for rows in their binary form.
    pub(crate) binary_results: bool,
    pub(crate) cache: Duration,
    pub(crate) answer: Duration,
    pub(crate) retry: Duration,
}

/// How the gateway proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Password(String),
    Token(String),
}

impl fmt::Debug for Settings {
    /// Leaves the address and secrets out: they are for the operator's log only, or for nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

/// Reads the options of the source `name`; every problem is one error, whose internal text says where and what to do.
pub(crate) fn read(name: &str, options: &Options) -> Result<Settings, Vec<SourceError>> {
    let mut reader = Reader { map: &options.0, problems: Vec::new() };
    reader.unknown();
    let url = reader.needed("url").and_then(|text| reader.url(text));
    let user = reader.needed("user").map(str::to_owned);
    let catalog = reader.text("catalog").unwrap_or(name).to_owned();
    let dialect = match reader.text("dialect").unwrap_or("auto") {
        "auto" => None,
        "presto" => Some(Dialect::Presto),
        "trino" => Some(Dialect::Trino),
        _ => reader.wrong("dialect", "must be `auto`, `presto` or `trino`"),
    };
    let run_as_principal = match reader.text("run_as").unwrap_or("service") {
        "service" => false,
        "principal" => true,
        _ => reader.wrong("run_as", "must be `service` or `principal`").unwrap_or(false),
    };
    let binary_results = reader.boolean("binary_results", true);
    let credentials = match (reader.text("password"), reader.text("token")) {
        (Some(_), Some(_)) => reader.wrong("token", "and `password` are both given; leave one out"),
        (Some(password), None) => Some(Credentials::Password(password.to_owned())),
        (None, Some(token)) => Some(Credentials::Token(token.to_owned())),
        (None, None) => Some(Credentials::None),
    };
    let is_plain = url.as_ref().is_some_and(|url| url.scheme() == "http");
    if is_plain && credentials.as_ref().is_some_and(|given| *given != Credentials::None) {
        let _: Option<()> = reader.wrong("url", "must start with `https://`: secrets are not sent in the open");
    }
    if is_plain && reader.map.contains_key("ca") {
        let _: Option<()> =
            reader.wrong("ca", "says nothing about an `http://` address; leave it out or use `https://`");
    }
    let ca = reader.text("ca").map(PathBuf::from);
    let seconds = [("cache_seconds", 60, 0), ("answer_seconds", 30, 2), ("retry_seconds", 20, 0)]
        .map(|(key, default, least)| reader.seconds(key, default, least));
    let [Some(cache), Some(answer), Some(retry)] = seconds else { return Err(reader.errors(name)) };
    match (url, user, credentials) {
        (Some(url), Some(user), Some(credentials)) if reader.problems.is_empty() => Ok(Settings {
            url,
            catalog,
            dialect,
            user,
            credentials,
            ca,
            run_as_principal,
            binary_results,
            cache,
            answer,
            retry,
        }),
        _ => Err(reader.errors(name)),
    }
}

struct Reader<'a> {
    map: &'a Map<String, Value>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&mut self, key: &str, text: &str) -> Option<T> {
        self.problems.push(format!("option `{key}` {text}"));
        None
    }

    fn errors(self, name: &str) -> Vec<SourceError> {
        let public = "its configuration is wrong";
        self.problems.into_iter().map(|text| SourceError::new(name, SourceErrorKind::Config, public, text)).collect()
    }

    fn unknown(&mut self) {
        let known = OPTIONS.iter().map(|option| option.name).collect::<Vec<_>>();
        for key in self.map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problems.push(format!("option `{key}` is unknown; known are `{}`", known.join("`, `")));
        }
    }

    fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.map.get(key)?;
        let text = value.as_str().filter(|text| !text.is_empty() && text.chars().all(|c| !c.is_control()));
        if text.is_none() {
            let _: Option<()> = self.wrong(key, "must be a text that is not empty, without control characters");
        }
        text
    }

    fn needed(&mut self, key: &str) -> Option<&'a str> {
        if !self.map.contains_key(key) {
            return self.wrong(key, "is missing");
        }
        self.text(key)
    }

    fn url(&mut self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if url.is_none() {
            return self.wrong(
                "url",
                "must be `https://HOST:PORT` or `http://HOST:PORT` and nothing else; user and password have options of their own",
            );
        }
        url
    }

    fn boolean(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.map.get(key) else { return default };
        value.as_bool().or_else(|| self.wrong(key, "must be `true` or `false`")).unwrap_or(default)
    }

    fn seconds(&mut self, key: &str, default: u64, least: u64) -> Option<Duration> {
        let Some(value) = self.map.get(key) else { return Some(Duration::from_secs(default)) };
        match value.as_u64().filter(|seconds| (least..=86_400).contains(seconds)) {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => self.wrong(key, &format!("must be a whole number of seconds from {least} to 86400")),
        }
    }
}

#[cfg(test)]
mod tests;
