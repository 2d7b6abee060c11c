//! How long it takes to test the shipped flows and a thousand transfers, and to check a folder of flows, with the program
//! as its users run it.
//!
//! Prints tables of Markdown. `cargo bench --bench folder`; less than a minute.

mod timing;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use timing::{median, ms};

const COLD_TRANSFER: &str = include_str!("../flows/cold_transfer.yaml");
const BUSINESS_HOURS: &str = include_str!("../flows/business_hours.yaml");
/// Scenarios of one file.
const TRANSFERS: usize = 1000;
/// Flows of a folder to which the static rules are applied, and of one whose flows are explored as well.
const CHECKED: usize = 400;
const EXPLORED: usize = 40;

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("callflow-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for files in passing");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("the folder takes files");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies in the folder for files in passing.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the program to its end, which must be a good one; with a folder for what it remembers, or none.
fn callflow(args: &[&str], path: &Path, cache: Option<&Path>) {
    let status = Command::new(env!("CARGO_BIN_EXE_callflow"))
        .args(args)
        .arg(path)
        .env_clear()
        .envs(cache.map(|cache| ("XDG_CACHE_HOME", cache)))
        .stdout(Stdio::null())
        .status()
        .expect("the program can be started");
    assert!(status.success(), "{args:?} of {}: {status}", path.display());
}

fn row(what: &str, count: usize, args: &[&str], path: &Path, cache: Option<&Path>) {
    let (time, ()) = median(|| callflow(args, path, cache));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    let rate = count as f64 / time.as_secs_f64();
    let digits = usize::from(rate < 10.0);
    println!("| {what} | {count} | {} | {rate:.digits$} |", ms(time));
}

/// Transfers that are taken, refused in each way, or not answered, as callers ask for them in each way.
fn transfers() -> String {
    let asked = ["\"I want to speak to a manager\"", "caller.dtmf: \"0\""];
    let ends = [
        ("operator.answered", "{state: handed_off, commands: {dial: 1, handoff: 1}}"),
        ("operator.busy", "{state: converse, commands: {dial: 1, handoff: 0}}"),
        ("operator.rejected", "{state: converse, commands: {dial: 1, handoff: 0}}"),
        ("operator.no_answer", "{state: converse, commands: {dial: 1, handoff: 0}}"),
    ];
    let mut text = String::from("tests:\n");
    for index in 0..TRANSFERS {
        let (end, expected) = ends[index % ends.len()];
        let ask = asked[index / ends.len() % asked.len()];
        writeln!(
            text,
            "  - name: transfer {index}\n    script:\n      - {ask}\n      - \"yes\"\n      - {end}\n    expect: {expected}"
        )
        .expect("writing to a string does not fail");
    }
    text
}

fn flows(folder: &Folder, count: usize) {
    for index in 0..count {
        let text = if index % 2 == 0 { COLD_TRANSFER } else { BUSINESS_HOURS };
        folder.write(&format!("flow_{index}.yaml"), text);
    }
}

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores\n");
    println!("| `callflow test` of | scenarios | time | scenarios a second |\n|---|---|---|---|");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let tests = |name: &str| {
        let text = fs::read_to_string(shipped.join(name)).expect("the shipped tests are there");
        text.lines().filter(|line| line.starts_with("  - name: ")).count()
    };
    let mut all = 0;
    for name in ["cold_transfer", "business_hours", "order_status", "table_booking"] {
        let file = format!("{name}.test.yaml");
        let count = tests(&file);
        all += count;
        row(&format!("`flows/{file}`"), count, &["test", "--offline"], &shipped.join(&file), None);
    }
    row("`flows/`", all, &["test", "--offline"], &shipped, None);
    let folder = Folder::new("transfers");
    folder.write("cold_transfer.yaml", COLD_TRANSFER);
    folder.write("cold_transfer.test.yaml", &transfers());
    row("transfers", TRANSFERS, &["test", "--offline"], &folder.0, None);

    println!("\n| `callflow check` of a folder | flows | time | flows a second |\n|---|---|---|---|");
    let many = Folder::new("static");
    flows(&many, CHECKED);
    row("the static rules (`--no-explore`)", CHECKED, &["check", "--no-explore"], &many.0, None);
    let few = Folder::new("explored");
    flows(&few, EXPLORED);
    row("with exploring", EXPLORED, &["check"], &few.0, None);
    let cache = Folder::new("cache");
    callflow(&["check"], &few.0, Some(&cache.0));
    row("with exploring, explored before", CHECKED, &["check"], &many.0, Some(&cache.0));
}
