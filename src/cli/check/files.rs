//! Finding and reading flow files.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::flow::MAX_BYTES;
use crate::source::SourceFile;

/// Why a file cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file or folder.
    #[error("{path} does not exist", path = .0.display())]
    Missing(PathBuf),
    /// It is a folder, where one file was wanted.
    #[error("{path} is a folder", path = .0.display())]
    Folder(PathBuf),
    /// It is a link that leads back to itself, over others or at once.
    #[error("{path} is a symbolic link that leads back to itself", path = .0.display())]
    Loop(PathBuf),
    /// It is a link, and what it led to is gone.
    #[error("{path} is a symbolic link to something that does not exist", path = .0.display())]
    Dangling(PathBuf),
    /// It holds tests, where a flow was wanted.
    #[error("{path} is a test file, and not a flow: `callflow test {path}` runs it", path = .0.display())]
    Tests(PathBuf),
    /// A folder with nothing to look at.
    #[error("there are no flows in {path}", path = .0.display())]
    NoFlows(PathBuf),
    /// It is not text.
    #[error("{path} is not UTF-8 text", path = .0.display())]
    NotText(PathBuf),
    /// The system refuses.
    #[error("cannot read {path}: {cause}", path = path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl ReadError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing(_) => "look at the path; flows of the project stand in `flows/`",
            Self::Folder(_) => "give the path of one flow in it, such as flows/cold_transfer.yaml",
            Self::Loop(_) | Self::Dangling(_) => {
                "`ls -l` shows where the link leads; give the path of the file itself"
            }
            Self::Tests(_) => "for the flow that it tests, give the path of the flow",
            Self::NoFlows(_) => "a flow is a .yaml file that begins with `callflow: 1`",
            Self::NotText(_) => "save the file as UTF-8",
            Self::Io { .. } => "look at the file's permissions",
        }
    }

    /// What the system said about a path.
    pub(in crate::cli) fn new(path: &Path, cause: io::Error) -> Self {
        match cause.kind() {
            // The kind for it cannot be named yet.
            _ if cause.raw_os_error() == Some(libc::ELOOP) => Self::Loop(path.to_owned()),
            io::ErrorKind::NotFound if path.is_symlink() => Self::Dangling(path.to_owned()),
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            io::ErrorKind::IsADirectory => Self::Folder(path.to_owned()),
            io::ErrorKind::InvalidData => Self::NotText(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), cause },
        }
    }
}

/// What a path leads to, in a fixed order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The flows.
    pub flows: Vec<PathBuf>,
    /// YAML files of a folder that are not flows.
    pub skipped: Vec<PathBuf>,
}

impl Found {
    /// Leaves out what is among `seen` already, and adds the rest to it: a file that was named twice is one file.
    pub fn retain_new(&mut self, seen: &mut BTreeSet<PathBuf>) {
        let mut is_new = |path: &PathBuf| seen.insert(place(path));
        self.flows.retain(&mut is_new);
        self.skipped.retain(&mut is_new);
    }
}

/// One path for one name in one folder, however it is written. A link to a flow is another one: what it takes in and its
/// lock stand beside the link.
#[must_use]
pub fn place(path: &Path) -> PathBuf {
    let Some((folder, name)) = path.parent().zip(path.file_name()) else { return same(path) };
    same(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).join(name)
}

/// One path for one file, however it is written.
#[must_use]
pub fn same(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The endings of test files.
pub const TEST_ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// Whether a file holds tests, by its name.
#[must_use]
pub fn is_test(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    TEST_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Reads a flow file. What is larger than any flow is not read to its end; the checker refuses it.
///
/// # Errors
/// [`ReadError`].
pub fn read(path: &Path) -> Result<SourceFile, ReadError> {
    not_a_test(path)?;
    read_text(path)
}

fn not_a_test(path: &Path) -> Result<(), ReadError> {
    if is_test(path) && path.is_file() { Err(ReadError::Tests(path.to_owned())) } else { Ok(()) }
}

/// Reads a file that may be none of a flow, as far as one of a flow would be read.
///
/// # Errors
/// [`ReadError`].
pub fn read_text(path: &Path) -> Result<SourceFile, ReadError> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX) + 1;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|cause| ReadError::new(path, cause))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|cause| ReadError::new(path, cause))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // The limit may have cut a character in two.
        Err(error) if error.as_bytes().len() > MAX_BYTES => {
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
        Err(_) => return Err(ReadError::NotText(path.to_owned())),
    };
    Ok(SourceFile::new(path, text))
}

/// The flows at a path: the file itself, or all flows in a folder and the folders in it. Tests
/// (`*.test.yaml`), hidden folders and links to folders are left out.
///
/// # Errors
/// [`ReadError`].
pub fn find(path: &Path) -> Result<Found, ReadError> {
    let metadata = std::fs::metadata(path).map_err(|cause| ReadError::new(path, cause))?;
    let mut found = Found::default();
    if metadata.is_dir() {
        search(path, &mut found)?;
    } else {
        not_a_test(path)?;
        found.flows.push(path.to_owned());
    }
    Ok(found)
}

fn search(folder: &Path, found: &mut Found) -> Result<(), ReadError> {
    let entries = std::fs::read_dir(folder).map_err(|cause| ReadError::new(folder, cause))?;
    let entries: Result<Vec<_>, _> = entries.collect();
    let mut entries = entries.map_err(|cause| ReadError::new(folder, cause))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(|cause| ReadError::new(&path, cause))?;
        if name.starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            search(&path, found)?;
        } else if is_yaml(&name) && (path.is_file() || path.metadata().is_err()) {
            // What cannot be read is passed on, so that the reason is reported.
            let is_flow = read(&path).map_or(true, |source| is_flow(source.text()));
            if is_flow { found.flows.push(path) } else { found.skipped.push(path) }
        }
    }
    Ok(())
}

fn is_yaml(name: &str) -> bool {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
    stem.is_some_and(|stem| !stem.ends_with(".test"))
}

/// Whether a text has the one key that every flow has, as YAML or as JSON; or the two that only a flow has, so that
/// one without its version is a finding and not passed over.
fn is_flow(text: &str) -> bool {
    // Some editors begin a file with a mark of its encoding.
    let text = text.trim_start_matches('\u{feff}');
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("callflow:") || text.contains("\"callflow\"") || (has("start:") && has("states:"))
}
