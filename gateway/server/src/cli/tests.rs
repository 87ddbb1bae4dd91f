//! The command line as a whole: its help is its manual.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory;

use super::Cli;

/// The long help of a command and of all below it.
fn manual(command: &mut clap::Command, path: &str, into: &mut String) {
    let level = path.split(' ').count() + 1;
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(into, "\n{} `{path}`\n\n```text\n{}\n```\n", "#".repeat(level.min(4)), lines.join("\n").trim_end());
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        manual(sub, &path, into);
    }
}

#[test]
fn manual_is_what_help_prints() {
    let mut page = "<!-- Printed from code; change the code and run `UPDATE=1 cargo test -p lockgate-server manual`. -->\n\n# The command line\n".to_owned();
    let mut command = Cli::command().term_width(100);
    command.build();
    manual(&mut command, "lockgate", &mut page);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, page,
        "docs/reference/cli.md is not what --help prints; run UPDATE=1 cargo test -p lockgate-server manual"
    );
}

#[test]
fn every_command_and_argument_is_explained_with_examples() {
    fn walk(command: &clap::Command, path: &str, problems: &mut Vec<String>) {
        if command.get_about().is_none() {
            problems.push(format!("{path}: no text"));
        }
        let has_examples = command.get_after_long_help().is_some_and(|text| text.to_string().contains("Examples:"));
        if command.get_subcommands().next().is_none() && !has_examples {
            problems.push(format!("{path}: no examples"));
        }
        for arg in command.get_arguments().filter(|arg| arg.get_help().is_none()) {
            problems.push(format!("{path}: {} has no text", arg.get_id()));
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(sub, &format!("{path} {}", sub.get_name()), problems);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut problems = Vec::new();
    walk(&command, "lockgate", &mut problems);
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn arguments_fit_together() {
    Cli::command().debug_assert();
}
