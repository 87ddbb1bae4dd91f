//! Everything that needs no server, as one binary: linking the engine is what costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(lockgate_tests::behaviour::trials());
    trials.extend(lockgate_tests::cases::trials());
    trials.extend(lockgate_tests::cases::slt::trials());
    trials.extend(lockgate_tests::noninterference::trials());
    trials.extend(lockgate_tests::fuzz::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
