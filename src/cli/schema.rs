//! `callflow schema`: the JSON Schema of flows, for editors.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::ExitStatus;
use super::write::write;
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
    let written = match &args.write {
        Some(path) => write(path, text).map_err(|error| format!("{error}\nhelp: {}", error.help())),
        None => io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| format!("cannot write the schema to standard output: {error}")),
    };
    match written {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitStatus::Error
        }
    }
}
