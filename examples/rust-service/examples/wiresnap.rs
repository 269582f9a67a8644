//! The executable that plays scenarios for the tests: the `wiresnap` command, built by cargo together with them.

fn main() -> std::process::ExitCode {
    wiresnap::main()
}
