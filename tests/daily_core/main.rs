//! Rooms joined over a native library: a stand-in for Daily's (`tests/fake_daily_core`), and the real one if
//! `DAILY_CORE_LIBRARY` names it (`tests/daily_core_real.sh` fetches it).
#![cfg(target_os = "linux")]
// A test reads its own switch from the environment.
#![allow(clippy::disallowed_methods)]

mod bot;
mod by_client;
mod checklist;
mod gate;
mod install;
mod live;
mod outcomes;
mod process;
mod program;
mod real;
mod room;
mod stand_in;
mod transfer;
mod troubles;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Builds the stand-in, once, and tells where it is.
fn stand_in_library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fake_daily_core");
            let built = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--locked", "--manifest-path"])
                .arg(root.join("tests/fake_daily_core/Cargo.toml"))
                .arg("--target-dir")
                .arg(&folder)
                .status()
                .unwrap();
            assert!(built.success(), "the stand-in library does not build");
            folder.join("debug/libfake_daily_core.so")
        })
        .clone()
}

/// Waits, but not for ever.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("nothing happened for 30 seconds")
}

/// The compiler denies `unsafe` everywhere but where it is allowed; it is allowed in one place.
#[test]
fn unsafe_code_is_in_two_modules() {
    fn walk(folder: PathBuf, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs")
                && ["allow(unsafe_code", "expect(unsafe_code"]
                    .iter()
                    .any(|text| std::fs::read_to_string(&path).unwrap().contains(text))
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(PathBuf::from("src"), &mut found);
    found.sort();
    assert_eq!(found, ["src/cli/run/memory.rs", "src/telephony/daily/core/abi.rs"].map(PathBuf::from));
    assert!(std::fs::read_to_string("src/lib.rs").unwrap().contains("#![deny(unsafe_code)]"));
}
