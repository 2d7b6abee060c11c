//! What `check` has explored before and found nothing in: a flow that has not changed is not explored again.
//!
//! Remembered are fingerprints only, of everything that an exploration depends on: the program itself, the flow with the
//! files that it takes in, and its recordings. Flows with the values of their environment are not for here: such a value
//! may be a telephone number, and its fingerprint gives it away to whoever tries all numbers. What is wrong with a flow is
//! never remembered, so findings are always fresh; and a file that cannot be read or written costs time and nothing else.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use twox_hash::XxHash3_128;

use crate::check::CheckedFlow;

/// The name of the file: a fingerprint a line, the newest last.
const NAME: &str = "explored";
/// With more than this, all but the newer half of as many are forgotten.
const MOST: usize = 10_000;
/// The length of a line, in bytes.
const LINE: u64 = 33;
/// More than the last so many bytes of a file are not read.
const LARGEST: u64 = 1 << 20;

/// What an exploration depends on, in 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Fingerprint(u128);

/// The flows that were explored before, and those that have been since.
#[derive(Debug, Default)]
pub(super) struct Explored {
    folder: Option<PathBuf>,
    before: HashSet<Fingerprint>,
    now: Mutex<Vec<Fingerprint>>,
    /// This program's own fingerprint, if it is known.
    program: OnceLock<Option<u128>>,
}

impl Explored {
    /// What is remembered in a folder. Without one nothing is, and nothing will be.
    pub(super) fn within(folder: Option<PathBuf>) -> Self {
        let read = folder.as_ref().and_then(|folder| read(&folder.join(NAME)).ok());
        let before = read.into_iter().flatten().collect();
        Self { folder, before, ..Self::default() }
    }

    /// The fingerprint of a flow; `None` where nothing is remembered.
    pub(super) fn fingerprint(&self, flow: &CheckedFlow) -> Option<Fingerprint> {
        self.folder.as_ref()?;
        let program = (*self.program.get_or_init(|| of_program().ok()))?;
        Some(Fingerprint(of_flow(flow, program)))
    }

    /// Whether a flow was explored to its end, and nothing was found.
    pub(super) fn has(&self, flow: Fingerprint) -> bool {
        self.before.contains(&flow)
    }

    /// Notes that it has been now.
    pub(super) fn note(&self, flow: Fingerprint) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).push(flow);
    }

    /// Keeps what was noted for the next time.
    ///
    /// # Errors
    /// If the folder or the file cannot be made or written.
    pub(super) fn keep(self) -> io::Result<()> {
        let now = self.now.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = self.folder.filter(|_| !now.is_empty()) else { return Ok(()) };
        fs::create_dir_all(&folder)?;
        let path = folder.join(NAME);
        let lines: String = now.iter().map(|Fingerprint(bits)| format!("{bits:032x}\n")).collect();
        if path.exists() {
            length(&path)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        // One write: another check may be at the same.
        file.write_all(lines.as_bytes())?;
        if file.metadata()?.len() > MOST as u64 * LINE { forget_half(&folder) } else { Ok(()) }
    }
}

/// How long a file is, in bytes. An error if it is something else: to open a pipe is to wait for whoever is at its other
/// end.
fn length(path: &Path) -> io::Result<u64> {
    let known = fs::metadata(path)?;
    if known.is_file() { Ok(known.len()) } else { Err(io::Error::other("it is no file")) }
}

/// The newest fingerprints in a file. What is none, such as half a line, is passed over.
fn read(path: &Path) -> io::Result<Vec<Fingerprint>> {
    let length = length(path)?;
    let (mut bytes, mut file) = (Vec::new(), File::open(path)?);
    file.seek(SeekFrom::Start(length.saturating_sub(LARGEST)))?;
    file.take(LARGEST).read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.len() == 32);
    let bits = lines.filter_map(|line| u128::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok());
    Ok(bits.map(Fingerprint).collect())
}

/// Nobody sees a file that is half written: the new one takes the place of the old one at once.
fn forget_half(folder: &Path) -> io::Result<()> {
    let path = folder.join(NAME);
    let known = read(&path)?;
    let newer = known.get(known.len().saturating_sub(MOST / 2)..).unwrap_or_default();
    let lines: String = newer.iter().map(|Fingerprint(bits)| format!("{bits:032x}\n")).collect();
    let passing = folder.join(format!("{NAME}.{}", std::process::id()));
    fs::write(&passing, lines)?;
    fs::rename(&passing, &path).inspect_err(|_| _ = fs::remove_file(&passing))
}

