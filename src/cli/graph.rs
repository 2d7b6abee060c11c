//! `callflow graph`: a flow as a picture, with a recorded call drawn over it if one is given, or what its tests reach.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::ExitStatus;
use super::check::{ReadError, read};
use super::journal::{self, JournalFileError, WRITTEN_BY};
use super::test::CoverError;
use super::write::{WriteError, write};
use crate::check::{self, EnvMode};
use crate::diagnostic::{Style, render_human};
use crate::plan::graph::{Graph, Trace, TraceError};
use crate::plan::{Plan, compile};
use crate::replay::{self, Numbers};

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

impl Format {
    /// What `--format` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Svg => "svg",
        }
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The flow cannot be read.
    #[error(transparent)]
    Flow(#[from] ReadError),
    /// The file's name stands for no language that there is.
    #[error("{path}: no picture can be written as `.{ending}`", path = path.display())]
    Ending {
        /// The file.
        path: PathBuf,
        /// How its name ends.
        ending: String,
    },
    /// The file's name stands for another language than the one asked for.
    #[error(
        "{path} is named as {named}, and `--format` says {wanted}",
        path = path.display(), named = named.name(), wanted = wanted.name()
    )]
    Conflict {
        /// The file.
        path: PathBuf,
        /// What its name stands for.
        named: Format,
        /// What was asked for.
        wanted: Format,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    File(#[from] JournalFileError),
    /// The journal cannot be drawn over this flow.
    #[error("{path}: {cause}", path = path.display())]
    Trace {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        cause: TraceError,
    },
    /// The tests cannot be drawn over it.
    #[error(transparent)]
    Cover(#[from] CoverError),
    /// The picture cannot be written to its file.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Nor to standard output.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl GraphError {
    /// What to do about it, if it does not say so itself.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Flow(error) => Some(error.help()),
            Self::Ending { .. } => Some(
                "there are `.svg`, `.mmd` (Mermaid) and `.dot` (Graphviz); for others: `--format dot | dot -Tpng > flow.png`",
            ),
            Self::Conflict { .. } => Some("leave out `--format`, or give the file another ending"),
            Self::File(error) => Some(error.help()),
            Self::Write(error) => Some(error.help()),
            Self::Trace { cause: TraceError::OtherFlow(_), .. } | Self::Cover(_) | Self::Output(_) => None,
            Self::Trace { .. } => Some(WRITTEN_BY),
        }
    }
}

/// Draws. [`ExitStatus::Findings`] if the flow has errors, [`ExitStatus::Error`] if something cannot be read
/// or written.
#[must_use]
pub fn run(args: &GraphArgs) -> ExitStatus {
    match draw(args) {
        Ok(status) => status,
        // Findings, in the form that they have everywhere.
        Err(GraphError::Cover(CoverError::Unusable(shown))) => {
            anstream::eprint!("{shown}");
            ExitStatus::Error
        }
        Err(error) => {
            anstream::eprintln!("error: {error}");
            if let Some(help) = error.help() {
                anstream::eprintln!("help: {help}");
            }
            ExitStatus::Error
        }
    }
}

fn draw(args: &GraphArgs) -> Result<ExitStatus, GraphError> {
    let format = format_of(args.format, args.output.as_deref())?;
    let source = read(&args.flow)?;
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
    let text = match format {
        Format::Mermaid => graph.mermaid(),
        Format::Dot => graph.dot(),
        Format::Svg => graph.svg(),
    };
    match &args.output {
        Some(path) => write(path, text)?,
        None => match io::stdout().write_all(text.as_bytes()) {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(GraphError::Output)?,
        },
    }
    Ok(ExitStatus::Success)
}

fn trace(path: &Path, plan: &Arc<Plan>) -> Result<Trace, GraphError> {
    let text = journal::read(path)?;
    let text = journal::whole(path, &text);
    let mut trace =
        Trace::read(text, plan).map_err(|cause| GraphError::Trace { path: path.to_owned(), cause })?;
    // An old journal cannot be replayed, and what depends on the environment or on whole numbers may go another way.
    for recording in replay::read(text).unwrap_or_default() {
        let replayed = replay::replay(&recording, plan, Numbers::default());
        if replayed.divergence.is_none() && recording.begin.flow_hash == plan.hash.to_string() {
            trace.tell(&recording.begin.call, replayed.ways);
        }
    }
    Ok(trace)
}

/// Endings of pictures that are not written here, whatever `--format` says.
const OTHER_PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "gif", "webp", "pdf"];

/// The language of the picture: that of `--format`, else that of the file's name, which must not contradict.
fn format_of(wanted: Option<Format>, output: Option<&Path>) -> Result<Format, GraphError> {
    let Some(path) = output else { return Ok(wanted.unwrap_or(Format::Mermaid)) };
    let Some(ending) = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()) else {
        return Ok(wanted.unwrap_or(Format::Mermaid));
    };
    let named = match ending.as_str() {
        "svg" => Some(Format::Svg),
        "dot" | "gv" => Some(Format::Dot),
        "mmd" | "mermaid" => Some(Format::Mermaid),
        _ => None,
    };
    match (wanted, named) {
        (Some(wanted), Some(named)) if wanted != named => {
            Err(GraphError::Conflict { path: path.to_owned(), named, wanted })
        }
        (_, Some(named)) => Ok(named),
        (Some(wanted), None) if !OTHER_PICTURES.contains(&ending.as_str()) => Ok(wanted),
        (_, None) => Err(GraphError::Ending { path: path.to_owned(), ending }),
    }
}
