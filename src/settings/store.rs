//! Writes one variable into an `.env` file, which nobody but its owner can read afterwards.
//!
//! Everything else in the file stays as it is, comments and order included. The new file takes the old one's
//! place at once, so that a reader never sees half of it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::env;

/// Read and written by the owner, and by nobody else.
const OWNER_ONLY: u32 = 0o600;

/// What writing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The file is new.
    Created,
    /// The variable was added to the file, or its empty line was filled in.
    Added,
    /// The variable had another value.
    Replaced,
    /// It was there already.
    Unchanged,
}

/// Why a variable was not written. Its value is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("cannot write {path}: {cause}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file would not be read as it was meant.
    #[error("{path} has a line that is not `NAME=value`; mend it, and write {name} into it by hand", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The variable.
        name: String,
    },
}

/// Sets a variable in an `.env` file, which is created if it is not there.
///
/// # Errors
/// See [`StoreError`]; the file is then as it was.
pub fn store(path: &Path, name: &str, value: &str) -> Result<Stored, StoreError> {
    let failed = |cause| StoreError::Io { path: path.to_owned(), cause };
    // A link stays one: what it points at is written.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (old, is_new) = match fs::read_to_string(&target) {
        Ok(text) => (text, false),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => (String::new(), true),
        Err(cause) => return Err(failed(cause)),
    };
    let not_as_meant = || StoreError::Syntax { path: path.to_owned(), name: name.to_owned() };
    let before = env::parse(&old).map_err(|_| not_as_meant())?;
    let new = with(&old, name, value);
    let after = env::parse(&new).map_err(|_| not_as_meant())?;
    if after.get(name) != Some(value) {
        return Err(not_as_meant());
    }
    replace(&target, &new).map_err(failed)?;
    Ok(match before.get(name) {
        _ if is_new => Stored::Created,
        Some(same) if same == value => Stored::Unchanged,
        None | Some("") => Stored::Added,
        Some(_) => Stored::Replaced,
    })
}

/// Whether others than the owner can read the file. `false` if there is none.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

/// Lets only the owner read and write the file.
///
/// # Errors
/// [`StoreError::Io`].
pub fn close_to_others(path: &Path) -> Result<(), StoreError> {
    fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))
        .map_err(|cause| StoreError::Io { path: path.to_owned(), cause })
}

/// The text with the variable set: in its first line, which is the one that counts, else at the end.
fn with(old: &str, name: &str, value: &str) -> String {
    let line = format!("{name}={value}");
    let mut lines: Vec<&str> = old.split('\n').collect();
    lines.pop_if(|last| last.is_empty());
    match lines.iter().position(|line| sets(line, name)) {
        Some(index) => lines[index] = &line,
        None => lines.push(&line),
    }
    lines.join("\n") + "\n"
}

fn sets(line: &str, name: &str) -> bool {
    let line = line.trim_start().trim_start_matches('\u{feff}');
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn replace(target: &Path, text: &str) -> io::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = folder.unwrap_or(Path::new(".")).join(format!(".env-{}", Uuid::new_v4().simple()));
    let written = write_new(&beside, text).and_then(|()| fs::rename(&beside, target));
    if written.is_err() {
        // What cannot be written can often not be deleted either; the cause is told.
        let _leftover = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "9jyatvPWQfBymCGDOYPYKF/TRZXR+08Gj4bvPF78pH0=";

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("callflow-store-{}", Uuid::new_v4()));
            fs::create_dir(&folder).unwrap();
            Self(folder)
        }

        fn file(&self) -> PathBuf {
            self.0.join(".env")
        }

        fn mode(&self) -> u32 {
            fs::metadata(self.file()).unwrap().permissions().mode() & 0o777
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_new_file_belongs_to_its_owner_alone() {
        let folder = Folder::new();
        assert_eq!(store(&folder.file(), "A", SECRET).unwrap(), Stored::Created);
        assert_eq!(folder.mode(), 0o600);
        assert_eq!(env::load_dotenv(&folder.file()).unwrap().unwrap().get("A"), Some(SECRET));
        assert_eq!(store(&folder.file(), "A", SECRET).unwrap(), Stored::Unchanged);
        assert_eq!(store(&folder.file(), "A", "b").unwrap(), Stored::Replaced);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn the_rest_of_the_file_stays_and_others_can_no_longer_read_it() {
        let folder = Folder::new();
        let old = "# keys\nKEY='a b' # mine\nexport SECRET =\n\nSECRETS=x\nSECRET=late\n";
        fs::write(folder.file(), old).unwrap();
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(is_open_to_others(&folder.file()));
        assert_eq!(store(&folder.file(), "SECRET", SECRET).unwrap(), Stored::Added);
        let new = fs::read_to_string(folder.file()).unwrap();
        assert_eq!(new, old.replace("export SECRET =", &format!("SECRET={SECRET}")));
        assert!(!is_open_to_others(&folder.file()));
        store(&folder.file(), "OTHER", "1").unwrap();
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), new + "OTHER=1\n");
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = Folder::new();
        let real = folder.0.join("settings");
        fs::write(&real, "A=1").unwrap();
        std::os::unix::fs::symlink(&real, folder.file()).unwrap();
        store(&folder.file(), "B", "2").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "A=1\nB=2\n");
        assert!(fs::symlink_metadata(folder.file()).unwrap().is_symlink());
    }

    #[test]
    fn what_would_not_be_read_back_is_not_written() {
        let folder = Folder::new();
        for (old, value) in [("A='open\n", "b"), ("", "two words"), ("", "$HOME")] {
            fs::write(folder.file(), old).unwrap();
            let error = store(&folder.file(), "SECRET", value).unwrap_err();
            assert!(matches!(error, StoreError::Syntax { .. }), "{value}");
            assert!(!error.to_string().contains(value) || value == "b", "{error}");
            assert_eq!(fs::read_to_string(folder.file()).unwrap(), old, "the file is as it was");
        }
        let nowhere = folder.0.join("no").join(".env");
        assert!(matches!(store(&nowhere, "A", "b"), Err(StoreError::Io { .. })));
    }

    #[test]
    fn a_file_can_be_closed_to_others() {
        let folder = Folder::new();
        assert!(!is_open_to_others(&folder.file()), "there is none");
        fs::write(folder.file(), "A=1").unwrap();
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o640)).unwrap();
        close_to_others(&folder.file()).unwrap();
        assert_eq!(folder.mode(), 0o600);
    }
}
