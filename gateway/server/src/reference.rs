//! The reference pages under `docs/reference`, printed from the lists in the code. `UPDATE=1 cargo test` rewrites them.

use std::fmt::Write as _;
use std::path::Path;

use lockgate_contract::{OptionKind, SqlArgument};
use lockgate_wire::{ErrorCode, ErrorKind};

use crate::config::SETTINGS;
use crate::doors::endpoints::{ENDPOINTS, Needs};
use crate::ledger::tables::{self, Column};
use crate::ledger::{CATALOG, SCHEMA};
use crate::sources::connectors;

/// Compares a committed page with what the code prints, or rewrites it.
#[track_caller]
fn check(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "docs/reference/{page} is not what the code prints; run UPDATE=1 cargo test -p lockgate-server reference"
    );
}

const PRINTED: &str =
    "<!-- Printed from code; change the code and run `UPDATE=1 cargo test -p lockgate-server reference`. -->\n\n";

fn kind_word(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Text => "a text in quotes",
        OptionKind::Path => "a path in quotes",
        OptionKind::Bool => "true or false",
        OptionKind::Integer => "a whole number",
        OptionKind::Table => "a table",
        OptionKind::Secret => "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
    }
}

fn fallback(required: bool, default: Option<&str>) -> String {
    match default {
        Some(default) => format!("`{default}`"),
        None if required => "required".to_owned(),
        None => "none".to_owned(),
    }
}

#[test]
fn config_page_is_what_the_settings_say() {
    let mut page = format!(
        "{PRINTED}# Settings\n\nThe configuration is one TOML file, `lockgate.toml`. Relative paths start at its folder. A key that \
         is not listed here is an error; all problems of a file are reported at once, with line and hint.\n"
    );
    let mut section = "";
    for setting in SETTINGS {
        let (name, key) = setting.key.split_once('.').unwrap();
        if name != section {
            section = name;
            write!(page, "\n## `[{section}]`\n\n| Setting | Value | Default | What it does |\n|---|---|---|---|\n")
                .unwrap();
        }
        let form = setting.kind.form().replace('|', "\\|");
        writeln!(page, "| `{key}` | {form} | {} | {} |", fallback(setting.required, setting.default), setting.help)
            .unwrap();
    }
    page.push_str(
        "\n## `[sources.NAME]`\n\nOne section for each source; `NAME` is its catalogue, the first part of `catalog.schema.table`: lower-case \
         letters, digits and `_`.\n\n| Setting | Value | Default | What it does |\n|---|---|---|---|\n| `connector` | a connector's name in quotes \
         | required | Kind of the source. The other settings are those of the connector. |\n",
    );
    for connector in connectors() {
        let kind = connector.kind();
        write!(
            page,
            "\n### `connector = \"{kind}\"`\n\n| Setting | Value | Default | What it does |\n|---|---|---|---|\n"
        )
        .unwrap();
        for option in connector.options() {
            let fallback = fallback(option.required, option.default);
            writeln!(page, "| `{}` | {} | {fallback} | {} |", option.name, kind_word(option.kind), option.help)
                .unwrap();
        }
    }
    check("config.md", &page);
}

#[test]
fn errors_page_lists_every_code() {
    let mut page = format!(
        "{PRINTED}# Error codes\n\nEvery error is an RFC 9457 problem document (`application/problem+json`) with a stable `code`. Codes are never \
         renamed or reused. *Retry* says whether the same request may succeed later, unchanged.\n\n| Code | HTTP | gRPC | Whose move | Retry | \
         Meaning |\n|---|---|---|---|---|---|\n"
    );
    for code in ErrorCode::ALL {
        let spec = code.spec();
        let move_of = match spec.kind {
            ErrorKind::User => "caller",
            ErrorKind::Denied => "caller (sign-in or policy)",
            ErrorKind::Source => "operator of the source",
            ErrorKind::Resources => "caller or operator (a limit)",
            ErrorKind::Internal => "operator",
        };
        let retry = if spec.retryable { "yes" } else { "no" };
        writeln!(page, "| `{}` | {} | {} | {move_of} | {retry} | {} |", spec.name, spec.http, spec.grpc, spec.meaning)
            .unwrap();
    }
    check("errors.md", &page);
}

