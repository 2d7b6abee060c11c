//! Reading the file of a journal, for the commands that replay or draw it.

use std::io;
use std::path::{Path, PathBuf};

use crate::replay::broken_off;

/// Why a journal's file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// There is no such file.
    #[error("the journal {} does not exist", .0.display())]
    Missing(PathBuf),
    /// It is a folder.
    #[error("{} is a folder, and a journal is a file", .0.display())]
    Folder(PathBuf),
    /// It is not text.
    #[error("{} is not a journal: it is not text", .0.display())]
    NotText(PathBuf),
    /// The system refuses.
    #[error("cannot read the journal {path}: {cause}", path = path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl JournalFileError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } => "look at the file's permissions; only its owner may read a journal",
            _ => WRITTEN_BY,
        }
    }
}

/// Where journals come from.
pub(super) const WRITTEN_BY: &str =
    "a journal is what `callflow --flow FLOW --record FILE` writes, line by line";

/// The text of a journal. What is left of a character that was cut in two at the end is dropped, so that the last
/// line is as broken as one that was cut elsewhere.
///
/// # Errors
/// [`JournalFileError`].
pub(super) fn read(path: &Path) -> Result<String, JournalFileError> {
    let bytes = std::fs::read(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => JournalFileError::Missing(path.to_owned()),
        io::ErrorKind::IsADirectory => JournalFileError::Folder(path.to_owned()),
        _ => JournalFileError::Io { path: path.to_owned(), cause },
    })?;
    String::from_utf8(bytes).or_else(|error| {
        let whole = error.utf8_error();
        let mut bytes = error.into_bytes();
        match whole.error_len() {
            None => {
                bytes.truncate(whole.valid_up_to());
                String::from_utf8(bytes).map_err(|_| JournalFileError::NotText(path.to_owned()))
            }
            Some(_) => Err(JournalFileError::NotText(path.to_owned())),
        }
    })
}

/// The lines of a journal without a last one that was cut off, of which somebody is told.
pub(super) fn whole<'t>(path: &Path, text: &'t str) -> &'t str {
    // What is broken in its only line may be anything.
    let Some(line) = broken_off(text).filter(|line| *line > 1) else { return text };
    anstream::eprintln!(
        "warning: {}: line {line}, the last, is broken off, and was passed over",
        path.display()
    );
    text.rsplit_once('\n').map_or(text, |(whole, _)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_was_cut_in_two_is_an_end_and_a_wrong_byte_is_no_text() {
        let path = std::env::temp_dir().join(format!("callflow-journal-{}", std::process::id()));
        std::fs::write(&path, b"{\"t\":1}\n{\"text\":\"caf\xc3").unwrap();
        assert_eq!(read(&path).unwrap(), "{\"t\":1}\n{\"text\":\"caf");
        std::fs::write(&path, b"\x7fELF\xff\xfe and so on").unwrap();
        assert!(matches!(read(&path), Err(JournalFileError::NotText(_))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(read(&path), Err(JournalFileError::Missing(_))));
        assert!(matches!(read(&std::env::temp_dir()), Err(JournalFileError::Folder(_))));
    }
}
