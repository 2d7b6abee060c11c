//! `callflow replay`: the steps of a recorded call through a flow, until the first that goes another way.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::ExitStatus;
use super::check::{ReadError, read as read_flow};
use super::journal::{self, JournalFileError, WRITTEN_BY};
use crate::check::{self, EnvMode};
use crate::diagnostic::{Style, render_human};
use crate::pii::PhoneNumber;
use crate::plan::{Plan, compile};
use crate::replay::{Difference, JournalError, Numbers, Recording, Replayed, read, replay};
use crate::settings::{Env, OFFLINE_OPERATOR, OPERATOR_NUMBER};

/// Arguments of `callflow replay`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Record a call:   callflow --flow flows/cold_transfer.yaml --record call.journal.jsonl
Replay it:       callflow replay call.journal.jsonl --flow flows/cold_transfer.yaml
After an edit:   the same; it says from which step on the new version would have gone another way

Exit status: 0 as recorded, 1 another way (or a flow with errors), 2 anything else.")]
pub struct ReplayArgs {
    /// Journal, written by `--record`.
    #[arg(value_name = "JOURNAL")]
    pub journal: PathBuf,
    /// The flow to replay it through.
    #[arg(long, value_name = "FILE")]
    pub flow: PathBuf,
    /// Only this call (the beginning of its id is enough).
    #[arg(long, value_name = "ID")]
    pub call: Option<String>,
    /// The caller's number, for flows whose guards compare it: a journal does not hold it.
    #[arg(long, value_name = "NUMBER", value_parser = PhoneNumber::parse)]
    pub from: Option<PhoneNumber>,
    /// The number called, likewise.
    #[arg(long, value_name = "NUMBER", value_parser = PhoneNumber::parse)]
    pub to: Option<PhoneNumber>,
    /// One JSON object for each call instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The flow cannot be read.
    #[error(transparent)]
    Flow(#[from] ReadError),
    /// The journal cannot be read.
    #[error(transparent)]
    File(#[from] JournalFileError),
    /// It is no journal.
    #[error("{path}: {cause}", path = path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        cause: JournalError,
    },
    /// `--call` is of none of its calls.
    #[error("{path}: there is no call whose id begins with {wanted}", path = path.display())]
    NoSuchCall {
        /// The journal.
        path: PathBuf,
        /// What `--call` says.
        wanted: String,
    },
    /// Nobody can be told.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl ReplayError {
    /// What to do about it, if anything can be done here.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Flow(error) => Some(error.help()),
            Self::File(error) => Some(error.help()),
            // It says so itself.
            Self::Journal { cause: JournalError::Version(_), .. } | Self::Output(_) => None,
            Self::Journal { .. } => Some(WRITTEN_BY),
            Self::NoSuchCall { .. } => Some("without `--call`, every call of the journal is replayed"),
        }
    }

    fn journal(path: &Path, cause: JournalError) -> Self {
        Self::Journal { path: path.to_owned(), cause }
    }
}

/// Replays and reports: [`ExitStatus::Success`] if every call went as recorded, [`ExitStatus::Findings`] if
/// one did not or the flow has errors, [`ExitStatus::Error`] if something cannot be read.
#[must_use]
pub fn run(args: &ReplayArgs, env: &Env) -> ExitStatus {
    match replay_all(args, env, &mut anstream::stdout()) {
        Ok(status) => status,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            if let Some(help) = error.help() {
                anstream::eprintln!("help: {help}");
            }
            ExitStatus::Error
        }
    }
}

