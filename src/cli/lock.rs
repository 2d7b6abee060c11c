//! `callflow lock`: writes which version of a flow is the released one, beside the flow.
//!
//! The version is the flow's hash, the same that stands in every record and journal: with the lock in the
//! repository, the history says which flow a call ran. `callflow check` says when a flow was edited and its lock
//! was not written again (F074). A flow without a lock is as good as ever.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::ExitStatus;
use super::check::{ReadError, find, read};
use super::write::write;
use crate::check::{Checked, EnvMode, check};
use crate::diagnostic::{Diagnostic, Rule, Style, render_human};
use crate::flow::Document;
use crate::plan::FlowHash;
use crate::source::Span;

/// No lock is longer.
const MOST_BYTES: u64 = 4096;

/// Arguments of `callflow lock`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
FLOW.lock is written beside FLOW.yaml; commit both together. `callflow check` then warns (F074) when they differ.

Exit status: 0 written, 1 a flow has errors (its lock is left alone), 2 anything else.")]
pub struct LockArgs {
    /// Flow files, and folders to be searched for them.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
}

/// Writes the locks: [`ExitStatus::Success`], [`ExitStatus::Findings`] if a flow has errors, else
/// [`ExitStatus::Error`].
#[must_use]
pub fn run(args: &LockArgs) -> ExitStatus {
    match lock_all(args, &mut anstream::stdout(), &mut anstream::stderr()) {
        Ok(status) => status,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitStatus::Error
        }
    }
}

fn lock_all(args: &LockArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    let (mut unusable, mut wrong, mut seen) = (false, false, BTreeSet::new());
    for path in &args.paths {
        let found = find(path).and_then(|found| match found.flows.is_empty() {
            true => Err(ReadError::NoFlows(path.clone())),
            false => Ok(found),
        });
        let mut found = match found {
            Ok(found) => found,
            Err(error) => {
                unusable = true;
                writeln!(err, "error: {error}\nhelp: {}", error.help())?;
                continue;
            }
        };
        found.retain_new(&mut seen);
        for flow in found.flows {
            match read(&flow) {
                Ok(source) => {
                    let Checked { source, flow: checked, diagnostics } = check(&source, EnvMode::Unknown);
                    let Some(checked) = checked else {
                        wrong = true;
                        err.write_all(render_human(&source, &diagnostics, Style::Colour).as_bytes())?;
                        writeln!(err, "error: a flow with errors is not locked")?;
                        continue;
                    };
                    let lock = beside(&flow);
                    let hash = hash_of(checked.document());
                    match write(&lock, written(&flow, &hash)) {
                        Ok(()) => writeln!(out, "{}: {hash}", lock.display())?,
                        Err(error) => {
                            unusable = true;
                            writeln!(err, "error: {error}\nhelp: {}", error.help())?;
                        }
                    }
                }
                Err(error) => {
                    unusable = true;
                    writeln!(err, "error: {error}\nhelp: {}", error.help())?;
                }
            }
        }
    }
    Ok(match (unusable, wrong) {
        (true, _) => ExitStatus::Error,
        (false, true) => ExitStatus::Findings,
        (false, false) => ExitStatus::Success,
    })
}

/// Where the lock of a flow is.
fn beside(flow: &Path) -> PathBuf {
    flow.with_extension("lock")
}

/// The version that records and journals name: that of the text with everything that it takes in.
fn hash_of(document: &Document) -> FlowHash {
    FlowHash::of(document.source.text())
}

fn written(flow: &Path, hash: &FlowHash) -> String {
    let name = flow.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "# Which version of {name} is released: `callflow lock {name}` writes it, `callflow check` compares.\n\
         hash: {hash}\n"
    )
}

/// F074: what is wrong with the lock of a flow without errors, if it has one.
#[must_use]
pub fn finding(flow: &Path, document: &Document) -> Option<Diagnostic> {
    let mut file = match std::fs::File::open(beside(flow)) {
        Ok(file) => file.take(MOST_BYTES),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(stale(document, format!("the flow's lock cannot be read: {error}"))),
    };
    let mut text = String::new();
    if let Err(error) = file.read_to_string(&mut text) {
        return Some(stale(document, format!("the flow's lock cannot be read: {error}")));
    }
    let hash = hash_of(document).to_string();
    match text.lines().find_map(|line| line.strip_prefix("hash:")).map(str::trim) {
        Some(locked) if locked == hash => None,
        Some(locked) if locked.len() == hash.len() && locked.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Some(stale(
                document,
                format!(
                    "the flow has changed since it was locked: it is version {hash}, and locked is {locked}"
                ),
            ))
        }
        _ => Some(stale(document, "the flow's lock names no version".to_owned())),
    }
}

