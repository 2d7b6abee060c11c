//! `callflow schema`: the JSON Schema of flows, for editors.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::ExitStatus;
use crate::{flow, scenario};

/// Arguments of `callflow schema`.
#[derive(Args, Debug, Clone)]
pub struct SchemaArgs {
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// The schema of test files instead.
    #[arg(long)]
    pub test: bool,
}

/// Prints or writes the schema.
#[must_use]
pub fn run(args: &SchemaArgs) -> ExitStatus {
    let text = if args.test { scenario::json_schema_text() } else { flow::json_schema_text() };
    let (result, place) = match &args.write {
        Some(path) => (std::fs::write(path, text), path.display().to_string()),
        None => (io::stdout().write_all(text.as_bytes()), "standard output".to_owned()),
    };
    match result {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            anstream::eprintln!("error: cannot write the schema to {place}: {error}");
            ExitStatus::Error
        }
    }
}
