//! The real binary `lockgate`, as a user runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod audit;
mod gateway;
mod kill9;
mod log;
mod outage;
mod policy;
mod query;
mod world;

use std::process::{Command, Stdio};

/// How a command ended.
struct Done {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Done {
    #[track_caller]
    fn expect(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// The binary, without what the environment of the test's caller would tell it.
fn lockgate<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(args).stdin(Stdio::null());
    for name in ["LOCKGATE_URL", "LOCKGATE_TOKEN", "LOCKGATE_PURPOSE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { exit: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn help_and_version_are_no_failures_and_nonsense_is_refused() {
    let help = run(&mut lockgate(["--help"])).expect(0);
    assert!(help.stdout.contains("Exit codes:"), "{}", help.stdout);
    run(&mut lockgate(["--version"])).expect(0);
    run(&mut lockgate([])).expect(2);
    run(&mut lockgate(["frobnicate"])).expect(2);
}
