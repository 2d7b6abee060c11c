//! The wheel that Daily's media library comes in: which one, that it is that one, and where it goes.
//!
//! One version is pinned, by the checksum of the wheel and of the library in it; any other file is refused,
//! wherever it came from. A person who wants another library points `DAILY_CORE_LIBRARY` at it.

mod download;

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

pub use download::{DEFAULT_INDEX, DownloadError, download};

/// The pinned version of daily-python.
pub const VERSION: &str = "0.36.0";

/// What the wheel says of its licence, and what it does not say; shown before it is installed. Read from the
/// wheels themselves (`docs/daily.md`), which the checksums hold us to.
pub const LICENCE: &str = "\
daily-python 0.36.0, by Daily (https://daily.co), as published on the Python Package Index.

  Its METADATA says:        License: BSD 2-Clause License
  Its list of components:   `daily-python` itself is under that licence; `daily-core` 0.41.0 and 21 others
                            by Daily, which do the work, are \"LicenseRef-Daily-co-Proprietary\".
  What it does not hold:    the text of either licence. Under which terms the proprietary part may be used
                            is not stated in it; ask Daily if you need to know.

Only the library is taken from it. It runs inside this program when a real Daily room is joined, and sends
audio and measurements to Daily. Everything else of callflow works without it.";

/// Where the library is in a wheel.
const LIBRARY: &str = "daily/daily.abi3.so";
/// Where the wheel describes itself.
const METADATA: &str = "daily_python-0.36.0.dist-info/METADATA";
/// Largest file taken out of a wheel.
const LARGEST: u64 = 128 * 1024 * 1024;

/// A wheel, known by its checksum.
#[derive(Debug, PartialEq, Eq)]
pub struct Wheel {
    /// Its file name.
    pub file: &'static str,
    /// Its length in bytes.
    pub size: u64,
    sha256: &'static str,
    library_sha256: &'static str,
}

/// daily-python's wheels for Linux with glibc 2.28 or newer.
const WHEELS: [(&str, Wheel); 2] = [
    (
        "x86_64",
        Wheel {
            file: "daily_python-0.36.0-cp38-abi3-manylinux_2_28_x86_64.whl",
            size: 15_066_700,
            sha256: "18b5dbf1bb4d4aea4708a958573e8f95c02c78ca23e1d42354efc7eb92c1402b",
            library_sha256: "e76f0237009ea261cf54025de4c22c00905b2f72bbb177fdb6a6865cb52eb104",
        },
    ),
    (
        "aarch64",
        Wheel {
            file: "daily_python-0.36.0-cp38-abi3-manylinux_2_28_aarch64.whl",
            size: 14_305_211,
            sha256: "61f7806937f6cbf0f2e622df0f70ede3be7cd52f32e81b86c880130b093198d2",
            library_sha256: "c2c87ee49d82a1bc1f7ac0d3afe973c8907bd87f17a1eafa27962b5f6c32a717",
        },
    ),
];

/// Why a wheel was not installed.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// It is not the pinned one.
    #[error("the file is not {file} as it was published: its checksum is {found}")]
    WrongChecksum {
        /// The name of the pinned one.
        file: &'static str,
        /// The checksum of what was given.
        found: String,
    },
    /// The library in it is not the one that was pinned with it, or it has none.
    #[error("the file does not hold Daily's media library: {0}")]
    NoLibrary(String),
    /// It could not be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// The wheel for this machine; none if Daily publishes none that could be used.
#[must_use]
pub fn for_this_machine() -> Option<&'static Wheel> {
    let here = cfg!(all(target_os = "linux", target_env = "gnu")).then_some(std::env::consts::ARCH)?;
    WHEELS.iter().find(|(arch, _)| *arch == here).map(|(_, wheel)| wheel)
}

/// Where the library is installed below a folder for data (`$XDG_DATA_HOME`, or `~/.local/share`).
#[must_use]
pub fn library_path(data: &Path) -> PathBuf {
    data.join("callflow").join("daily").join(VERSION).join("daily.abi3.so")
}

/// Whether this is the library of that wheel. Reads the whole file.
#[must_use]
pub fn is_installed(wheel: &Wheel, library: &Path) -> bool {
    fs::read(library).is_ok_and(|content| hexadecimal(&Sha256::digest(content)) == wheel.library_sha256)
}

/// The version of a library with this checksum, if it is one that is pinned.
pub(super) fn version_of(library_sha256: &str) -> Option<&'static str> {
    WHEELS.iter().any(|(_, wheel)| wheel.library_sha256 == library_sha256).then_some(VERSION)
}

