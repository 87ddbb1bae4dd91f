//! The binary `lockgate`: see `lockgate --help`, or [`lockgate_server::cli`].

fn main() -> std::process::ExitCode {
    lockgate_server::cli::main()
}
