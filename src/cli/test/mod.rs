//! `callflow test`: runs the tests beside flows, shows what failed and where, and says what is not tested.
//!
//! Reports go to standard output, what kept a file from being tested to standard error.

mod files;
mod graph;
mod in_check;
mod junit;
mod model;
mod more;
mod report;
mod runner;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ExitStatus;
use super::check::place;
use super::write::{has_place, write};
use crate::settings::Env;
use files::{Loaded, find, load};
pub use graph::CoverError;
pub(super) use graph::cover;
pub use in_check::{TestFiles, Uncovered, uncovered};
use model::Models;
use runner::{Asking, Tested, Verdict};

/// Arguments of `callflow test`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
All tests of a folder:        callflow test flows/
What is not tested:           callflow test flows/ --coverage
Write the missing tests:      callflow test flows/my_flow.yaml --generate -o flows/my_flow.test.yaml
What a flow survives:         callflow test flows/my_flow.yaml --faults all

Exit status: 0 all passed, 1 a test failed (or covers less than --min-coverage), 2 anything else.")]
pub struct TestArgs {
    /// Test files (`NAME.test.yaml`), flows with a test file beside them, and folders to be searched.
    #[arg(required_unless_present = "list_faults", value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// How results are shown.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Also write the results to this file as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Only tests whose name, file or tag contains this.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["faults", "generate"])]
    pub filter: Option<String>,
    /// Skip tests that need a real model, also if there is a key.
    #[arg(long)]
    pub offline: bool,
    /// List the tests and run none.
    #[arg(long)]
    pub list: bool,
    /// Stop at the first test that fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// Say which states, edges and outcomes no test reaches.
    #[arg(long)]
    pub coverage: bool,
    /// Write the coverage to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub coverage_json: Option<PathBuf>,
    /// Fail if states, edges or outcomes of a flow are covered by less than this, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_coverage: Option<u8>,
    /// Write the shortest tests that are missing, in the same format.
    #[arg(long)]
    pub generate: bool,
    /// Where `--generate` writes [default: standard output]; a file that is there is not written over.
    #[arg(long, short, value_name = "FILE", requires = "generate")]
    pub output: Option<PathBuf>,
    /// Run every way through a flow with these edge cases of the catalogue (E17,E19 or all).
    #[arg(long, value_name = "ID,…|all", value_delimiter = ',')]
    pub faults: Vec<String>,
    /// List the edge cases of the catalogue.
    #[arg(long)]
    pub list_faults: bool,
}

/// How results are shown.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line for each test, and for each that failed where and why.
    Human,
    /// One JSON object on the last line.
    Json,
    /// JUnit XML, for CI.
    Junit,
}

/// Runs the tests. [`ExitStatus::Success`] if all passed, [`ExitStatus::Findings`] if one failed,
/// [`ExitStatus::Error`] if something could not be read or is no test.
#[must_use]
pub fn run(args: &TestArgs, env: &Env) -> ExitStatus {
    let done = match args.list_faults {
        true => more::list_faults(&mut anstream::stdout()),
        false => test(args, env, &mut anstream::stdout(), &mut anstream::stderr()),
    };
    match done {
        Ok(status) => status,
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Error,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitStatus::Error
        }
    }
}

