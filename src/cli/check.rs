//! `callflow check`: reports every problem of one or more flows.
//!
//! Findings go to standard output, what kept a file from being looked at to standard error.

mod at_once;
mod explored;
mod files;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::explore::in_check;
use super::progress::Progress;
use super::test::{TestFiles, Uncovered, uncovered};
use super::{ExitStatus, folders};
use crate::check::{self, EnvMode};
use crate::diagnostic::{
    Diagnostic, Findings, Style, render_github, render_human, render_json, render_sarif, render_short,
};
use crate::settings::Env;
use crate::source::SourceFile;

use at_once::at_once;
use explored::Explored;
pub use files::{Found, ReadError, TEST_ENDINGS, find, is_test, place, read, read_text, same};

/// Arguments of `callflow check`.
#[derive(Args, Debug, Clone)]
pub struct CheckArgs {
    /// Flow files, and folders to be searched for them.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// How findings are shown.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Also check that the environment has the variables that the flows need.
    #[arg(long)]
    pub env: bool,
    /// Apply the static rules only: do not explore the calls of flows that have no errors.
    #[arg(long)]
    pub no_explore: bool,
    /// Explore every flow. Otherwise one that was explored before, and nothing was found, and in which nothing has
    /// changed, is not explored again; `callflow/explored` in the user's cache folder knows. `--env` explores every
    /// flow as well.
    #[arg(long)]
    pub no_cache: bool,
    /// Run the tests beside the flows as well, and say what they do not reach.
    #[arg(long)]
    pub tests: bool,
    /// Let warnings fail the check as well.
    #[arg(long)]
    pub strict: bool,
}

/// How findings are shown.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With the lines they are about, and advice.
    Human,
    /// One line each: `path:line:col: error[F008]: message`.
    Short,
    /// One JSON object on the last line.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Checks, prints, and says how it ended: [`ExitStatus::Success`] with nothing but warnings,
/// [`ExitStatus::Findings`] with errors in a flow, [`ExitStatus::Error`] if something could not be looked at.
#[must_use]
pub fn run(args: &CheckArgs, env: &Env) -> ExitStatus {
    let lookup = |name: &str| env.get(name);
    // Both streams drop colours where nobody can see them.
    let mut progress = Progress::at_terminal();
    match check_all(args, &lookup, &mut anstream::stdout(), &mut anstream::stderr(), &mut progress) {
        Ok(status) => status,
        // The reader (`head`, a pager) has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Error,
        Err(error) => {
            anstream::eprintln!("error: cannot print the findings: {error}");
            ExitStatus::Error
        }
    }
}

/// Asks for a variable of the environment.
type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// What was seen so far.
#[derive(Default)]
struct Tally {
    flows: usize,
    errors: usize,
    warnings: usize,
    unusable: bool,
    /// Tests that fail.
    failed: usize,
    /// Test files that cannot be run.
    not_run: usize,
    /// What is shown at the end, all together.
    findings: Vec<Findings>,
}

fn check_all<W: Write>(
    args: &CheckArgs,
    env: Lookup<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    progress: &mut Progress<W>,
) -> io::Result<ExitStatus> {
    let mut tally = Tally::default();
    let mut all = Vec::new();
    let mut known = BTreeSet::new();
    for path in &args.paths {
        match find(path) {
            Ok(mut found) => {
                let is_empty = found.flows.is_empty();
                found.retain_new(&mut known);
                for path in found.skipped {
                    writeln!(
                        err,
                        "skipped: {} has no `callflow:` line, so it is not a flow",
                        path.display()
                    )?;
                }
                if is_empty {
                    unusable(&ReadError::NoFlows(path.clone()), &mut tally, err)?;
                }
                all.extend(found.flows);
            }
            Err(error) => unusable(&error, &mut tally, err)?,
        }
    }
    let tests = if args.tests { TestFiles::at(&args.paths) } else { TestFiles::default() };
    // A fingerprint of a telephone number is the number, to whoever tries them all: values of the environment leave none.
    let cache = folders::cache(&env).filter(|_| !args.no_cache && !args.no_explore && !args.env);
    let explored = Explored::within(cache);
    let progress = RefCell::new(progress);
    let looked_at = |count: usize| {
        if all.len() > 1 {
            progress.borrow_mut().show(format_args!("checking: {count} of {} flows", all.len()));
        }
    };
    looked_at(0);
    let shown = at_once(
        &all,
        |path| look(path, args, &tests, &explored, env),
        |path, seen| {
            progress.borrow_mut().clear();
            show(path, seen, args, &mut tally, out, err)
        },
        looked_at,
    );
    progress.borrow_mut().clear();
    shown?;
    if let Err(error) = explored.keep() {
        tracing::debug!(%error, "what was explored cannot be remembered");
    }
    for path in tests.others(&all) {
        let seen = uncovered(&[&path]);
        tested(&path, &seen.failed, &seen.unusable, &mut tally, err)?;
    }
    match args.format {
        Format::Human if tally.flows > 0 => writeln!(out, "{}", summary(&tally))?,
        Format::Json => out.write_all(render_json(&tally.findings).as_bytes())?,
        Format::Sarif => out.write_all(render_sarif(&tally.findings).as_bytes())?,
        Format::Human | Format::Short | Format::Github => {}
    }
    out.flush()?;
    Ok(match () {
        () if tally.unusable => ExitStatus::Error,
        () if tally.errors + tally.failed > 0 || (args.strict && tally.warnings > 0) => ExitStatus::Findings,
        () => ExitStatus::Success,
    })
}