/// The program as it is on disk: a change of the machine or of the explorer is a change of that.
fn of_program() -> io::Result<u128> {
    let file = File::open(std::env::current_exe()?)?;
    let (mut parts, mut piece) = (Vec::new(), Vec::new());
    loop {
        piece.clear();
        (&file).take(1 << 20).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(XxHash3_128::oneshot(&parts));
        }
        parts.extend(XxHash3_128::oneshot(&piece).to_le_bytes());
    }
}

/// Every part with its length before it, so that no two flows have the same parts in all.
fn of_flow(flow: &CheckedFlow, program: u128) -> u128 {
    let mut parts = program.to_le_bytes().to_vec();
    let mut add = |bytes: &[u8]| {
        parts.extend(bytes.len().to_le_bytes());
        parts.extend(XxHash3_128::oneshot(bytes).to_le_bytes());
    };
    for (_, text) in flow.document().source.files() {
        add(text.as_bytes());
    }
    for (name, samples) in flow.recordings() {
        add(name.as_bytes());
        add(&samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>());
    }
    XxHash3_128::oneshot(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{EnvMode, check};
    use crate::source::SourceFile;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("callflow-explored-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&root);
            Self(root)
        }

        fn explored(&self) -> Explored {
            Explored::within(Some(self.0.clone()))
        }

        fn lines(&self) -> usize {
            fs::read_to_string(self.0.join(NAME)).unwrap().lines().count()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn flow(text: &str) -> CheckedFlow {
        let text = format!("callflow: 1\nstart: bye\nstates:\n  bye: {{end: \"{text}\"}}\n");
        check(&SourceFile::new("f.yaml", text), EnvMode::Unknown).flow.unwrap()
    }

    #[test]
    fn what_was_noted_is_known_the_next_time_and_only_that() {
        let folder = Folder::new("kept");
        let explored = folder.explored();
        let bye = explored.fingerprint(&flow("Goodbye.")).unwrap();
        assert!(!explored.has(bye));
        explored.note(bye);
        explored.keep().unwrap();

        let explored = folder.explored();
        assert!(explored.has(bye));
        assert_eq!(explored.fingerprint(&flow("Goodbye.")), Some(bye));
        assert!(!explored.has(explored.fingerprint(&flow("Good day.")).unwrap()));
        explored.keep().unwrap();
        assert_eq!(folder.lines(), 1, "nothing new, nothing written");
    }

    #[test]
    fn without_a_folder_nothing_is_looked_at() {
        assert_eq!(Explored::within(None).fingerprint(&flow("Goodbye.")), None);
    }

    #[test]
    fn a_spoilt_file_is_passed_over_and_a_full_one_forgets_its_older_half() {
        let folder = Folder::new("full");
        fs::create_dir_all(&folder.0).unwrap();
        let mut text: String = (0..MOST).map(|n| format!("{n:032x}\n")).collect();
        text.push_str("not a fingerprint\nffff\n");
        let mut bytes = text.into_bytes();
        bytes.extend(b"\xff\xfe\n");
        fs::write(folder.0.join(NAME), bytes).unwrap();
        let explored = folder.explored();
        assert!(explored.has(Fingerprint(0)) && !explored.has(Fingerprint(0xffff)));
        explored.note(Fingerprint(u128::MAX));
        explored.keep().unwrap();

        let explored = folder.explored();
        assert!(explored.has(Fingerprint(u128::MAX)) && !explored.has(Fingerprint(0)));
        assert_eq!(folder.lines(), MOST / 2);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "no file in passing is left");
    }

    #[test]
    fn of_a_file_that_is_far_too_long_the_newest_are_known_and_kept() {
        let folder = Folder::new("long");
        fs::create_dir_all(&folder.0).unwrap();
        let line = |n: u128| format!("{n:032x}\n");
        let text: String = (0..40_000).map(line).collect();
        fs::write(folder.0.join(NAME), text).unwrap();
        let explored = folder.explored();
        assert!(explored.has(Fingerprint(39_999)) && !explored.has(Fingerprint(0)));
        explored.note(Fingerprint(u128::MAX));
        explored.keep().unwrap();
        assert_eq!(folder.lines(), MOST / 2);
        let explored = folder.explored();
        assert!(explored.has(Fingerprint(u128::MAX)) && explored.has(Fingerprint(39_999)));
    }

    #[test]
    fn what_is_no_file_is_neither_read_nor_written() {
        let folder = Folder::new("pipe");
        fs::create_dir_all(&folder.0).unwrap();
        let pipe = folder.0.join(NAME);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let explored = folder.explored();
        explored.note(Fingerprint(1));
        assert!(explored.keep().is_err());
        fs::remove_file(&pipe).unwrap();
        fs::create_dir(&pipe).unwrap();
        let explored = folder.explored();
        explored.note(Fingerprint(1));
        assert!(explored.keep().is_err());
    }
}