#[test]
fn presto_types_page_lists_every_type() {
    let mut page = format!("{PRINTED}{}", include_str!("reference/presto-types.md"));
    for (source_type, data_type) in lockgate_connector_presto::type_table() {
        let shown = data_type.map_or_else(|| "none: withheld by name".to_owned(), |found| format!("`{found}`"));
        writeln!(page, "| `{source_type}` | {shown} |").unwrap();
    }
    check("presto-types.md", &page);
}

#[test]
fn presto_functions_page_lists_every_function_and_treatment() {
    let mut page = format!("{PRINTED}{}", include_str!("reference/presto-functions.md"));
    let dialect = lockgate_connector_presto::sql_dialect();
    for function in dialect.functions {
        let arguments = function.arguments.iter().map(|argument| match argument {
            SqlArgument::Value(kind) => format!("{kind:?}"),
            SqlArgument::Word(word) => format!("'{word}'"),
            SqlArgument::Whole(least, i64::MAX) => format!("{least} or more"),
            SqlArgument::Whole(least, most) => format!("{least} to {most}"),
        });
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        let sql = function.sql.replace('|', "\\|");
        writeln!(page, "| `{}({arguments})` | {:?} | `{sql}` |", function.name, function.gives).unwrap();
    }
    page.push_str("\n## Treatments\n\nOf a column `{}`:\n\n| Treatment | Of | At the source |\n|---|---|---|\n");
    for (name, kind, sql) in dialect.treatments {
        let kind = kind.map_or_else(|| "every type".to_owned(), |kind| format!("{kind:?}"));
        writeln!(page, "| `{name}` | {kind} | `{}` |", sql.replace('|', "\\|")).unwrap();
    }
    check("presto-functions.md", &page);
}

fn needs_word(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "nothing",
        Needs::TokenForDetails => "nothing; a token for details",
        Needs::TokenUnlessOpen => "a token, unless `server.metrics_open` is set",
        Needs::TokenAndPurpose => "a token and a purpose",
    }
}

#[test]
fn endpoints_page_lists_every_endpoint() {
    let mut page = format!("{PRINTED}{}", include_str!("reference/endpoints.md"));
    for endpoint in ENDPOINTS {
        write!(page, "\n## {} {}\n\n{} {}\n\n", endpoint.method, endpoint.path, endpoint.summary, endpoint.notes)
            .unwrap();
        writeln!(page, "- Needs {}.", needs_word(endpoint.needs)).unwrap();
        let quoted = |types: &[&str]| types.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
        if !endpoint.bodies.is_empty() {
            writeln!(page, "- Takes {}.", quoted(endpoint.bodies)).unwrap();
        }
        writeln!(page, "- Answers in {}.", quoted(&endpoint.answer.media_types())).unwrap();
        if !endpoint.parameters.is_empty() {
            page.push_str("\n| Parameter | Required | What it does |\n|---|---|---|\n");
        }
        for parameter in endpoint.parameters {
            let required = if parameter.required { "yes" } else { "no" };
            writeln!(page, "| `{}` | {required} | {} |", parameter.name, parameter.help).unwrap();
        }
    }
    check("endpoints.md", &page);
}

fn table_of<R>(page: &mut String, name: &str, what: &str, columns: &[Column<R>]) {
    write!(page, "\n## `{CATALOG}.{SCHEMA}.{name}`\n\n{what}\n\n| Column | Type | What it holds |\n|---|---|---|\n")
        .unwrap();
    for column in columns {
        writeln!(page, "| `{}` | `{}` | {} |", column.name, column.field().data_type(), column.help).unwrap();
    }
}

#[test]
fn ledger_tables_page_lists_every_column() {
    let mut page = format!("{PRINTED}{}", include_str!("reference/ledger-tables.md"));
    let queries = "One row for each query, allowed or refused, as `lockgate audit search` lists them.";
    table_of(&mut page, "queries", queries, tables::QUERIES);
    let columns = "One row for each query, table and column that was shown, as `lockgate audit who-saw` lists them. Fields of a struct \
                   are columns of their own.";
    table_of(&mut page, "columns", columns, tables::COLUMNS);
    check("ledger-tables.md", &page);
}
