//! Tests that count threads and memory, or that end the process, run in a process of their own.

use std::fs;
use std::io::Write as _;
use std::process::Command;

/// Set in such a process.
const ALONE: &str = "CALLFLOW_TEST_ALONE";

/// Runs the test of this name in a process of its own; the job itself if this is that process.
///
/// Whatever happens there, the library must not write to standard output: that belongs to the program.
pub fn alone(test: &str, job: impl FnOnce()) {
    #[expect(clippy::disallowed_methods, reason = "no settings are read here")]
    let is_alone = std::env::var(ALONE).is_ok();
    if is_alone {
        return job();
    }
    let this = std::env::current_exe().unwrap();
    let run = Command::new(this).args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{test}: {:?}\n{out}\n{err}", run.status);
    let passed = format!("test {test} ... ok");
    let runner = |line: &str| {
        line.is_empty()
            || line == passed
            || ["running ", "test result: "].iter().any(|start| line.starts_with(start))
    };
    let foreign: Vec<_> = out.lines().filter(|line| !runner(line)).collect();
    assert!(foreign.is_empty(), "on standard output: {foreign:?}");
    for line in err.lines() {
        if let Some(text) = line.strip_prefix("note: ") {
            note(text);
        }
    }
}

/// Past the test runner, which shows only what failing tests print.
pub fn note(text: &str) {
    let line = format!("note: {text}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Names of this process's threads.
pub fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.filter_map(|task| name(task.ok()?)).map(|name| name.trim().to_owned()).collect()
}

/// Memory of this process that is no file's, in kB.
pub fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until something is so, for a minute at most.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "threads that are not the runtime's are waited for")]
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what}: not within a minute; threads: {:?}", threads());
}
