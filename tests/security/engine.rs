//! The program as a process, at a sandbox of ours, and phones that call it. In real time.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use callflow::pii::{ApiKey, PhoneNumber};
use callflow::sandbox::phone::PhoneEvent;
use callflow::sandbox::{Sandbox, SandboxOptions};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::site::{SECRET, TOKEN};

pub const DAILY: &str = "dk-4f1c9e7755aa";
pub const DEEPGRAM: &str = "gk-77aa01bc33ee";
pub const OPENAI: &str = "sk-90bb12cd44ff";
pub const CARTESIA: &str = "ck-55dd67ef8811";
pub const CALLED: &str = "+15550107772";
pub const OPERATOR: &str = "+15550107773";

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program, running a flow with everything logged.
pub struct Engine {
    pub sandbox: Sandbox,
    /// The URL of its `/start`.
    pub webhook: String,
    pub journal: PathBuf,
    log: PathBuf,
    child: Child,
    screen: BufReader<ChildStdout>,
    /// What was read of the screen.
    seen: String,
}

impl Engine {
    /// Starts it; `name` is that of its files.
    pub async fn start(name: &str, flow: &str, arguments: &[&str]) -> Self {
        callflow::speech::socket::install_tls();
        let api_key = Some(ApiKey::new(DAILY));
        let options = SandboxOptions { api_key, numbers: vec![number(CALLED)], ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let [flow_file, log, journal] = ["flow.yaml", "log", "journal"].map(|name| folder.join(name));
        fs::write(&flow_file, flow).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
        command.env_clear().args(["--env-file", "/dev/null", "--mix", "--port", "0", "--log", "trace"]);
        command.arg("--flow").arg(&flow_file).arg("--record").arg(&journal).args(arguments);
        let urls = sandbox.urls();
        command.envs([
            ("DAILY_API_URL", &*urls.daily),
            ("OPENAI_BASE_URL", &urls.openai),
            ("DEEPGRAM_URL", &urls.deepgram),
            ("CARTESIA_URL", &urls.cartesia),
            ("DAILY_API_KEY", DAILY),
            ("OPENAI_API_KEY", OPENAI),
            ("DEEPGRAM_API_KEY", DEEPGRAM),
            ("CARTESIA_API_KEY", CARTESIA),
            ("CALLFLOW_WEBHOOK_SECRET", SECRET),
            ("CALLFLOW_API_TOKEN", TOKEN),
            ("OPERATOR_NUMBER", OPERATOR),
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let screen = BufReader::new(child.stdout.take().unwrap());
        let (webhook, seen) = (String::new(), String::new());
        let mut engine = Self { sandbox, webhook, journal, log, child, screen, seen };
        engine.webhook = engine.announced();
        engine.sandbox.set_webhook(&engine.webhook, Some(SECRET)).unwrap();
        engine
    }

    fn announced(&mut self) -> String {
        loop {
            let from = self.seen.len();
            assert!(self.screen.read_line(&mut self.seen).unwrap() > 0, "{}{}", self.seen, self.log());
            if let Some(url) = self.seen[from..].trim().strip_prefix("webhook") {
                return url.split_whitespace().next().unwrap().to_owned();
            }
        }
    }

    /// Where phones are.
    pub fn phones(&self) -> &str {
        &self.sandbox.urls().phone
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for its end; all that was on its screen.
    pub async fn ended(mut self) -> (Self, String) {
        let ended = tokio::task::spawn_blocking(move || {
            self.screen.read_to_string(&mut self.seen).unwrap();
            assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}\n{}", self.seen, self.log());
            let seen = std::mem::take(&mut self.seen);
            (self, seen)
        });
        timeout(PATIENCE, ended).await.expect("the run does not end").unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _gone = self.child.kill();
    }
}

pub fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

/// Waits until a phone has heard this.
pub async fn hears(events: &mut mpsc::Receiver<PhoneEvent>, words: &str) {
    until(
        events,
        words,
        |event| matches!(event, PhoneEvent::Heard { text, .. } if text.text().contains(words)),
    )
    .await;
}

/// Waits for something to happen to a phone.
pub async fn until(events: &mut mpsc::Receiver<PhoneEvent>, what: &str, is_it: impl Fn(&PhoneEvent) -> bool) {
    let happens = async { while !is_it(&events.recv().await.expect("the line is dead")) {} };
    timeout(PATIENCE, happens).await.unwrap_or_else(|_| panic!("never: {what}"));
}
