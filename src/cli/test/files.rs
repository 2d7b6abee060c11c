//! Finding and reading test files and the flows that they are about.

use std::path::{Path, PathBuf};

use crate::cli::check::{ReadError, TEST_ENDINGS, is_test, read, read_text};
use crate::diagnostic::{Diagnostic, Style, render_human};
use crate::scenario::{Subject, Suite, names, parse};
use crate::source::SourceFile;

/// A test file and its flow, both without errors.
pub(super) struct Loaded {
    pub path: String,
    pub suite: Suite,
    pub subject: Subject,
}

/// What is to be loaded.
pub(super) enum Found {
    /// A test file.
    Tests(PathBuf),
    /// A flow without one.
    Flow(PathBuf),
}

impl Found {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Tests(path) | Self::Flow(path) => path,
        }
    }
}

/// The test files at a path. With `alone`, a flow needs none.
pub(super) fn find(path: &Path, alone: bool) -> Result<Vec<Found>, String> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|cause| {
        let error = ReadError::new(path, cause);
        format!("{error}\nhelp: {}", error.help())
    })?;
    if metadata.is_dir() {
        let mut found = Vec::new();
        search(path, &mut found).map_err(|error| format!("cannot search {shown}: {error}"))?;
        return match found.is_empty() {
            true => Err(format!("there are no tests in {shown}: a test file ends in .test.yaml")),
            false => Ok(found.into_iter().map(Found::Tests).collect()),
        };
    }
    if is_test(path) {
        return Ok(vec![Found::Tests(path.to_owned())]);
    }
    match beside(path) {
        Some(tests) => Ok(vec![tests]),
        None if alone => Ok(vec![Found::Flow(path.to_owned())]),
        None => {
            Err(format!("{shown} has no test file beside it; `callflow test {shown} --generate` writes one"))
        }
    }
}

/// The test file beside a flow.
pub(super) fn beside(flow: &Path) -> Option<Found> {
    let stem = flow.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let paths = TEST_ENDINGS.iter().map(|ending| flow.with_file_name(format!("{stem}{ending}")));
    paths.into_iter().find(|path| path.is_file()).map(Found::Tests)
}

/// The test files of a folder and the folders in it.
pub(super) fn tests_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    search(folder, &mut found)?;
    Ok(found)
}

/// The test files of a folder alone. The empty path is this folder.
pub(super) fn tests_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let here = folder.as_os_str().is_empty();
    let entries = std::fs::read_dir(if here { Path::new(".") } else { folder })?;
    let paths = entries.map(|entry| Ok(folder.join(entry?.file_name())));
    let paths: std::io::Result<Vec<PathBuf>> = paths.collect();
    Ok(paths?.into_iter().filter(|path| is_test(path) && path.is_file()).collect())
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            search(&path, found)?;
        } else if is_test(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads a test file and its flow; the message holds every finding.
pub(super) fn load(found: &Found) -> Result<Loaded, String> {
    match found {
        Found::Flow(path) => {
            let subject = flow(path)?;
            let source = SourceFile::new(path.with_extension("test.yaml"), "");
            let suite = Suite { source, flow: None, tests: Vec::new() };
            Ok(Loaded { path: path.display().to_string(), suite, subject })
        }
        Found::Tests(path) => {
            let source = read_text(path).map_err(unread)?;
            let (suite, mut diagnostics) = parse(&source);
            let shown = |diagnostics: &[Diagnostic]| render_human(&source, diagnostics, Style::Colour);
            let Some(suite) = suite else { return Err(shown(&diagnostics)) };
            let subject = match flow(&flow_of(path, Some(&suite))) {
                Ok(subject) => subject,
                Err(message) if diagnostics.is_empty() => return Err(message),
                Err(message) => return Err(shown(&diagnostics) + &message),
            };
            // Both kinds of findings in one run, as they stand in the file.
            diagnostics.extend(names::check(&suite, &subject));
            diagnostics.sort_by_key(|found| (found.primary.span, found.id));
            if diagnostics.iter().any(Diagnostic::is_error) {
                return Err(shown(&diagnostics));
            }
            Ok(Loaded { path: path.display().to_string(), suite, subject })
        }
    }
}

fn unread(error: ReadError) -> String {
    format!("error: {error}\nhelp: {}\n", error.help())
}

fn flow(path: &Path) -> Result<Subject, String> {
    Subject::new(read(path).map_err(unread)?)
        .map_err(|(source, found)| render_human(&source, &found, Style::Colour))
}

/// The flow that a test file is about, whatever else is wrong with it.
pub(super) fn flow_of_file(path: &Path) -> PathBuf {
    let suite = read_text(path).ok().and_then(|source| parse(&source).0);
    flow_of(path, suite.as_ref())
}

/// `flow:`, from the test file; else the file of the same name.
fn flow_of(path: &Path, suite: Option<&Suite>) -> PathBuf {
    if let Some(flow) = suite.and_then(|suite| suite.flow.as_ref()) {
        return path.parent().unwrap_or(Path::new("")).join(&flow.value);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = TEST_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let flow = path.with_file_name(format!("{stem}.yaml"));
    if flow.is_file() { flow } else { path.with_file_name(format!("{stem}.yml")) }
}
