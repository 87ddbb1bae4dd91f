//! Everything that needs real servers, which `tests/servers` starts and environment variables name. What has no server is
//! shown as ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use libtest_mimic::Arguments;

fn main() {
    if lockgate_tests::presto::is_child() {
        return;
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(lockgate_tests::behaviour::live_trials());
    trials.extend(lockgate_tests::presto::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
