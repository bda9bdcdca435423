//! The program `mcp-lambda`.

fn main() -> std::process::ExitCode {
    mcp_lambda::cli::main()
}
