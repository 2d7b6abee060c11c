//! The journal: one JSON line for each step of the machine, with everything needed to replay it.
//!
//! A write that fails is logged once and stops the journal, never the call.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::machine::{Effect, Input, Millis};
use crate::plan::FlowHash;

/// A file that several calls may write to, line by line. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    file: Arc<Mutex<Option<BufWriter<File>>>>,
}

/// The journal's file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {path}: {source}")]
pub struct JournalError {
    path: String,
    source: std::io::Error,
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
    /// Opens a new journal, replacing an old one of the same name.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file =
            File::create(path).map_err(|source| JournalError { path: path.display().to_string(), source })?;
        Ok(Self { file: Arc::new(Mutex::new(Some(BufWriter::new(file)))) })
    }

    pub(super) fn write(&self, step: &Step<'_>) {
        let Ok(mut slot) = self.file.lock() else { return };
        let Some(file) = slot.as_mut() else { return };
        let written = serde_json::to_writer(&mut *file, step)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            // A line is flushed at once: a journal matters most when the process dies.
            .and_then(|()| file.flush());
        if let Err(error) = written {
            tracing::error!(%error, "the journal cannot be written and stops here");
            *slot = None;
        }
    }
}
