//! The program `gcrucible`. Everything it does is in the library, under `cli`.

fn main() -> std::process::ExitCode {
    gcrucible::cli::main()
}
