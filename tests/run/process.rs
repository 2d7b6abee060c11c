//! The program with its input and its output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// Longer than any run here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of a run.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The record, which is all that `--json` leaves on standard output.
    pub fn record(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{}\n{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// The program, in an environment of its own.
pub fn callflow(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear();
    command.args(["--env-file", "/dev/null"]).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub fn run(mut command: Command, input: &str) -> Ran {
    let mut child = command.spawn().unwrap();
    let id = child.id();
    // A program that has ended already takes no input.
    let _ended = child.stdin.take().unwrap().write_all(input.as_bytes());
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = result.recv_timeout(PATIENCE) else {
        signal("KILL", id);
        panic!("it did not end: {:?}", result.recv().unwrap());
    };
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A piped call of the cold transfer, as fast as the machine can.
pub fn call(lines: &[&str]) -> Ran {
    call_of("flows/cold_transfer.yaml", lines)
}

/// The same of any flow.
pub fn call_of(flow: &str, lines: &[&str]) -> Ran {
    let flow = ["--flow", flow, "--offline", "--port", "0"];
    let mode = ["--once", "--json", "--speed", "max"];
    run(callflow(&[&flow[..], &mode].concat()), &(lines.join("\n") + "\n"))
}

/// Sends a signal.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// A program that is watched while it runs; killed when a test fails before its end.
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    seen: String,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, seen: String::new() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn input_ends(&mut self) {
        self.input = None;
    }

    /// Waits for a line that contains this. The program's own deadlines bound it.
    pub fn until(&mut self, text: &str) -> &mut Self {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "{text:?} was not seen in\n{}", self.seen);
            self.seen.push_str(&line);
            if line.contains(text) {
                return self;
            }
        }
    }

    pub fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
    }
}
