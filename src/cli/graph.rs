//! `callflow graph`: a flow as a picture, with a recorded call drawn over it if one is given, or what its tests reach.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::ExitStatus;
use super::check::read;
use crate::check::{self, EnvMode};
use crate::diagnostic::{Style, render_human};
use crate::plan::graph::{Graph, Trace};
use crate::plan::{Plan, compile};

/// Arguments of `callflow graph`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Look at it:          callflow graph flows/cold_transfer.yaml -o flow.svg
In a README:         callflow graph flows/cold_transfer.yaml        (Mermaid, which GitHub draws)
With Graphviz:       callflow graph flows/cold_transfer.yaml --format dot | dot -Tpdf > flow.pdf
The way of a call:   callflow graph flows/cold_transfer.yaml --trace call.journal.jsonl -o call.svg
What is not tested:  callflow graph flows/cold_transfer.yaml --coverage -o tested.svg")]
pub struct GraphArgs {
    /// The flow.
    #[arg(value_name = "FLOW")]
    pub flow: PathBuf,
    /// The language of the picture [default: that of the file's name, else mermaid].
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write to this file (`.svg`, `.mmd` or `.dot`) instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw the calls of a journal (written by `--record`) over it.
    #[arg(long, value_name = "JOURNAL")]
    pub trace: Option<PathBuf>,
    /// Draw over it what the tests beside the flow reach, or those of this file.
    #[arg(long, value_name = "TESTS", num_args = 0..=1, require_equals = true, conflicts_with = "trace")]
    pub coverage: Option<Option<PathBuf>>,
    /// Leave out what the engine does by itself: the dotted edges.
    #[arg(long)]
    pub no_defaults: bool,
}

/// The language of a picture.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Mermaid: drawn by GitHub, GitLab and many editors.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A drawing for browsers, laid out here.
    Svg,
}

/// Draws. [`ExitStatus::Findings`] if the flow has errors, [`ExitStatus::Error`] if something cannot be read
/// or written.
#[must_use]
pub fn run(args: &GraphArgs) -> ExitStatus {
    match draw(args) {
        Ok(status) => status,
        Err(message) => {
            anstream::eprintln!("error: {message}");
            ExitStatus::Error
        }
    }
}

fn draw(args: &GraphArgs) -> Result<ExitStatus, String> {
    let source = read(&args.flow).map_err(|error| format!("{error}\nhelp: {}", error.help()))?;
    let outcome = check::check(&source, EnvMode::Unknown);
    let Some(flow) = outcome.flow else {
        anstream::eprint!("{}", render_human(&outcome.source, &outcome.diagnostics, Style::Colour));
        return Ok(ExitStatus::Findings);
    };
    let plan = compile(flow);
    let mut graph = Graph::of(&plan, !args.no_defaults);
    if let Some(journal) = &args.trace {
        graph.overlay(&trace(journal, &plan)?);
    }
    if let Some(tests) = &args.coverage {
        super::test::cover(&mut graph, &args.flow, tests.as_deref(), &plan)?;
    }
    let text = match args.format.unwrap_or_else(|| named(args.output.as_deref())) {
        Format::Mermaid => graph.mermaid(),
        Format::Dot => graph.dot(),
        Format::Svg => graph.svg(),
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))?
        }
        None => match io::stdout().write_all(text.as_bytes()) {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(|e| format!("cannot write to standard output: {e}"))?,
        },
    }
    Ok(ExitStatus::Success)
}

fn trace(journal: &Path, plan: &Plan) -> Result<Trace, String> {
    let text = std::fs::read_to_string(journal);
    let text = text.map_err(|error| format!("cannot read the journal {}: {error}", journal.display()))?;
    Trace::read(&text, plan).map_err(|error| format!("{}: {error}", journal.display()))
}

/// The language that a file's name stands for.
fn named(output: Option<&Path>) -> Format {
    match output.and_then(|path| path.extension()).and_then(|end| end.to_str()) {
        Some("svg") => Format::Svg,
        Some("dot" | "gv") => Format::Dot,
        _ => Format::Mermaid,
    }
}
