//! `callflow bot` as a process, with the stand-in library: a call comes by the platform's own dial-in webhook, its
//! room is joined over the library, and its legs are commanded by the client.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use callflow::pii::PhoneNumber;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::Phone;
use callflow::sandbox::{Sandbox, SandboxOptions};
use serde_json::Value;
use tokio::time::sleep;

use crate::live::{CALLER, OPERATOR, Person};
use crate::{stand_in_library, within};

const AGENT: &str = "my-agent";

/// The container; killed when it is dropped.
struct Container {
    process: Child,
    url: String,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Container {
    fn start(environment: &[(&str, &str)]) -> Self {
        let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/cold_transfer.yaml");
        let mut process = Command::new(env!("CARGO_BIN_EXE_callflow"))
            .args(["bot", "--env-file", "/dev/null", "--bind", "127.0.0.1", "--port", "0", "--mix", "--json"])
            .args([Path::new("--flow"), &flow])
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let mut err = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready at ") {
            let was = std::mem::take(&mut line);
            assert_ne!(err.read_line(&mut line).unwrap(), 0, "the container ended: {was}");
        }
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { process, url, out, err }
    }

    /// Asks it to end, and gives its record of the one call and what it complained about.
    fn end(mut self) -> (Value, String) {
        let mut record = String::new();
        self.out.read_line(&mut record).unwrap();
        let term = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(term.success() && self.process.wait().unwrap().success());
        let mut complaints = String::new();
        self.err.read_to_string(&mut complaints).unwrap();
        (serde_json::from_str(&record).unwrap(), complaints)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_s_call_goes_over_the_library_that_is_named_and_its_legs_over_the_client() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (urls, library) = (sandbox.urls().clone(), stand_in_library());
    let container = Container::start(&[
        ("DAILY_API_URL", &urls.daily),
        ("DEEPGRAM_URL", &urls.deepgram),
        ("CARTESIA_URL", &urls.cartesia),
        ("OPENAI_BASE_URL", &urls.openai),
        ("DEEPGRAM_API_KEY", "k"),
        ("CARTESIA_API_KEY", "k"),
        ("OPENAI_API_KEY", "k"),
        ("OPERATOR_NUMBER", OPERATOR),
        ("DAILY_CORE_LIBRARY", library.to_str().unwrap()),
        ("DAILY_DIAL_OUT", "client"),
    ]);
    let over_rest = Fault::Refuse { status: 403, info: None };
    let over_rest = Injection::once(Service::Daily, over_rest).on("dialOut/start").times(9);
    sandbox.faults().inject(over_rest).unwrap();
    sandbox.deploy(AGENT, &container.url).unwrap();
    let webhook = format!("{}/public/webhooks/org/{AGENT}/dialin", urls.pipecat);
    sandbox.set_webhook(&webhook, None).unwrap();
    let (phone, events) = Phone::wait(&urls.phone, OPERATOR).await.unwrap();
    let operator = Person::new(phone, events);
    let number = |text| PhoneNumber::parse(text).unwrap();
    let (phone, events) = Phone::call(&urls.phone, &number(CALLER), &number("+15550100002")).await.unwrap();
    let caller = Person::new(phone, events);

    caller.hears("What can I help you with today?").await;
    sleep(Duration::from_secs(1)).await;
    caller.phone.press('0').unwrap();
    caller.hears("I can connect you with a supervisor. Shall I do that now?").await;
    caller.phone.press('1').unwrap();
    operator.rings().await;
    operator.phone.answer().unwrap();
    operator.is_connected().await;
    sleep(Duration::from_millis(500)).await;
    operator.phone.say("this is Sam").unwrap();
    caller.hears("this is Sam").await;
    caller.phone.hang_up().unwrap();
    operator.is_hung_up().await;

    let (record, complaints) = within(tokio::task::spawn_blocking(|| container.end())).await.unwrap();
    assert_eq!(record["outcome"], "transferred", "{record}\n{complaints}");
    assert_eq!(record["transfer"]["known"], "reported");
    assert!(!complaints.contains("ERROR"), "{complaints}");
    let quiet = async {
        while !sandbox.state().is_quiet() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    within(quiet).await;
    sandbox.shutdown().await;
}
