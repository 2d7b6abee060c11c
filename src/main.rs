//! Parses the arguments, runs, and maps the result to an exit status; nothing else.

#![deny(clippy::unwrap_used)]

use callflow::cli::{self, ExitStatus};

fn main() -> ExitStatus {
    cli::main()
}
