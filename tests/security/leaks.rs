//! A whole call with everything logged that can be: no key, no number and no word may be found in it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use callflow::pii::{ApiKey, PhoneNumber};
use callflow::sandbox::phone::{Phone, PhoneEvent};
use callflow::sandbox::{Sandbox, SandboxOptions};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::site::{SECRET, TOKEN};

const DAILY: &str = "dk-4f1c9e7755aa";
const DEEPGRAM: &str = "gk-77aa01bc33ee";
const OPENAI: &str = "sk-90bb12cd44ff";
const CARTESIA: &str = "ck-55dd67ef8811";
const CALLER: &str = "+15550107771";
const CALLED: &str = "+15550107772";
const OPERATOR: &str = "+15550107773";

const FLOW: &str = r#"
callflow: 1
name: discreet
start: greet
env: {OPERATOR_NUMBER: phone}
targets: {operator: {phone: "{{ env.OPERATOR_NUMBER }}"}}
intents:
  person:
    when: The caller asks for a walrus.
    slots: {reason: {type: text, optional: true}}
    examples: [walrus please, I want a walrus]
states:
  greet: {say: Marigold speaking., next: talk}
  talk: {converse: Your favourite word is periwinkle., on: {intent.person: ring}}
  ring:
    dial: {to: operator, announce: Cinnamon hold., ring: 20s}
    on: {answered: done, otherwise: bye}
  done: {handoff: keep_room}
  bye: {end: Nutmeg farewell.}
"#;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Engine {
    child: Child,
    log: PathBuf,
    journal: PathBuf,
}

impl Engine {
    /// Starts the program at the sandbox with everything logged; and says where its webhook is.
    fn start(sandbox: &Sandbox) -> (Self, String, BufReader<impl Read + use<>>) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("leaks");
        fs::create_dir_all(&folder).unwrap();
        let [flow, log, journal] = ["flow.yaml", "log", "journal"].map(|name| folder.join(name));
        fs::write(&flow, FLOW).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_callflow"));
        command.env_clear().args([
            "--env-file",
            "/dev/null",
            "--mix",
            "--once",
            "--port",
            "0",
            "--log",
            "trace",
        ]);
        command.arg("--flow").arg(&flow).arg("--record").arg(&journal);
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
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        let webhook = loop {
            let from = seen.len();
            assert!(output.read_line(&mut seen).unwrap() > 0, "{seen}{}", fs::read_to_string(&log).unwrap());
            if let Some(url) = seen[from..].trim().strip_prefix("webhook") {
                break url.split_whitespace().next().unwrap().to_owned();
            }
        };
        assert!(!seen.contains(OPERATOR), "the start screen is nobody's screen: {seen}");
        (Self { child, log, journal }, webhook, output)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _gone = self.child.kill();
    }
}

async fn hears(events: &mut mpsc::Receiver<PhoneEvent>, words: &str) {
    let heard = async {
        loop {
            match events.recv().await.expect("the line is dead") {
                PhoneEvent::Heard { text, .. } if text.text().contains(words) => return,
                _ => {}
            }
        }
    };
    timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("{words:?} was not heard"));
}

async fn rings(events: &mut mpsc::Receiver<PhoneEvent>) {
    let rang = async { while !matches!(events.recv().await, Some(PhoneEvent::Ringing { .. })) {} };
    timeout(PATIENCE, rang).await.expect("it does not ring");
}

/// Forged requests with numbers, a token and a body that means nothing.
async fn forge(webhook: &str) {
    let http = reqwest::Client::new();
    let body = format!("{{\"From\":\"{CALLER}\",\"To\":\"{CALLED}\",\"callId\":\"x\",\"callDomain\":\"y\"}}");
    for url in [webhook.to_owned(), webhook.replace("/start", "/start_bot")] {
        for body in [body.clone(), format!("{CALLER} zebra")] {
            let request =
                http.post(&url).bearer_auth(format!("{TOKEN}x")).header("X-Pinless-Signature", SECRET);
            assert!(request.body(body).send().await.unwrap().status().is_client_error());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call_with_everything_logged_leaks_no_key_no_number_and_no_word() {
    callflow::speech::socket::install_tls();
    let number = |text| PhoneNumber::parse(text).unwrap();
    let options = SandboxOptions {
        api_key: Some(ApiKey::new(DAILY)),
        numbers: vec![number(CALLED)],
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let (mut engine, webhook, mut output) = Engine::start(&sandbox);
    sandbox.set_webhook(&webhook, Some(SECRET)).unwrap();
    forge(&webhook).await;

    let phones = &sandbox.urls().phone;
    let (operator, mut at_operator) = Phone::wait(phones, OPERATOR).await.unwrap();
    let (caller, mut at_caller) = Phone::call(phones, &number(CALLER), &number(CALLED)).await.unwrap();
    hears(&mut at_caller, "Marigold").await;
    caller.say("my zebra is four one one one").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    caller.say("walrus please").unwrap();
    hears(&mut at_caller, "Cinnamon").await;
    rings(&mut at_operator).await;
    operator.answer().unwrap();
    operator.say("pangolin here").unwrap();
    hears(&mut at_caller, "pangolin").await;
    drop((caller, operator));

    let (log, journal) = (engine.log.clone(), engine.journal.clone());
    let ended = tokio::task::spawn_blocking(move || {
        let mut screen = String::new();
        output.read_to_string(&mut screen).unwrap();
        (engine.child.wait().unwrap().code(), screen)
    });
    let (code, screen) = timeout(PATIENCE, ended).await.expect("the run does not end").unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(code, Some(0), "{screen}\n{log}");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "nothing was logged: {log}");
    assert!(log.contains("a request was sent away") && log.contains("dialling"), "{log}");
    silent_about_secrets("the log", &log);
    silent_about_secrets("the screen", &screen);
    assert!(screen.contains("handed_off") || screen.contains("done"), "{screen}");
    what_a_journal_keeps(&journal);
}

#[track_caller]
fn silent_about_secrets(what: &str, text: &str) {
    let text = text.to_lowercase();
    let keys = [DAILY, DEEPGRAM, OPENAI, CARTESIA, SECRET, TOKEN];
    let words = ["marigold", "periwinkle", "cinnamon", "zebra", "walrus", "pangolin", "four one one one"];
    let numbers = [CALLER, CALLED, OPERATOR].map(|number| &number[1..]);
    for secret in keys.into_iter().chain(words).chain(numbers) {
        let line = text.lines().find(|line| line.contains(&secret.to_lowercase()));
        assert_eq!(line, None, "{what} tells {secret}");
    }
    // A room's name and a meeting token open the call to whoever has them.
    let opens = text.lines().find(|line| line.contains("callflow-") && !line.contains("callflow-journal"));
    assert_eq!(opens, None, "{what} names a room");
    assert_eq!(text.lines().find(|line| line.contains("eyj")), None, "{what} shows a token");
}

/// It is asked for by name and exists to hold the words: they are in it, numbers and keys are not, and only its
/// owner may read it.
fn what_a_journal_keeps(path: &Path) {
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let journal = fs::read_to_string(path).unwrap();
    assert!(journal.contains("zebra") && journal.contains("Cinnamon"), "{journal}");
    for secret in [CALLER, CALLED, OPERATOR, DAILY, DEEPGRAM, OPENAI, CARTESIA, SECRET, TOKEN] {
        assert!(!journal.contains(secret), "the journal tells {secret}");
    }
}
