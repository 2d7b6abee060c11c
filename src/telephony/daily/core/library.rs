//! Finding out whether a file is a library we can use, loading it once, and saying plainly why not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::stub::{self, Machine};
use super::{abi, client, wheel};

/// The function whose presence tells daily-python 0.34.0 or newer. In every older one that was tried, the id
/// of a microphone's track is memory freed already, and nobody would hear us.
const NEWER: &str = "daily_core_string_free";
/// A function that every version has.
const ANY: &str = "daily_core_call_client_create";

/// Why Daily's media library cannot be used. Every message names what mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// There is no such file.
    #[error("Daily's media library is not at {}; `callflow daily fetch` installs it", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is older than daily-python 0.34.0.
    #[error(
        "Daily's media library at {} is older than daily-python 0.34.0, in which nobody would hear the bot; \
         `callflow daily fetch` installs a newer one", path.display()
    )]
    TooOld {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else, damaged, for another processor, or lacks a function.
    #[error(
        "{} is not Daily's media library for this machine: {why}; `callflow daily fetch` installs it",
        path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system's loader refused it. What it most often lacks are the C++ runtime and a new enough C library.
    #[error(
        "Daily's media library at {} cannot be loaded: {cause}; it needs glibc 2.28 or newer, libstdc++6 and \
         libgcc-s1, and this program linked to glibc; if these are there, `callflow daily fetch` installs a \
         fresh one", path.display()
    )]
    NotLoaded {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        cause: String,
    },
    /// Daily publishes none for this system that could be used.
    #[error(
        "live Daily rooms need Linux on x86-64 or arm64; everything else of callflow works here, and the \
         container image has what is needed"
    )]
    Platform,
}

/// What is known of a library that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The version of daily-python, if the file is exactly the one that `callflow daily fetch` installs.
    pub version: Option<&'static str>,
    /// The file's checksum, in hexadecimal.
    pub sha256: String,
    /// Names of the Python interpreter that were stood in for.
    pub names_stood_in_for: usize,
    /// Whether a client and a microphone with an id could be created and destroyed again.
    pub has_microphone: bool,
}

/// Loads a library and tries what can be tried without a room. Blocks for a fraction of a second.
///
/// # Errors
/// See [`CoreError`].
pub fn check(path: &Path) -> Result<Check, CoreError> {
    let file = read(path)?;
    let names_stood_in_for = names_to_bring(path, &file)?.1.len();
    let sha256 = wheel::hexadecimal(&Sha256::digest(&file));
    drop(file);
    let library = load(path)?;
    let has_microphone = client::rehearse(library, 1);
    Ok(Check { version: wheel::version_of(&sha256), sha256, names_stood_in_for, has_microphone })
}

/// Loads a library, or finds the one that was loaded from this file before.
pub(super) fn load(path: &Path) -> Result<&'static abi::Library, CoreError> {
    static LOADED: Mutex<Vec<(PathBuf, &'static abi::Library)>> = Mutex::new(Vec::new());

    let missing = |_| CoreError::Missing { path: path.to_owned() };
    let real = path.canonicalize().map_err(missing)?;
    // Held while loading: two contexts of one library would abort the process.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, library)) = loaded.iter().find(|(loaded, _)| *loaded == real) {
        return Ok(library);
    }
    let file = read(path)?;
    let (machine, names) = names_to_bring(path, &file)?;
    drop(file);
    let library = abi::open(&real, &stub::library(&names, machine))
        .map_err(|cause| CoreError::NotLoaded { path: path.to_owned(), cause })?;
    loaded.push((real, library));
    Ok(library)
}

fn read(path: &Path) -> Result<Vec<u8>, CoreError> {
    if !cfg!(target_os = "linux") {
        return Err(CoreError::Platform);
    }
    fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => CoreError::Missing { path: path.to_owned() },
        kind => CoreError::Unusable { path: path.to_owned(), why: kind.to_string() },
    })
}

/// The names that the library lacks, if it has all that we need.
fn names_to_bring(path: &Path, file: &[u8]) -> Result<(Machine, BTreeSet<String>), CoreError> {
    let machine = Machine::here().ok_or(CoreError::Platform)?;
    let unusable = |why: String| CoreError::Unusable { path: path.to_owned(), why };
    let symbols = stub::symbols(file, machine).map_err(|why| unusable(why.to_string()))?;
    let has = |name: &str| symbols.exported.contains(name);
    if has(ANY) && !has(NEWER) {
        return Err(CoreError::TooOld { path: path.to_owned() });
    }
    match abi::NEEDED.iter().find(|name| !has(name)) {
        None => Ok((machine, symbols.lacking)),
        Some(name) => Err(unusable(format!("it has no function {name}"))),
    }
}
