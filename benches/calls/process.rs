//! The processes under measurement, and what Linux says of them in `/proc`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::caller::NUMBER;
use crate::log::Log;

/// The dial-in configuration's `hmac`: webhooks are signed and verified, as in service.
const SECRET: &str = "YSBzZWNyZXQgZm9yIG1lYXN1cmluZw==";
/// The flow of the calls, unless the option `--flow` names another.
const FLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/flows/cold_transfer.yaml");
/// An engine without calls ends within this time.
const END: Duration = Duration::from_secs(5);

/// What `/proc` is asked about.
#[derive(Clone, Copy)]
pub struct Process(u32);

/// `callflow sandbox`.
pub struct Vendors {
    pub process: Process,
    /// Origin of the phones.
    pub phones: String,
    urls: Value,
    _child: Owned,
}

/// `callflow --flow`, with all vendors in another process unless it is told otherwise.
pub struct Engine {
    pub process: Process,
    /// From the start of the process to its answer to `GET /health`.
    pub ready_after: Duration,
    /// What it says of itself; nothing unless it was asked to.
    pub log: Log,
    webhook: String,
    child: Owned,
    /// Kept open: writing to a closed one would be an error.
    _stdout: BufReader<ChildStdout>,
}

/// What one engine has that another has not.
pub enum Extra<'a> {
    Nothing,
    /// Its own vendors, for the time of the start only: it would place a call by itself.
    Offline,
    /// A journal.
    Journal(&'a Path),
    /// A log.
    Log,
}

/// A child that does not outlive us.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

impl Vendors {
    /// Starts the emulated vendors.
    pub fn start() -> Self {
        let mut command = callflow();
        command.args(["sandbox", "--json", "--port", "0", "--number", NUMBER]).stdin(Stdio::null());
        let mut child = command.spawn().expect("the sandbox starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("the sandbox says where it is");
        let urls: Value = serde_json::from_str(&line).expect("its first line is JSON");
        let phones = text(&urls, "phone").to_owned();
        Self { process: Process(child.id()), phones, urls, _child: Owned(child) }
    }

    /// From now on callers reach this engine.
    pub async fn send_callers_to(&self, engine: &Engine) {
        let config = json!({
            "type": "pinless_dialin",
            "phone_number": NUMBER,
            "room_creation_api": format!("{}/start", engine.webhook),
            "hmac": SECRET,
        });
        let url = format!("{}/domain-dialin-config", text(&self.urls, "daily"));
        let client = reqwest::Client::new();
        let configs: Value = client
            .get(&url)
            .bearer_auth("sandbox")
            .send()
            .await
            .expect("it answers")
            .json()
            .await
            .expect("JSON");
        for old in configs["data"].as_array().into_iter().flatten() {
            let old = format!("{url}/{}", text(old, "id"));
            client.delete(old).bearer_auth("sandbox").send().await.expect("it answers");
        }
        let answer = client.post(&url).bearer_auth("sandbox").json(&config).send().await.expect("it answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

impl Engine {
    /// Starts an engine and waits until it answers.
    pub fn start(vendors: &Vendors, extra: Extra<'_>) -> Self {
        let mut command = callflow();
        let flow = std::env::args().skip_while(|arg| arg != "--flow").nth(1);
        let flow = flow.and_then(|flow| std::fs::canonicalize(flow).ok()).unwrap_or_else(|| FLOW.into());
        command.arg("--flow").arg(flow);
        command.args(["--port", "0", "--mix", "--max-calls", "200"]).stdin(Stdio::null());
        match extra {
            Extra::Nothing => {}
            Extra::Offline => drop(command.arg("--offline")),
            Extra::Journal(path) => drop(command.arg("--record").arg(path)),
            Extra::Log => {
                command.args(["--log", "error,callflow::session=info", "--log-json"]).stderr(Stdio::piped());
            }
        }
        let url = |name| text(&vendors.urls, name);
        command.envs([
            ("DAILY_API_URL", url("daily")),
            ("OPENAI_BASE_URL", url("openai")),
            ("DEEPGRAM_URL", url("deepgram")),
            ("CARTESIA_URL", url("cartesia")),
            ("CALLFLOW_WEBHOOK_SECRET", SECRET),
            ("OPERATOR_NUMBER", "+15550100100"),
        ]);
        for key in ["DAILY_API_KEY", "OPENAI_API_KEY", "DEEPGRAM_API_KEY", "CARTESIA_API_KEY"] {
            command.env(key, "sandbox");
        }
        let began = Instant::now();
        let mut child = command.spawn().expect("the engine starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let log = child.stderr.take().map(Log::read).unwrap_or_default();
        let webhook = announced(&mut stdout);
        wait_for_health(&webhook);
        Self {
            ready_after: began.elapsed(),
            process: Process(child.id()),
            log,
            webhook,
            child: Owned(child),
            _stdout: stdout,
        }
    }

    /// Asks it to end, as a service's supervisor does; whether it ended in time, and well.
    pub fn end(self) -> bool {
        let Self { mut child, .. } = self;
        let pid = i32::try_from(child.0.id()).expect("an id of a process");
        // SAFETY: a signal to a child that was not waited for yet, so the id is its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let asked = Instant::now();
        while asked.elapsed() < END {
            if let Ok(Some(status)) = child.0.try_wait() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Process {
    /// Seconds of CPU time so far, in user and kernel.
    pub fn cpu(self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).expect("the process runs");
        // The second field is a name in parentheses; CPU times are the 14th and 15th.
        let (_, after) = stat.rsplit_once(')').expect("there is a name");
        let ticks =
            after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
        // SAFETY: asks for a constant of the system.
        ticks.sum::<f64>() / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
    }

    /// Megabytes of memory it has now.
    pub fn resident(self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most it has had since [`Process::forget_peak`].
    pub fn peak(self) -> f64 {
        self.status("VmHWM:")
    }

    /// The peak counts from now on.
    pub fn forget_peak(self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.0), "5").expect("the process is ours");
    }

    fn status(self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }
}

/// A file for this run.
pub fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// How busy the machine is, measured by others and us alike.
pub fn load_average() -> String {
    let all = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    all.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().expect("it is there")
}

/// The program, with nothing of our environment: it reads settings there.
fn callflow() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
    // An `.env` file where we are is not its own.
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).env_clear();
    command.stdout(Stdio::piped());
    command
}

/// The webhook's origin, from the start screen.
fn announced(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).expect("text"), 0, "the engine ended");
        if let Some((_, rest)) = line.split_once("(health: ")
            && let Some((origin, _)) = rest.split_once("/health)")
        {
            return origin.to_owned();
        }
    }
}

fn wait_for_health(origin: &str) {
    let address = origin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