/// Checks a wheel and installs its library below a folder for data, whole or not at all. Blocks.
///
/// # Errors
/// See [`WheelError`].
pub fn install(wheel: &Wheel, content: &[u8], data: &Path) -> Result<PathBuf, WheelError> {
    let (library, metadata) = wheel.open(content)?;
    let path = library_path(data);
    let folder = path.parent().unwrap_or(data);
    fs::create_dir_all(folder).map_err(|cause| WheelError::Write { path: folder.to_owned(), cause })?;
    write_whole(&folder.join("METADATA"), &metadata)?;
    write_whole(&path, &library)?;
    Ok(path)
}

impl Wheel {
    /// The library and the description in a wheel, if it is this one.
    fn open(&self, content: &[u8]) -> Result<(Vec<u8>, Vec<u8>), WheelError> {
        let found = hexadecimal(&Sha256::digest(content));
        if found != self.sha256 {
            return Err(WheelError::WrongChecksum { file: self.file, found });
        }
        let library = member(content, LIBRARY)?;
        if hexadecimal(&Sha256::digest(&library)) != self.library_sha256 {
            return Err(WheelError::NoLibrary("its checksum is another".to_owned()));
        }
        Ok((library, member(content, METADATA)?))
    }
}

fn member(wheel: &[u8], name: &str) -> Result<Vec<u8>, WheelError> {
    let no_library = |error: String| WheelError::NoLibrary(error);
    let mut archive = ZipArchive::new(Cursor::new(wheel)).map_err(|error| no_library(error.to_string()))?;
    let member = archive.by_name(name).map_err(|error| no_library(error.to_string()))?;
    let mut content = Vec::new();
    let read = member.take(LARGEST + 1).read_to_end(&mut content);
    read.map_err(|error| no_library(error.to_string()))?;
    if content.len() as u64 > LARGEST {
        return Err(no_library(format!("{name} is too large")));
    }
    Ok(content)
}

/// Writes beside the file and renames, so that nobody ever loads half a library.
fn write_whole(path: &Path, content: &[u8]) -> Result<(), WheelError> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let write = || {
        let mut file = fs::File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|cause| {
        // What was written of it is of no use; that it cannot be removed either changes nothing.
        drop(fs::remove_file(&part));
        WheelError::Write { path: path.to_owned(), cause }
    })
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn pinned(content: &[u8], library: &[u8]) -> Wheel {
        let leak = |bytes: &[u8]| &*hexadecimal(&Sha256::digest(bytes)).leak();
        Wheel {
            file: "x.whl",
            size: content.len() as u64,
            sha256: leak(content),
            library_sha256: leak(library),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("callflow-wheel-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        folder
    }

    #[test]
    fn the_library_and_its_description_are_installed_and_nothing_else_is() {
        let library = vec![7_u8; 100_000];
        let content = archive(&[(LIBRARY, &library), (METADATA, b"Name: x"), ("daily/__init__.py", b"")]);
        let data = folder("whole");
        let path = install(&pinned(&content, &library), &content, &data).unwrap();
        assert_eq!(path, library_path(&data));
        assert_eq!(fs::read(&path).unwrap(), library);
        let names = fs::read_dir(path.parent().unwrap()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["METADATA", "daily.abi3.so"]);
        fs::remove_dir_all(data).unwrap();
    }

    #[test]
    fn any_other_file_is_refused_and_leaves_nothing() {
        let content = archive(&[(LIBRARY, b"library"), (METADATA, b"")]);
        let data = folder("refused");
        let mut changed = content.clone();
        *changed.last_mut().unwrap() ^= 1;
        let wheel = pinned(&content, b"library");
        assert!(matches!(install(&wheel, &changed, &data), Err(WheelError::WrongChecksum { .. })));
        let other = pinned(&content, b"another library");
        assert!(matches!(install(&other, &content, &data), Err(WheelError::NoLibrary(_))));
        let empty = archive(&[("x", b"")]);
        assert!(matches!(install(&pinned(&empty, b""), &empty, &data), Err(WheelError::NoLibrary(_))));
        let nonsense = b"no archive".as_slice();
        assert!(matches!(install(&pinned(nonsense, b""), nonsense, &data), Err(WheelError::NoLibrary(_))));
        assert!(!data.exists());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let content = archive(&[(LIBRARY, b"library"), (METADATA, b"")]);
        let data = folder("file");
        fs::write(&data, b"a file where the folder should be").unwrap();
        let error = install(&pinned(&content, b"library"), &content, &data).unwrap_err();
        assert!(error.to_string().contains("callflow-wheel-file"), "{error}");
        fs::remove_file(data).unwrap();
    }
}
