//! A journal as it stands in its file: one line where a call begins, one for each of its steps.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::names::Names;
use crate::machine::Millis;

/// One recorded call.
#[derive(Debug)]
pub struct Recording {
    /// How it began.
    pub begin: Begin,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// The line with which a call begins.
#[derive(Debug, Clone, Deserialize)]
pub struct Begin {
    /// Version of the journal.
    journal: u32,
    /// Our id of the call.
    pub call: String,
    /// Name of its flow.
    pub flow: String,
    /// Hash of the flow's text.
    pub flow_hash: String,
    /// When it began, in seconds since 1970.
    pub started_at: i64,
    /// What the numbers in its steps stand for.
    #[serde(flatten)]
    pub names: Names,
}

/// One step of a call.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// Its line in the file, counted from 1.
    #[serde(skip)]
    pub line: usize,
    /// Since the call began.
    pub t: Millis,
    /// Which call.
    pub call: String,
    /// Name of the state in which the input came.
    pub state: String,
    /// What happened.
    pub input: Value,
    /// What was to be done.
    pub effects: Vec<Value>,
}

/// Why a file is not a journal that can be replayed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JournalError {
    /// A line is not one of a journal.
    #[error("line {0} is not a line of a journal (written by --record)")]
    NotAJournal(usize),
    /// It was written by a later callflow.
    #[error(
        "it is a journal of version {0}, and this callflow reads version {VERSION}: use the newer callflow"
    )]
    Version(u32),
    /// A step of a call whose beginning is missing.
    #[error("line {0} is a step of a call whose beginning is not in the file")]
    NoBeginning(usize),
    /// There is nothing in it.
    #[error("there is no call in it")]
    Empty,
}

/// The version that is read, and written by the session.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Begin(Begin),
    Step(Step),
}

/// Reads all calls of a journal, in the order in which they began. A last line that was cut off, as when the
/// machine lost power, is passed over; [`broken_off`] tells of it.
///
/// # Errors
/// See [`JournalError`].
pub fn read(journal: &str) -> Result<Vec<Recording>, JournalError> {
    let mut calls: Vec<Recording> = Vec::new();
    // A server's journal has many calls at a time. An id that comes again belongs to the later call.
    let mut latest: HashMap<String, usize> = HashMap::new();
    for (index, text) in journal.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line = index + 1;
        match serde_json::from_str(text) {
            Ok(Line::Begin(begin)) if begin.journal > VERSION => {
                return Err(JournalError::Version(begin.journal));
            }
            Ok(Line::Begin(begin)) => {
                latest.insert(begin.call.clone(), calls.len());
                calls.push(Recording { begin, steps: Vec::new() });
            }
            Ok(Line::Step(step)) => {
                let call = latest.get(&step.call).and_then(|index| calls.get_mut(*index));
                call.ok_or(JournalError::NoBeginning(line))?.steps.push(Step { line, ..step });
            }
            Err(_) if line > 1 && broken_off(journal) == Some(line) => break,
            Err(_) => return Err(JournalError::NotAJournal(line)),
        }
    }
    if calls.is_empty() { Err(JournalError::Empty) } else { Ok(calls) }
}

/// The number of the last line, if it was cut off: it has no end, and is not a line of a journal.
#[must_use]
pub fn broken_off(journal: &str) -> Option<usize> {
    let last = journal.lines().last().filter(|_| !journal.ends_with('\n'))?;
    let whole = serde_json::from_str::<Line>(last).is_ok();
    (!whole && !last.trim().is_empty()).then(|| journal.lines().count())
}
