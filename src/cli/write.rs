//! Writing a file that a command was asked for, and why it cannot be written. Makes no folders.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder that it should stand in is not there.
    #[error("cannot write {file}: there is no folder {folder}", file = file.display(), folder = folder.display())]
    NoFolder {
        /// The file.
        file: PathBuf,
        /// The folder that is missing.
        folder: PathBuf,
    },
    /// A folder has its name.
    #[error("cannot write {}: it is a folder", .0.display())]
    Folder(PathBuf),
    /// The system refuses.
    #[error("cannot write {file}: {cause}", file = file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl WriteError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoFolder { .. } => {
                "make the folder first (`mkdir -p`), or give a path in one that is there"
            }
            Self::Folder(_) => "give the path of a file in it",
            Self::Io { .. } => "look at the permissions of the file and its folder, or give another path",
        }
    }

    fn new(file: &Path, cause: io::Error) -> Self {
        let to = || file.to_owned();
        match (cause.kind(), file.parent()) {
            (io::ErrorKind::NotFound, Some(folder)) if !is_there(folder) => {
                Self::NoFolder { file: to(), folder: folder.to_owned() }
            }
            (io::ErrorKind::IsADirectory, _) => Self::Folder(to()),
            _ => Self::Io { file: to(), cause },
        }
    }
}

/// Writes a file.
///
/// # Errors
/// [`WriteError`].
pub(super) fn write(file: &Path, text: impl AsRef<[u8]>) -> Result<(), WriteError> {
    std::fs::write(file, text).map_err(|cause| WriteError::new(file, cause))
}

/// Whether a file has a place to be written to, for what takes long until then. Writes nothing.
///
/// # Errors
/// [`WriteError`].
pub(super) fn has_place(file: &Path) -> Result<(), WriteError> {
    let missing = file.parent().is_some_and(|folder| !is_there(folder));
    let kind = match (missing, file.is_dir()) {
        (true, _) => io::ErrorKind::NotFound,
        (false, true) => io::ErrorKind::IsADirectory,
        (false, false) => return Ok(()),
    };
    Err(WriteError::new(file, kind.into()))
}

/// The empty path is this folder.
fn is_there(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_that_is_missing_is_named() {
        let there = std::env::temp_dir();
        let file = there.join("callflow-nowhere/below/x.svg");
        for error in [write(&file, "x").unwrap_err(), has_place(&file).unwrap_err()] {
            let said = format!(": there is no folder {}", there.join("callflow-nowhere/below").display());
            assert!(error.to_string().ends_with(&said), "{error}");
            assert!(error.help().contains("mkdir -p"));
        }
        for error in [write(&there, "x").unwrap_err(), has_place(&there).unwrap_err()] {
            assert!(error.to_string().ends_with(": it is a folder"), "{error}");
        }
        assert!(has_place(Path::new("x.svg")).is_ok() && has_place(&there.join("x.svg")).is_ok());
    }
}
