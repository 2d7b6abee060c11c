//! `callflow sandbox`: the emulated vendors and phones alone, until Ctrl-C or SIGTERM.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::ExitStatus;
use crate::pii::{AddressError, ApiKey, PhoneNumber};
use crate::sandbox::openai::{Script, ScriptError};
use crate::sandbox::{BadAgent, Sandbox, SandboxError, SandboxOptions, Urls};
use crate::settings;

/// Options of the sandbox.
#[derive(Args, Debug)]
pub struct SandboxArgs {
    /// Port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Address to listen on. The emulated vendors take any key and anybody's calls: leave it on loopback.
    /// Beyond it, /control needs CALLFLOW_API_TOKEN.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
    /// Print one JSON object of base URLs, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
    /// A number that the emulated Daily account owns; can be repeated.
    #[arg(long = "number", value_name = "NUMBER")]
    pub numbers: Vec<String>,
    /// An agent of the emulated Pipecat Cloud and where an instance of it listens; can be repeated.
    #[arg(long = "agent", value_name = "NAME=URL")]
    pub agents: Vec<String>,
    /// Enforce the rate limits that Daily documents.
    #[arg(long)]
    pub rate_limits: bool,
    /// A room goes on when its owner leaves. Daily is said to end it, which is the default here.
    #[arg(long)]
    pub rooms_survive_owner: bool,
    /// Replies of the emulated language model, fixed beforehand: a list in YAML or JSON.
    #[arg(long, value_name = "FILE")]
    pub llm_script: Option<PathBuf>,
}

/// Why the sandbox did not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxCommandError {
    /// A number is no number.
    #[error("--number {number}: {source}")]
    Number {
        /// As it was given.
        number: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// An agent is none.
    #[error("--agent {agent}: {source}; write NAME=URL, such as my-agent=http://127.0.0.1:8080")]
    Agent {
        /// As it was given.
        agent: String,
        /// What is wrong with it.
        source: BadAgent,
    },
    /// The script cannot be read.
    #[error("--llm-script {}: {source}", path.display())]
    ScriptFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The script is not one.
    #[error("--llm-script {}: {source}", path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ScriptError,
    },
    /// The runtime or its signals cannot be had.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// The sandbox did not start.
    #[error("{error}{cause}; choose another port with --port, or 0 for a free one", cause = cause(.error))]
    Start {
        /// Why.
        error: SandboxError,
    },
}

/// Runs the sandbox and says how it ended.
#[must_use]
pub fn run(args: &SandboxArgs, get: &dyn Fn(&str) -> Option<String>) -> ExitStatus {
    let token = match settings::api_token(get) {
        Ok(token) => token,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            return ExitStatus::Error;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served =
        runtime.map_err(SandboxCommandError::from).and_then(|runtime| runtime.block_on(serve(args, token)));
    match served {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitStatus::Error
        }
    }
}

