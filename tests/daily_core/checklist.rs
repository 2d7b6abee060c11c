//! The log lines of docs/live-checklist.md are those that the program writes, run against a sandbox of another
//! process over the native library.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::pii::PhoneNumber;
use callflow::sandbox::phone::{Phone, RejectReason};
use callflow::sandbox::{Sandbox, SandboxOptions};
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::live::{CALLER, OPERATOR, Person};
use crate::{stand_in_library, within};

/// Blocks of this kind in the document: `seen` lines are seen in a run, `other` lines stand in the source.
fn lines(kind: &str) -> Vec<String> {
    let document = include_str!("../../docs/live-checklist.md");
    let mut found = Vec::new();
    let mut inside = false;
    for line in document.lines().map(str::trim) {
        match line.strip_prefix("```") {
            Some(language) => inside = !inside && language == kind,
            None if inside => found.push(line.to_owned()),
            None => {}
        }
    }
    found
}

/// Whether a line says it. What differs from run to run is `…` in the document.
fn says(line: &str, expected: &str) -> bool {
    let mut rest = line;
    expected.split('…').all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// The program, and everything that it has written so far.
struct Program {
    child: Child,
    written: Arc<Mutex<Vec<String>>>,
}

impl Program {
    fn start(flow: &Path, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_callflow"))
            .args(["--env-file", "/dev/null", "--port", "0", "--mix", "--log", "info", "--flow"])
            .arg(flow)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written: Arc<Mutex<Vec<String>>> = Arc::default();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let keep = |reader: Box<dyn std::io::Read + Send>| {
            let written = Arc::clone(&written);
            std::thread::spawn(move || {
                for line in BufReader::new(reader).lines().map_while(Result::ok) {
                    written.lock().unwrap().push(line);
                }
            });
        };
        keep(Box::new(out));
        keep(Box::new(err));
        Self { child, written }
    }

    fn text(&self) -> String {
        self.written.lock().unwrap().join("\n")
    }

    fn says(&self, expected: &str) -> bool {
        self.written.lock().unwrap().iter().any(|line| says(line, expected))
    }

    async fn until(&self, expected: &str) {
        let said = async {
            while !self.says(expected) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), said).await.is_err() {
            panic!("never: {expected}\n{}", self.text());
        }
    }

    fn webhook(&self) -> Option<String> {
        let written = self.written.lock().unwrap();
        let line = written.iter().find(|line| line.trim_start().starts_with("webhook"))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The shipped flow, which rings for six seconds only.
fn flow() -> PathBuf {
    let shipped = std::fs::read_to_string("flows/cold_transfer.yaml").unwrap();
    assert!(shipped.contains("ring: 30s"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checklist.yaml");
    std::fs::write(&path, shipped.replace("ring: 30s", "ring: 6s")).unwrap();
    path
}

/// Calls, and asks for a person by keys.
async fn caller_who_asks(sandbox: &Sandbox) -> Person {
    let number = |text| PhoneNumber::parse(text).unwrap();
    let (phone, events) =
        Phone::call(&sandbox.urls().phone, &number(CALLER), &number("+15550100002")).await.unwrap();
    let caller = Person::new(phone, events);
    caller.hears("What can I help you with today?").await;
    // It has been heard to its end before the bot knows that.
    sleep(Duration::from_secs(1)).await;
    caller.phone.press('0').unwrap();
    caller.hears("I can connect you with a supervisor. Shall I do that now?").await;
    caller.phone.press('1').unwrap();
    caller.hears("I'm transferring you to a supervisor now. Please hold.").await;
    caller
}

/// How a call of the checklist goes on when the operator's phone rings.
enum Then {
    Answered,
    Refused,
    Unanswered,
    HungUp,
}

/// One such call, in a world and with a program of its own; gives what the program wrote.
async fn written_of(then: Then, flow: &Path) -> Vec<String> {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (urls, library) = (sandbox.urls().clone(), stand_in_library());
    let environment = [
        ("DAILY_API_URL", &*urls.daily),
        ("DEEPGRAM_URL", &urls.deepgram),
        ("CARTESIA_URL", &urls.cartesia),
        ("OPENAI_BASE_URL", &urls.openai),
        ("DAILY_API_KEY", "k"),
        ("DEEPGRAM_API_KEY", "k"),
        ("CARTESIA_API_KEY", "k"),
        ("OPENAI_API_KEY", "k"),
        ("OPERATOR_NUMBER", OPERATOR),
        ("DAILY_CORE_LIBRARY", library.to_str().unwrap()),
    ];
    let program = Program::start(flow, &environment);
    program.until("rooms are joined with").await;
    sandbox.set_webhook(&program.webhook().unwrap(), None).unwrap();
    let (phone, events) = Phone::wait(&urls.phone, OPERATOR).await.unwrap();
    let operator = Person::new(phone, events);
    let caller = caller_who_asks(&sandbox).await;
    operator.rings().await;
    match then {
        Then::Answered => {
            operator.phone.answer().unwrap();
            program.until("the bot has left").await;
            caller.phone.hang_up().unwrap();
            operator.hears("The other person has left the call. Goodbye.").await;
            program.until("outcome=Transferred").await;
        }
        Then::Refused | Then::Unanswered => {
            if matches!(then, Then::Refused) {
                operator.phone.reject(RejectReason::Busy).unwrap();
            }
            caller.hears("I'm sorry, I couldn't reach a supervisor.").await;
            caller.phone.hang_up().unwrap();
            caller.is_hung_up().await;
            program.until("outcome=CallerLeft").await;
        }
        Then::HungUp => {
            caller.phone.hang_up().unwrap();
            program.until("outcome=CallerLeft").await;
        }
    }
    let written = program.written.lock().unwrap().clone();
    drop((program, caller));
    within(sandbox.shutdown()).await;
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expected_log_line_is_written() {
    let flow = flow();
    let calls = [Then::Answered, Then::Refused, Then::Unanswered, Then::HungUp];
    // At once: most of each is waiting for what is said to have been said.
    let written = join_all(calls.map(|then| written_of(then, &flow))).await.concat();

    let expected = lines("log");
    assert!(expected.len() > 15, "{expected:?}");
    let missing: Vec<_> =
        expected.iter().filter(|expected| !written.iter().any(|line| says(line, expected))).collect();
    assert!(missing.is_empty(), "not written: {missing:#?}\n{}", written.join("\n"));
    for private in ["0100001", "0100100"] {
        let logged = written.iter().find(|line| line.contains("callflow::") && line.contains(private));
        assert!(logged.is_none(), "a number in the log: {logged:?}");
    }
}

/// All that is written in Rust below a folder.
fn sources(folder: impl AsRef<Path>) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// What a stand-in cannot show is at least what the source says.
#[test]
fn log_lines_of_rarer_events_stand_in_the_source() {
    let source = sources("src");
    let expected = lines("log-rare");
    assert!(!expected.is_empty());
    for line in expected {
        let words =
            line.split(['…', '=']).next().unwrap().rsplit_once(' ').map_or(&*line, |(words, _)| words);
        assert!(source.contains(words), "nobody logs: {words}");
    }
}

/// The nine steps of docs/daily.md name tests, and files under `src/`: all of them are there.
#[test]
fn the_nine_steps_name_tests_and_files_that_exist() {
    let tests = sources("tests");
    let document = include_str!("../../docs/daily.md");
    let (_, steps) = document.split_once("## A call in nine steps").unwrap();
    let (steps, _) = steps.split_once("\n## ").unwrap();
    let rows: Vec<_> =
        steps.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let named = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        for test in named(cells[4]) {
            assert!(tests.contains(&format!("fn {test}(")), "there is no test {test}");
        }
        let mut folder = PathBuf::from("src");
        for file in named(cells[3]).iter().filter(|file| !file.contains(' ')) {
            // A file without a folder is beside the one before it.
            let path = if file.contains('/') || !file.contains('.') {
                Path::new("src").join(file)
            } else {
                folder.join(file)
            };
            assert!(path.exists(), "{} is not there", path.display());
            folder = path.parent().unwrap().to_owned();
        }
        assert!(!named(cells[4]).is_empty(), "{row}");
    }
}