fn test(args: &TestArgs, env: &Env, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    // Before what takes long, not after it.
    for file in [&args.junit, &args.coverage_json, &args.output].into_iter().flatten() {
        if let Err(error) = has_place(file) {
            writeln!(err, "error: {error}\nhelp: {}", error.help())?;
            return Ok(ExitStatus::Error);
        }
    }
    let mut loaded: Vec<Loaded> = Vec::new();
    let (mut unusable, mut seen) = (false, BTreeSet::new());
    for path in &args.paths {
        let found = match find(path, args.generate || !args.faults.is_empty()) {
            Ok(found) => found,
            Err(message) => {
                unusable = true;
                writeln!(err, "error: {message}")?;
                continue;
            }
        };
        for file in found.into_iter().filter(|file| seen.insert(place(file.path()))) {
            match load(&file) {
                Ok(one) => loaded.push(one),
                Err(message) => {
                    unusable = true;
                    write!(err, "{message}")?;
                }
            }
        }
    }
    if unusable {
        return Ok(ExitStatus::Error);
    }
    let written = !args.generate && args.faults.is_empty();
    if let Some(error) = NothingToRun::of(args, &loaded).filter(|_| written) {
        writeln!(err, "error: {error}\nhelp: {}", error.help())?;
        return Ok(ExitStatus::Error);
    }
    if args.list {
        return more::list(args, &loaded, out);
    }
    if args.generate {
        return more::generate(args, &loaded, out, err);
    }
    if !args.faults.is_empty() {
        return more::survive(args, &loaded, out, err);
    }
    let mut sink = report::Sink::new(args.format, out);
    let models = match args.offline {
        true => Asking::Offline,
        false => match Models::of(env) {
            Ok(models) => Asking::Models(models),
            Err(error) => {
                writeln!(err, "error: {error}")?;
                return Ok(ExitStatus::Error);
            }
        },
    };
    let tested = runner::run_all(args, &models, &loaded, &mut sink)?;
    report::finish(args, &loaded, &tested, &mut sink)?;
    if let Some(path) = &args.junit
        && let Err(error) = write(path, junit::render(&tested))
    {
        writeln!(err, "error: {error}\nhelp: {}", error.help())?;
        return Ok(ExitStatus::Error);
    }
    if let Some(why) = all_skipped(&tested) {
        writeln!(err, "note: nothing was tested: every test {why}")?;
    }
    let covered = more::coverage(args, &loaded, &tested, &mut sink)?;
    let failed = tested.tests.iter().any(|test| matches!(test.verdict, Verdict::Failed(_)));
    Ok(if failed || !covered { ExitStatus::Findings } else { ExitStatus::Success })
}

/// Why there is no test to run or to list. What looked at nothing has not passed.
#[derive(Debug, thiserror::Error)]
enum NothingToRun {
    /// Test files without tests.
    #[error("there is no test in {}", .0.join(", "))]
    Empty(Vec<String>),
    /// No test has what `--filter` asks for.
    #[error(
        "{} has `{filter}` in its name, its tags or the path of its file",
        if *.tests == 1 { "no test (there is 1)".to_owned() } else { format!("no test (of {tests})") }
    )]
    Filtered {
        /// The text of `--filter`.
        filter: String,
        /// How many there are.
        tests: usize,
    },
}

impl NothingToRun {
    /// `None` if there is something to run.
    fn of(args: &TestArgs, loaded: &[Loaded]) -> Option<Self> {
        let tests = || loaded.iter().flat_map(|one| one.suite.tests.iter().map(move |test| (one, test)));
        if tests().any(|(one, test)| runner::is_wanted(args, &one.path, test)) {
            return None;
        }
        match (tests().count(), &args.filter) {
            (tests @ 1.., Some(filter)) => Some(Self::Filtered { filter: filter.clone(), tests }),
            _ => Some(Self::Empty(loaded.iter().map(|one| one.path.clone()).collect())),
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Self::Empty(_) => "`callflow test FLOW --generate` writes the tests that are missing",
            Self::Filtered { .. } => "`--list` without `--filter` shows what they are called",
        }
    }
}

/// Why no test was run, if none was. Those who have no key are not to be stopped by it, but are to know.
fn all_skipped(tested: &Tested) -> Option<String> {
    let mut reasons = Vec::new();
    for test in &tested.tests {
        match test.verdict {
            Verdict::Skipped(why) if reasons.contains(&why) => {}
            Verdict::Skipped(why) => reasons.push(why),
            Verdict::Passed | Verdict::Failed(_) => return None,
        }
    }
    (!reasons.is_empty()).then(|| reasons.join(", or "))
}

/// What came of all tests.
fn count(tested: &Tested, which: impl Fn(&Verdict) -> bool) -> usize {
    tested.tests.iter().filter(|test| which(&test.verdict)).count()
}