/// Serves until the process is asked to end.
///
/// # Errors
/// See [`SandboxCommandError`].
pub async fn serve(args: &SandboxArgs, control_token: Option<ApiKey>) -> Result<(), SandboxCommandError> {
    let options = SandboxOptions { control_token, ..options(args)? };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let sandbox = Sandbox::start(options).await.map_err(|error| SandboxCommandError::Start { error })?;
    for agent in &args.agents {
        let (name, url) = agent.split_once('=').unwrap_or((agent, ""));
        let wrong = |source| SandboxCommandError::Agent { agent: agent.clone(), source };
        sandbox.deploy(name, url).map_err(wrong)?;
    }
    if args.json {
        let urls = serde_json::to_string(sandbox.urls()).expect("URLs are plain text");
        anstream::println!("{urls}");
    } else {
        anstream::println!("{}", welcome(sandbox.urls()));
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    sandbox.shutdown().await;
    Ok(())
}

fn script(path: &Path) -> Result<Script, SandboxCommandError> {
    let unreadable = |source| SandboxCommandError::ScriptFile { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Script::parse(&text).map_err(|source| SandboxCommandError::Script { path: path.to_owned(), source })
}

fn options(args: &SandboxArgs) -> Result<SandboxOptions, SandboxCommandError> {
    let parse = |number: &String| {
        PhoneNumber::parse(number)
            .map_err(|source| SandboxCommandError::Number { number: number.clone(), source })
    };
    Ok(SandboxOptions {
        bind: args.bind,
        port: args.port,
        numbers: args.numbers.iter().map(parse).collect::<Result<_, _>>()?,
        rate_limits: args.rate_limits,
        room_ends_with_owner: !args.rooms_survive_owner,
        script: args.llm_script.as_deref().map(script).transpose()?.unwrap_or_default(),
        ..SandboxOptions::default()
    })
}

/// What a person needs to know: where everything is, and how to point programs there.
fn welcome(urls: &Urls) -> String {
    let origin = &urls.phone;
    let phones = origin.replacen("http", "ws", 1);
    let mut text = format!("The sandbox is at {origin}; Ctrl-C ends it. Any key is good.\n\n");
    let settings = [
        ("DAILY_API_URL", urls.daily.as_str(), "DAILY_API_KEY"),
        ("OPENAI_BASE_URL", &urls.openai, "OPENAI_API_KEY"),
        ("DEEPGRAM_URL", &urls.deepgram, "DEEPGRAM_API_KEY"),
        ("CARTESIA_URL", &urls.cartesia, "CARTESIA_API_KEY"),
        ("PIPECAT_API_URL", &urls.pipecat, "PIPECAT_API_KEY"),
    ];
    for (name, url, key) in settings {
        writeln!(text, "  export {name}={url} {key}=sandbox").expect("a String takes all text");
    }
    write!(
        text,
        "\nWhere callers go is set as at Daily (webhooks are signed with the hmac of the answer):\n\n  \
         curl -H 'Authorization: Bearer sandbox' {daily}/domain-dialin-config \\\n    \
         -d '{{\"type\":\"pinless_dialin\",\"phone_number\":\"+15550100002\",\
         \"room_creation_api\":\"http://127.0.0.1:7860/start\"}}'\n\n\
         Phones are at {phones}/phone, faults and state at {origin}/control.",
        daily = urls.daily,
    )
    .expect("a String takes all text");
    text
}

/// What the system refused.
fn cause(error: &SandboxError) -> String {
    error.source().map_or_else(String::new, |cause| format!(": {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> SandboxArgs {
        SandboxArgs {
            port: 0,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            json: false,
            agents: Vec::new(),
            numbers: vec!["+1 555 0100 777".to_owned()],
            rate_limits: false,
            rooms_survive_owner: true,
            llm_script: None,
        }
    }

    #[test]
    fn options_are_what_was_asked_for() {
        let options = options(&args()).unwrap();
        assert_eq!(options.numbers[0].reveal(), "+15550100777");
        assert!(!options.room_ends_with_owner);
        let bad = SandboxArgs { numbers: vec!["seven".to_owned()], ..args() };
        assert!(
            super::options(&bad).unwrap_err().to_string().starts_with("--number seven: not a phone number")
        );
    }

    #[tokio::test]
    async fn a_port_in_use_is_one_message_with_the_fix() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = serve(&SandboxArgs { port, ..args() }, None).await.unwrap_err().to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("in use") && error.contains("--port"),
            "{error}"
        );
    }

    #[test]
    fn the_welcome_names_every_setting() {
        let origin = "http://127.0.0.1:7900".to_owned();
        let urls = Urls { daily: format!("{origin}/v1"), phone: origin, ..Urls::default() };
        let text = welcome(&urls);
        for part in ["DAILY_API_URL=http://127.0.0.1:7900/v1", "ws://127.0.0.1:7900/phone", "CARTESIA_URL="] {
            assert!(text.contains(part), "{text}");
        }
    }
}
