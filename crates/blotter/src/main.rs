//! The `blotter` binary.

fn main() -> std::process::ExitCode {
    blotter::App::new().main()
}