fn replay_all(args: &ReplayArgs, env: &Env, out: &mut dyn Write) -> Result<ExitStatus, ReplayError> {
    let Some(plan) = plan(args, env)? else { return Ok(ExitStatus::Findings) };
    let text = journal::read(&args.journal)?;
    let text = journal::whole(&args.journal, &text);
    let calls = read(text).map_err(|cause| ReplayError::journal(&args.journal, cause))?;
    let wanted = args.call.as_deref().unwrap_or("");
    let calls: Vec<_> = calls.iter().filter(|call| call.begin.call.starts_with(wanted)).collect();
    if calls.is_empty() {
        return Err(ReplayError::NoSuchCall { path: args.journal.clone(), wanted: wanted.to_owned() });
    }
    let numbers = Numbers { from: args.from.clone(), to: args.to.clone() };
    let mut diverged = false;
    for call in calls {
        let replayed = replay(call, &plan, numbers.clone());
        diverged |= replayed.divergence.is_some();
        let told =
            if args.json { tell_json(call, &replayed, out) } else { tell(call, &replayed, &plan, out) };
        match told {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            told => told.map_err(ReplayError::Output)?,
        }
    }
    Ok(if diverged { ExitStatus::Findings } else { ExitStatus::Success })
}

/// The flow, with the environment's values if they are there: sentences may hold them.
fn plan(args: &ReplayArgs, env: &Env) -> Result<Option<Arc<Plan>>, ReadError> {
    let source = read_flow(&args.flow)?;
    let lookup =
        |name: &str| env.get(name).or_else(|| (name == OPERATOR_NUMBER).then(|| OFFLINE_OPERATOR.to_owned()));
    let known = check::check(&source, EnvMode::Known(&lookup));
    let checked = match known.flow {
        Some(_) => known,
        None => check::check(&source, EnvMode::Unknown),
    };
    if checked.flow.is_none() {
        anstream::eprint!("{}", render_human(&checked.source, &checked.diagnostics, Style::Colour));
    }
    Ok(checked.flow.map(compile))
}

fn tell(call: &Recording, replayed: &Replayed, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let begin = &call.begin;
    writeln!(out, "call {}: {} steps of {}", begin.call, call.steps.len(), begin.flow)?;
    if begin.flow != *plan.name {
        writeln!(out, "  recorded with another flow: {}, and this is {}", begin.flow, plan.name)?;
    } else if begin.flow_hash != plan.hash.to_string() {
        writeln!(
            out,
            "  recorded with another version of the flow ({}, now {})",
            begin.flow_hash, plan.hash
        )?;
    }
    if !replayed.states.is_empty() {
        writeln!(out, "  {}", replayed.states.join(" → "))?;
    }
    let Some(divergence) = &replayed.divergence else {
        writeln!(out, "  every step went as recorded")?;
        if replayed.outcome.is_none() {
            writeln!(out, "  the journal ends before the call does")?;
        }
        return Ok(());
    };
    let seconds = divergence.at.0 as f64 / 1000.0;
    writeln!(out, "  steps that went as recorded: {}", replayed.same)?;
    if let Some(step) = call.steps.get(replayed.same) {
        writeln!(out, "  at {seconds:.3} s (line {}) in {}: {}", divergence.line, step.state, step.input)?;
    }
    match &divergence.difference {
        Difference::State(then, now) => writeln!(out, "    the call was in `{then}`, and now is in `{now}`"),
        Difference::Unknown(missing) => writeln!(out, "    the flow does not have {missing}"),
        Difference::Effects(then, now) => {
            for effect in then.iter().filter(|effect| !now.contains(effect)) {
                writeln!(out, "    - {effect}")?;
            }
            for effect in now.iter().filter(|effect| !then.contains(effect)) {
                writeln!(out, "    + {effect}")?;
            }
            Ok(())
        }
    }
}

fn tell_json(call: &Recording, replayed: &Replayed, out: &mut dyn Write) -> io::Result<()> {
    let divergence = replayed.divergence.as_ref().map(|divergence| {
        let (what, then, now) = match &divergence.difference {
            Difference::State(then, now) => ("state", json!(then), json!(now)),
            Difference::Unknown(missing) => ("unknown", json!(missing), Value::Null),
            Difference::Effects(then, now) => ("effects", json!(then), json!(now)),
        };
        json!({"line": divergence.line, "t": divergence.at, "what": what, "recorded": then, "now": now})
    });
    let report = json!({
        "call": call.begin.call,
        "steps": call.steps.len(),
        "same": replayed.same,
        "states": replayed.states,
        "outcome": replayed.outcome,
        "divergence": divergence,
    });
    writeln!(out, "{report}")
}