fn stale(document: &Document, message: String) -> Diagnostic {
    let warning = Diagnostic::warning(Rule::Locked, place(document), message);
    warning.help("look at what changed, write the version with `callflow lock`, and commit both")
}

/// The name of the flow; without one, its first line that is no comment.
fn place(document: &Document) -> Span {
    if let Some(name) = &document.name {
        return name.span;
    }
    let mut at = 0;
    for line in document.source.text().split_inclusive('\n') {
        let trimmed = line.trim_end();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            return Span::new(at, at + trimmed.len());
        }
        at += line.len();
    }
    Span::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = "# Ours.\ncallflow: 1\nstart: bye\nstates:\n  bye: {end: Goodbye.}\n";

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("callflow-lock-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&root);
            std::fs::create_dir_all(&root).unwrap();
            Self(root)
        }

        fn lock(&self, name: &str) -> (ExitStatus, String, String) {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let args = LockArgs { paths: vec![self.0.join(name)] };
            let status = lock_all(&args, &mut out, &mut err).unwrap();
            let shown =
                |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", self.0.display()), "");
            (status, shown(out), shown(err))
        }

        fn finding(&self, text: &str) -> Option<String> {
            let path = self.0.join("a.yaml");
            std::fs::write(&path, text).unwrap();
            let checked = check(&read(&path).unwrap(), EnvMode::Unknown);
            let found = finding(&path, checked.flow.unwrap().document())?;
            let shown = render_human(&checked.source, &[found], Style::Plain);
            Some(shown.replace(&format!("{}/", self.0.display()), ""))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_flow_without_a_lock_is_as_good_as_one_whose_lock_is_right() {
        let folder = Folder::new("right");
        assert_eq!(folder.finding(FLOW), None);
        let hash = FlowHash::of(FLOW);
        assert_eq!(folder.lock("a.yaml"), (ExitStatus::Success, format!("a.lock: {hash}\n"), String::new()));
        assert_eq!(folder.finding(FLOW), None);
    }

    #[test]
    fn an_edited_flow_is_said_to_differ_from_its_lock_until_it_is_locked_again() {
        let folder = Folder::new("edited");
        assert_eq!(folder.finding(FLOW), None);
        let _ = folder.lock("a.yaml");
        let edited = FLOW.replace("Goodbye", "Bye");
        let shown = folder.finding(&edited).unwrap();
        insta::assert_snapshot!("an_edited_flow", shown);
        let _ = folder.lock("a.yaml");
        assert_eq!(folder.finding(&edited), None);
    }

    #[test]
    fn what_a_flow_takes_in_is_part_of_its_version() {
        let folder = Folder::new("taken-in");
        let flow =
            "callflow: 1\nname: shop\nstart: a\nuse: [more.yaml]\nstates:\n  a: {say: Hello., next: bye}\n";
        let more = |text: &str| std::fs::write(folder.0.join("more.yaml"), text).unwrap();
        more("states:\n  bye: {end: Goodbye.}\n");
        assert_eq!(folder.finding(flow), None);
        let _ = folder.lock("a.yaml");
        assert_eq!(folder.finding(flow), None);
        more("states:\n  bye: {end: Bye.}\n");
        assert!(folder.finding(flow).unwrap().contains("a.yaml:2:7"));
    }

    #[test]
    fn a_lock_that_says_nothing_and_a_flow_with_errors_are_reported() {
        let folder = Folder::new("garbled");
        std::fs::write(folder.0.join("a.lock"), [0xff, 0xfe]).unwrap();
        assert!(folder.finding(FLOW).unwrap().contains("cannot be read"));
        std::fs::write(folder.0.join("a.lock"), "hash: <<<<<<<").unwrap();
        assert!(folder.finding(FLOW).unwrap().contains("names no version"));
        std::fs::write(folder.0.join("a.yaml"), FLOW.replace("start: bye", "start: by")).unwrap();
        let (status, _, err) = folder.lock("a.yaml");
        assert_eq!(status, ExitStatus::Findings);
        assert!(err.contains("F014"), "{err}");
        assert_eq!(std::fs::read_to_string(folder.0.join("a.lock")).unwrap(), "hash: <<<<<<<");
        assert_eq!(folder.lock("nowhere").0, ExitStatus::Error);
    }
}