/// What is seen in one file.
struct Seen {
    source: SourceFile,
    diagnostics: Vec<Diagnostic>,
    /// What is not decided, and how it could be.
    open: Option<&'static str>,
    /// Its tests that fail.
    failed: Vec<String>,
    /// What kept tests from being run.
    unusable: Vec<String>,
}

fn look(
    path: &Path,
    args: &CheckArgs,
    tests: &TestFiles,
    explored: &Explored,
    env: Lookup<'_>,
) -> Result<Seen, ReadError> {
    let source = read(path)?;
    let mode = if args.env { EnvMode::Known(env) } else { EnvMode::Unknown };
    let check::Checked { source, flow, mut diagnostics } = check::check(&source, mode);
    let mut open = None;
    let (mut failed, mut unusable) = (Vec::new(), Vec::new());
    if let Some(flow) = &flow {
        diagnostics.extend(super::lock::finding(path, flow.document()));
        if let Some(Uncovered { findings, failed: fail, unusable: cannot }) = tests.uncovered(path) {
            diagnostics.extend(findings);
            (failed, unusable) = (fail, cannot);
        }
        diagnostics.sort_by_key(|d| (d.primary.span, d.id));
    }
    match flow {
        Some(flow) if args.no_explore => {
            // What the machine keeps in any flow needs no word; what this flow asks for itself does.
            let asks = !flow.document().properties.is_empty();
            open = asks.then_some(
                "has `properties:`, which only exploring decides (F059); leave out `--no-explore`",
            );
        }
        Some(flow) => {
            let fingerprint = explored.fingerprint(&flow);
            if fingerprint.is_some_and(|flow| explored.has(flow)) {
                return Ok(Seen { source, diagnostics, open, failed, unusable });
            }
            let (found, all) = in_check(flow);
            if let Some(flow) = fingerprint.filter(|_| all && found.is_empty()) {
                explored.note(flow);
            }
            diagnostics.extend(found);
            diagnostics.sort_by_key(|d| (d.primary.span, d.id));
            open = (!all).then_some("has more calls than `check` explores; `callflow explore` goes on");
        }
        None => {}
    }
    Ok(Seen { source, diagnostics, open, failed, unusable })
}

fn show(
    path: &Path,
    seen: Result<Seen, ReadError>,
    args: &CheckArgs,
    tally: &mut Tally,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    let Seen { source, diagnostics, open, failed, unusable: cannot } = match seen {
        Ok(seen) => seen,
        Err(error) => return unusable(&error, tally, err),
    };
    tested(path, &failed, &cannot, tally, err)?;
    if let Some(open) = open {
        writeln!(err, "note: {} {open}", path.display())?;
    }
    let errors = diagnostics.iter().filter(|d| Diagnostic::is_error(d)).count();
    tally.flows += 1;
    tally.errors += errors;
    tally.warnings += diagnostics.len() - errors;
    let text = match args.format {
        Format::Human => render_human(&source, &diagnostics, Style::Colour),
        Format::Short => render_short(&source, &diagnostics),
        Format::Github => render_github(&source, &diagnostics),
        Format::Json | Format::Sarif => {
            tally.findings.push((source, diagnostics));
            return Ok(());
        }
    };
    out.write_all(text.as_bytes())
}

/// Shows what came of tests. One that fails is no finding of the flow, and covers nothing.
fn tested(
    path: &Path,
    failed: &[String],
    unusable: &[String],
    tally: &mut Tally,
    err: &mut dyn Write,
) -> io::Result<()> {
    tally.unusable |= !unusable.is_empty();
    tally.failed += failed.len();
    tally.not_run += unusable.len();
    unusable.iter().try_for_each(|message| err.write_all(message.as_bytes()))?;
    failed.iter().try_for_each(|name| writeln!(err, "error: a test of {} fails: {name}", path.display()))
}

fn unusable(error: &ReadError, tally: &mut Tally, err: &mut dyn Write) -> io::Result<()> {
    tally.unusable = true;
    writeln!(err, "error: {error}")?;
    writeln!(err, "help: {}", error.help())
}

fn summary(tally: &Tally) -> String {
    let counted = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    let found: Vec<String> = [
        (tally.errors, "error", ""),
        (tally.warnings, "warning", ""),
        (tally.failed, "test", " failed"),
        (tally.not_run, "test file", " could not be run"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, what, how)| counted(n, what) + how)
    .collect();
    let flows = counted(tally.flows, "flow");
    match found.is_empty() {
        true => format!("{flows} checked, nothing found"),
        false => format!("{flows} checked: {}", found.join(", ")),
    }
}

#[cfg(test)]
mod tests;
