//! The program itself: its call over the native library, and what it says if the library cannot be had.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::stand_in_library;

/// Long enough for a call in real time on a busy machine.
const PATIENCE: &str = "120";

/// Runs the program with nothing in its environment but what is given, and lines on its standard input.
fn callflow(options: &[&str], environment: &[(&str, &str)], lines: &str) -> Output {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/cold_transfer.yaml");
    let mut program = Command::new("timeout")
        .args(["--signal", "KILL", PATIENCE, env!("CARGO_BIN_EXE_callflow"), "--port", "0", "--flow"])
        .arg(flow)
        .args(options)
        // No `.env` of whoever runs the tests.
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    program.wait_with_output().unwrap()
}

#[test]
fn the_call_of_the_readme_is_transferred_over_the_native_library() {
    let library = stand_in_library();
    let environment = [("DAILY_CORE_LIBRARY", library.to_str().unwrap())];
    let lines = "I need help with my bill\nI want to speak to a manager\nyes\n/answer\n/operator Hi Sam\n/wait 1s\n/hangup\n";
    let run = callflow(&["--once", "--json", "--offline", "--mix"], &environment, lines);
    let err = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{err}");
    assert!(err.contains("rooms are joined with") && err.contains("caller hears    Hi Sam"), "{err}");
    assert!(!err.contains("WARN") && !err.contains("ERROR"), "{err}");
    let record: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(record["outcome"], "transferred");
    assert_eq!(
        record["states"],
        serde_json::json!(["greet", "converse", "confirm_transfer", "dialing_operator", "handed_off"])
    );
    assert_eq!(record["transfer"]["known"], "reported");
}

const KEYS: [(&str, &str); 5] = [
    ("DAILY_API_KEY", "d"),
    ("DEEPGRAM_API_KEY", "g"),
    ("CARTESIA_API_KEY", "c"),
    ("OPENAI_API_KEY", "o"),
    ("OPERATOR_NUMBER", "+15550100100"),
];

/// With all keys but no library nothing is started, and nobody is asked anything over the network.
#[test]
fn a_live_call_without_its_library_is_one_sentence_and_status_2() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-library");
    std::fs::create_dir_all(&folder).unwrap();
    let broken = folder.join("broken.so");
    std::fs::write(&broken, b"PK\x03\x04").unwrap();
    let home = folder.to_str().unwrap();
    for (place, value) in [("HOME", home), ("DAILY_CORE_LIBRARY", broken.to_str().unwrap()), ("TERM", "dumb")]
    {
        let mut environment = KEYS.to_vec();
        environment.push((place, value));
        let run = callflow(&[], &environment, "");
        let err = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{err}");
        assert!(run.stdout.is_empty() && err.lines().count() == 1, "{err}");
        assert!(err.starts_with("error: ") && err.contains("`callflow daily fetch"), "{err}");
    }
}

#[test]
fn speed_is_refused_where_real_time_passes() {
    let library = stand_in_library();
    let environment = [("DAILY_CORE_LIBRARY", library.to_str().unwrap())];
    let run = callflow(&["--offline", "--mix", "--speed", "max"], &environment, "");
    let err = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.code() == Some(2) && err.contains("--speed"), "{err}");
}
