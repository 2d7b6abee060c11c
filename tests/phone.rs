//! `callflow phone` against the sandbox: what is shown, what is asked, what Daily has afterwards, and where the
//! webhook's secret is.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use callflow::cli::confirm::NotConfirmed;
use callflow::cli::phone::{Context, PhoneArgs, PhoneError, Report, execute};
use callflow::pii::{ApiKey, PhoneNumber};
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::telephony::daily::account::{Account, DialInSettings};
use clap::Parser;
use serde_json::{Value, json};

const OURS: &str = "+15550100777";
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    phone: PhoneArgs,
}

/// A sandbox account with a number, and a folder for settings.
struct Desk {
    sandbox: Sandbox,
    account: Account,
    folder: PathBuf,
    env: Vec<(&'static str, String)>,
    questions: RefCell<Vec<String>>,
    says_yes: bool,
}

impl Desk {
    async fn new() -> Self {
        let numbers = vec![PhoneNumber::parse(OURS).unwrap()];
        let sandbox = Sandbox::start(SandboxOptions { numbers, ..SandboxOptions::default() }).await.unwrap();
        let account = Account::new(&sandbox.urls().daily, ApiKey::new("k")).unwrap();
        let folder = std::env::temp_dir().join(format!("callflow-phone-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let env = vec![("DAILY_API_URL", sandbox.urls().daily.clone()), ("DAILY_API_KEY", "key".to_owned())];
        Self { sandbox, account, folder, env, questions: RefCell::default(), says_yes: true }
    }

    async fn run(&self, line: &str) -> Result<Report, PhoneError> {
        let args = Line::try_parse_from(["phone"].into_iter().chain(line.split_whitespace())).unwrap();
        let get =
            |name: &str| self.env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let confirm = |question: &str| {
            self.questions.borrow_mut().push(question.to_owned());
            if self.says_yes { Ok(()) } else { Err(NotConfirmed::Declined) }
        };
        let env_file = self.env_file();
        let context = Context::from_env(&get, &env_file, &confirm)?;
        execute(&args.phone.command, &context).await
    }

    async fn done(&self, line: &str) -> Report {
        self.run(line).await.unwrap()
    }

    async fn refused(&self, line: &str) -> String {
        self.run(line).await.unwrap_err().to_string()
    }

    fn env_file(&self) -> PathBuf {
        self.folder.join(".env")
    }

    /// The secret that Daily has for our number.
    async fn secret(&self) -> String {
        let [config] = self.account.dial_ins().await.unwrap().try_into().unwrap();
        config.settings.secret.unwrap().reveal().to_owned()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[tokio::test]
async fn a_number_is_found_bought_after_a_question_and_listed() {
    let desk = Desk::new().await;
    let found = desk.done("search --areacode 949").await;
    assert_eq!(found.json, json!([{"number": "+19495550113", "region": "CA"}]));
    assert_eq!(
        found.text,
        "NUMBER        REGION\n+19495550113  CA\n\nBuy one: callflow phone buy +19495550113"
    );
    let bought = desk.done("buy +19495550113").await;
    assert_eq!(bought.json["number"], "+19495550113");
    let question = desk.questions.borrow_mut().pop().unwrap();
    assert!(question.contains("+19495550113") && question.contains("billed"), "{question}");

    let listed = desk.done("list").await;
    assert_eq!(listed.json[0]["number"], OURS);
    assert_eq!((&listed.json[1]["id"], &listed.json[1]["webhook"]), (&bought.json["id"], &Value::Null));
    assert!(listed.text.contains("nowhere"), "{}", listed.text);

    let refused = desk.refused("buy +19495550113 --yes").await;
    assert!(refused.contains("Number is invalid") && refused.contains("phone search"), "{refused}");
    assert!(desk.questions.borrow().is_empty(), "--yes is not asked");
    assert!(desk.refused("release +19495550113").await.contains("14 days"));
}

#[tokio::test]
async fn nothing_is_bought_released_or_removed_without_a_yes() {
    let mut desk = Desk::new().await;
    desk.says_yes = false;
    desk.done(&format!("route {OURS} --url http://127.0.0.1:9/start")).await;
    for line in ["buy --any".to_owned(), format!("release {OURS}"), format!("route {OURS} --remove")] {
        assert!(matches!(desk.run(&line).await, Err(PhoneError::NotConfirmed(_))), "{line}");
    }
    assert_eq!(desk.account.purchased_numbers().await.unwrap().len(), 1);
    assert_eq!(desk.account.dial_ins().await.unwrap().len(), 1);
}

#[tokio::test]
async fn routing_a_number_keeps_the_secret_where_only_its_owner_reads_it() {
    let desk = Desk::new().await;
    let line =
        format!("route {OURS} --url http://127.0.0.1:9/start --hold-music https://a.example.com/m.mp3");
    let routed = desk.done(&line).await;
    let stored = fs::read_to_string(desk.env_file()).unwrap();
    let secret = desk.secret().await;
    assert_eq!(stored, format!("CALLFLOW_WEBHOOK_SECRET={secret}\n"));
    assert_eq!(fs::metadata(desk.env_file()).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = format!("{}{}", routed.text, routed.json);
    assert!(!shown.contains(&secret) && shown.contains("CALLFLOW_WEBHOOK_SECRET"), "{shown}");
    assert_eq!(routed.json["was"], Value::Null);

    // Again, elsewhere: music and secret stay, although nothing says what they are.
    let moved = desk.done(&format!("route {OURS} --url http://127.0.0.1:9/other --print-secret")).await;
    assert_eq!(moved.json["was"], "http://127.0.0.1:9/start");
    assert_eq!(moved.json["hold_music"], "https://a.example.com/m.mp3");
    assert_eq!((moved.json["secret"].as_str().unwrap(), desk.secret().await), (&*secret, secret.clone()));
    assert_eq!(fs::read_to_string(desk.env_file()).unwrap(), stored);

    let listed = desk.done("list").await;
    assert_eq!(
        (&listed.json[0]["webhook"], &listed.json[0]["dial_in"]),
        (&moved.json["webhook"], &json!("pinless"))
    );
    desk.done(&format!("route {OURS} --remove --yes")).await;
    assert!(desk.account.dial_ins().await.unwrap().is_empty());
    assert!(desk.refused(&format!("route {OURS} --remove")).await.contains("nothing to remove"));
}

#[tokio::test]
async fn a_secret_that_is_set_is_the_one_that_daily_gets_and_nothing_is_written() {
    let mut desk = Desk::new().await;
    desk.env.push(("CALLFLOW_WEBHOOK_SECRET", SECRET.to_owned()));
    desk.env.push(("LOCAL_SERVER_URL", "https://bot.example.com/".to_owned()));
    let routed = desk.done(&format!("route {OURS}")).await;
    assert_eq!(routed.json["webhook"], "https://bot.example.com/start");
    assert_eq!(desk.secret().await, SECRET);
    assert!(!desk.env_file().exists());
    let not_stored = Desk::new().await;
    not_stored.done(&format!("route {OURS} --url http://127.0.0.1:9/start --no-store")).await;
    assert!(!not_stored.env_file().exists());
}

#[tokio::test]
async fn what_cannot_be_routed_is_explained() {
    let mut desk = Desk::new().await;
    let stranger = desk.refused("route +15550100999 --url https://bot.example.com/start").await;
    assert!(stranger.contains("+15550100999") && stranger.contains(OURS), "{stranger}");
    let plain = desk.refused(&format!("route {OURS} --url http://bot.example.com/start")).await;
    assert!(plain.contains("https"), "{plain}");
    assert!(desk.refused(&format!("route {OURS}")).await.contains("LOCAL_SERVER_URL"));

    let with_pin =
        json!({"type": "pin_dialin", "phone_number": OURS, "room_creation_api": "https://x.example.com"});
    let url = format!("{}/domain-dialin-config", desk.sandbox.urls().daily);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(http.post(url).bearer_auth("k").json(&with_pin).send().await.unwrap().status().is_success());
    let pin = desk.refused(&format!("route {OURS} --url https://bot.example.com/start")).await;
    assert!(pin.contains("PIN") && pin.contains("--remove"), "{pin}");
    assert!(desk.account.dial_ins().await.unwrap()[0].settings.webhook.is_some(), "nothing was changed");

    desk.env.retain(|(name, _)| *name != "DAILY_API_KEY");
    assert!(matches!(desk.run("list").await, Err(PhoneError::NoKey)));
}

#[tokio::test]
async fn a_secret_that_cannot_be_stored_is_got_from_daily_the_next_time() {
    let desk = Desk::new().await;
    fs::create_dir(desk.env_file()).unwrap();
    let line = format!("route {OURS} --url http://127.0.0.1:9/start");
    let error = desk.refused(&line).await;
    assert!(error.contains("was routed") && error.contains("again"), "{error}");
    let secret = desk.secret().await;
    fs::remove_dir(desk.env_file()).unwrap();
    desk.done(&line).await;
    assert_eq!(fs::read_to_string(desk.env_file()).unwrap(), format!("CALLFLOW_WEBHOOK_SECRET={secret}\n"));
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_buy_twice() {
    let desk = Desk::new().await;
    let lost = Injection::once(Service::Daily, Fault::Disconnect).on("buy-phone-number");
    desk.sandbox.faults().inject(lost).unwrap();
    let error = desk.refused("buy +19495550113 --yes").await;
    assert!(error.contains("phone list"), "{error}");
    assert_eq!(desk.account.purchased_numbers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn settings_that_only_the_api_knows_survive_a_change() {
    let desk = Desk::new().await;
    let settings = DialInSettings {
        number: Some(PhoneNumber::parse(OURS).unwrap()),
        webhook: Some("http://127.0.0.1:9/start".to_owned()),
        name: Some("support".to_owned()),
        ..DialInSettings::default()
    };
    desk.account.create_dial_in(&settings).await.unwrap();
    let line = format!("route {OURS} --url http://127.0.0.1:9/other --timeout-message Sorry");
    assert_eq!(desk.done(&line).await.json["timeout_message"], "Sorry");
    let [config] = desk.account.dial_ins().await.unwrap().try_into().unwrap();
    assert_eq!(config.settings.name.as_deref(), Some("support"));
}

#[test]
fn searches_that_daily_does_not_allow_are_usage_errors() {
    let parse = |line: &str| Line::try_parse_from(["phone"].into_iter().chain(line.split_whitespace()));
    for wrong in [
        "search --region CA --areacode 415",
        "search --city Irvine",
        "search --region CA --city Irvine --contains 555",
        "search --contains 55",
        "search --starts-with 415 --ends-with 110",
        "buy",
        "buy +14155550110 --any",
        "buy 4155550110",
        "route +14155550110 --remove --url https://a.example.com/start",
        "route +14155550110 --yes",
        "route +14155550110 --hold-music music.mp3",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    assert!(parse("search --region CA --city Irvine --json").is_ok());
    assert!(parse("list --json").is_ok_and(|line| line.phone.json));
}
