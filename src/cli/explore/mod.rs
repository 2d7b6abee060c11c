//! `callflow explore`: every call that a flow can have, and whether the properties hold in all of them.
//!
//! `callflow check` does the same with a bound ([`in_check`]); what is found is an ordinary finding there.

mod places;
mod print;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::ExitStatus;
use super::check::read;
use super::progress::Progress;
use crate::check::{Checked, CheckedFlow, EnvMode, check};
use crate::diagnostic::{Diagnostic, Style, render_github, render_human, render_sarif};
use crate::explore::{Limits, Report, explore, holds};
use crate::plan::{Plan, compile};
use crate::settings::Env;
use places::Places;

/// Configurations that `callflow check` looks at: what is a fraction of a second for an ordinary flow.
pub const IN_CHECK: usize = 20_000;

/// Arguments of `callflow explore`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Exit status: 0 every property holds, 1 one does not (or the flow has errors), 4 given up before everything was
seen (nothing wrong so far), 2 anything else.")]
pub struct ExploreArgs {
    /// The flow.
    #[arg(value_name = "FLOW")]
    pub flow: PathBuf,
    /// Configurations after which it gives up.
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().configurations,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..)
    )]
    pub max_states: usize,
    /// How the result is shown.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Take the values of `env:` from the environment; else fictional ones stand in their place.
    #[arg(long)]
    pub env: bool,
}

/// How the result is shown.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning: what does not hold, as `check` writes its findings.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Explores and reports: [`ExitStatus::Success`] if everything holds, [`ExitStatus::Findings`] if something
/// does not or the flow has errors, [`ExitStatus::Incomplete`] if it gave up before it had seen everything.
#[must_use]
pub fn run(args: &ExploreArgs, env: &Env) -> ExitStatus {
    let lookup = |name: &str| env.get(name);
    match explore_one(args, &lookup, &mut anstream::stdout(), &mut anstream::stderr()) {
        Ok(status) => status,
        // The reader (`head`, a pager) has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Error,
        Err(error) => {
            anstream::eprintln!("error: cannot print the result: {error}");
            ExitStatus::Error
        }
    }
}

fn explore_one(
    args: &ExploreArgs,
    env: &dyn Fn(&str) -> Option<String>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitStatus> {
    let source = match read(&args.flow) {
        Ok(source) => source,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            writeln!(err, "help: {}", error.help())?;
            return Ok(ExitStatus::Error);
        }
    };
    let mode = if args.env { EnvMode::Known(env) } else { EnvMode::Unknown };
    let Checked { source, flow, diagnostics } = check(&source, mode);
    let Some(flow) = flow else {
        match args.format {
            Format::Human | Format::Json => {
                err.write_all(render_human(&source, &diagnostics, Style::Colour).as_bytes())?;
            }
            Format::Sarif => out.write_all(render_sarif(&[(source, diagnostics)]).as_bytes())?,
            Format::Github => out.write_all(render_github(&source, &diagnostics).as_bytes())?,
        }
        writeln!(err, "error: a flow with errors cannot be explored")?;
        return Ok(ExitStatus::Findings);
    };
    let places = Places::of(flow.document());
    let plan = compile(flow);
    let limits = Limits { configurations: args.max_states, ..Limits::default() };
    let mut progress = Progress::at_terminal();
    let report = explore(&plan, &limits, &mut |configurations| {
        progress.show(format_args!("exploring: {configurations} configurations"));
    });
    progress.clear();
    match args.format {
        Format::Human => print::human(&source, &plan, &report, &places, out)?,
        Format::Json => writeln!(out, "{}", print::json(&source, &plan, &report, &places))?,
        Format::Sarif | Format::Github => {
            let found = findings(&plan, &report, &places);
            let text = match args.format {
                Format::Sarif => render_sarif(&[(source, found)]),
                _ => render_github(&source, &found),
            };
            out.write_all(text.as_bytes())?;
            // Neither has a place for what was not seen.
            if !report.complete {
                writeln!(err, "note: not everything was seen; --max-states goes further")?;
            }
        }
    }
    out.flush()?;
    Ok(match &report {
        report if !report.findings.is_empty() => ExitStatus::Findings,
        report if !report.complete => ExitStatus::Incomplete,
        _ => ExitStatus::Success,
    })
}

/// What exploring a flow without errors finds, with a bound, and whether that was all.
#[must_use]
pub fn in_check(flow: CheckedFlow) -> (Vec<Diagnostic>, bool) {
    let places = Places::of(flow.document());
    let plan = compile(flow);
    if holds(&plan, IN_CHECK) {
        return (Vec::new(), true);
    }
    let limits = Limits { configurations: IN_CHECK, ..Limits::default() };
    let report = explore(&plan, &limits, &mut |_| {});
    (findings(&plan, &report, &places), report.complete || !report.findings.is_empty())
}

/// What was found, as findings of the file.
fn findings(plan: &Arc<Plan>, report: &Report, places: &Places) -> Vec<Diagnostic> {
    report.findings.iter().map(|finding| places.diagnostic(plan, finding)).collect()
}
