//! The journal: one JSON line for each step of the machine, with everything needed to replay it.
//!
//! It holds what was said and which keys were pressed, so nobody but its owner may read the file. A write
//! that fails is logged once and stops the journal, never the call.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::machine::{CallInfo, Effect, Input, Millis};
use crate::pii::PhoneNumber;
use crate::plan::{FlowHash, Plan};

/// A file that several calls may write to, line by line. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    file: Arc<Mutex<Option<BufWriter<File>>>>,
}

/// The journal's file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {path}: {source}; choose another file with --record")]
pub struct JournalError {
    path: String,
    source: io::Error,
}

/// The version of what is written.
const VERSION: u32 = 1;

/// How a call begins, as it stands in the file: what the numbers in its steps stand for.
#[derive(Serialize)]
pub(super) struct Begin<'a> {
    journal: u32,
    call: &'a str,
    flow: &'a str,
    flow_hash: &'a FlowHash,
    /// Seconds since 1970; opening hours are judged by it.
    started_at: i64,
    /// The numbers' last digits only.
    from: Option<&'a PhoneNumber>,
    to: Option<&'a PhoneNumber>,
    states: Vec<&'a str>,
    intents: Vec<&'a str>,
    targets: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<&'a str>,
}

impl<'a> Begin<'a> {
    pub(super) fn of(plan: &'a Plan, info: &'a CallInfo) -> Self {
        Self {
            journal: VERSION,
            call: &info.id,
            flow: &plan.name,
            flow_hash: &plan.hash,
            started_at: info.started_at,
            from: info.from.as_ref(),
            to: info.to.as_ref(),
            states: plan.states.iter().map(|state| &*state.name).collect(),
            intents: plan.intents.iter().map(|intent| &*intent.name).collect(),
            targets: plan.targets.iter().map(|target| &*target.name).collect(),
            tools: plan.tools.iter().map(|tool| &*tool.name).collect(),
        }
    }
}

/// One step, as it stands in the file.
#[derive(Serialize)]
pub(super) struct Step<'a> {
    /// Milliseconds since the call began.
    pub t: Millis,
    /// Our id of the call.
    pub call: &'a str,
    /// Name of the state in which the input came.
    pub state: &'a str,
    /// What happened.
    pub input: &'a Input,
    /// What the machine asked for.
    pub effects: &'a [Effect],
    /// The flow's hash.
    pub flow_hash: &'a FlowHash,
}

impl Journal {
    /// Opens a new journal, replacing an old one of the same name. Only its owner may read it, also if the old
    /// one could be read by others.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file =
            private(path).map_err(|source| JournalError { path: path.display().to_string(), source })?;
        Ok(Self { file: Arc::new(Mutex::new(Some(BufWriter::new(file)))) })
    }

    pub(super) fn write(&self, line: &impl Serialize) {
        let Ok(mut slot) = self.file.lock() else { return };
        let Some(file) = slot.as_mut() else { return };
        let written = serde_json::to_writer(&mut *file, line)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            // A line is flushed at once: a journal matters most when the process dies.
            .and_then(|()| file.flush());
        if let Err(error) = written {
            tracing::error!(%error, "the journal cannot be written and stops here");
            *slot = None;
        }
    }
}

/// A file that only its owner can read. A pipe or a terminal stays as it is.
fn private(path: &Path) -> io::Result<File> {
    const OWNER_ONLY: u32 = 0o600;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ONLY).open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("callflow-{}-{name}.jsonl", std::process::id()))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nobody_but_the_owner_may_read_a_journal_new_or_old() {
        let path = scratch("private");
        drop(Journal::create(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
        fs::write(&path, "an old journal").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        drop(Journal::create(&path).unwrap());
        assert_eq!((mode(&path), fs::read(&path).unwrap().len()), (0o600, 0));
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_pipe_is_written_to_as_it_is_and_a_folder_is_an_error_with_its_name() {
        let before = mode(Path::new("/dev/null"));
        Journal::create(Path::new("/dev/null")).unwrap();
        assert_eq!(mode(Path::new("/dev/null")), before);
        let error = Journal::create(Path::new("/no/such/folder/j.jsonl")).err().unwrap();
        assert!(error.to_string().contains("/no/such/folder/j.jsonl"), "{error}");
    }
}
