//! The command line: one file per subcommand, and the exit codes.

pub mod bot;
pub mod check;
pub mod confirm;
pub mod daily;
pub mod doctor;
mod exit;
pub mod explain;
pub mod explore;
mod folders;
pub mod graph;
pub mod init;
pub mod journal;
pub mod lock;
mod media;
pub mod phone;
mod progress;
pub mod replay;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod test;
mod write;

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};

pub use exit::ExitStatus;
pub use media::MediaError;
pub use write::WriteError;

use crate::settings::{self, Env, LogSettings, Overrides};
use crate::telemetry;

/// Try a call:       callflow --flow flows/cold_transfer.yaml
/// Check all flows:  callflow check flows/
#[derive(Parser, Debug)]
#[command(name = "callflow", version, about, args_conflicts_with_subcommands = true, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
    /// What is logged: a level or a filter such as `callflow=debug` [default: warn; also RUST_LOG].
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// One JSON object for each log line.
    #[arg(long, global = true)]
    log_json: bool,
    /// File of settings; `.env` is read if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

/// The file of settings, unless `--env-file` names another.
const DOTENV: &str = ".env";

#[derive(Subcommand, Debug)]
enum Command {
    /// Begin a project: a flow with comments, and what helps to edit and check it.
    Init(init::InitArgs),
    /// Report every problem of one or more flows.
    Check(check::CheckArgs),
    /// Explore every call that a flow can have, and prove what holds in all of them.
    Explore(explore::ExploreArgs),
    /// Show a flow with every default in its place, or what a rule is about.
    Explain(explain::ExplainArgs),
    /// Draw a flow: Mermaid, Graphviz or SVG, with a recorded call over it.
    Graph(graph::GraphArgs),
    /// Replay a recorded call through a flow, until the first step that goes another way.
    Replay(replay::ReplayArgs),
    /// Run the tests beside flows, on a virtual clock.
    Test(test::TestArgs),
    /// Write which version of a flow is the released one, beside it.
    Lock(lock::LockArgs),
    /// Write the JSON Schema of flows or of their tests, for editors.
    Schema(schema::SchemaArgs),
    /// Install or try Daily's native media library.
    Daily(daily::DailyArgs),
    /// Look at everything that a call needs, and say what to do about what is not right.
    Doctor(doctor::DoctorArgs),
    /// Find, buy and list phone numbers, and point them at this server.
    Phone(phone::PhoneArgs),
    /// Run flows as a container on Pipecat Cloud: one request is one call.
    Bot(bot::BotArgs),
    /// Run the emulated vendors and phones alone.
    Sandbox(sandbox::SandboxArgs),
}

/// Parses the arguments and does what they say.
#[must_use]
pub fn main() -> ExitStatus {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, but not to us.
            let _gone = error.print();
            if let Some(flow) = flow_without_option(&error) {
                anstream::eprintln!("To run a flow: callflow --flow {flow}");
            }
            if let Some((command, option)) = option_before_command(&error) {
                anstream::eprintln!("Write the option behind the subcommand: callflow {command} {option} …");
            }
            return if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Success };
        }
    };
    let env = match read_env(cli.env_file.as_deref()) {
        Ok(env) => env,
        Err(error) => return fail(&error),
    };
    let overrides = Overrides { log: cli.log.clone(), log_json: cli.log_json, ..Overrides::default() };
    match LogSettings::from_env(&|name| env.get(name), &overrides) {
        Ok(mut log) => {
            // The transcript shows what happens, and the doctor what is wrong; logs would only say it again.
            match cli.command {
                None => _ = log.filter.get_or_insert_with(|| "warn".to_owned()),
                Some(Command::Doctor(_)) => _ = log.filter.get_or_insert_with(|| "error".to_owned()),
                Some(_) => {}
            }
            if let Err(error) = telemetry::init(&log) {
                return fail(&error);
            }
            telemetry::discreet_panics();
        }
        Err(error) => return fail(&error),
    }
    crate::speech::socket::install_tls();
    let env_file = cli.env_file.as_deref().unwrap_or(std::path::Path::new(DOTENV));
    match cli.command {
        None => run::run(&cli.run, env),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Check(args)) => check::run(&args, &env),
        Some(Command::Explore(args)) => explore::run(&args, &env),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Graph(args)) => graph::run(&args),
        Some(Command::Replay(args)) => replay::run(&args, &env),
        Some(Command::Test(args)) => test::run(&args, &env),
        Some(Command::Lock(args)) => lock::run(&args),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Daily(args)) => daily::run(&args, &|name| env.get(name)),
        Some(Command::Doctor(args)) => doctor::run(&args, &|name| env.get(name), env_file),
        Some(Command::Phone(args)) => phone::run(&args, &|name| env.get(name), env_file),
        Some(Command::Bot(args)) => bot::run(&args, env),
        Some(Command::Sandbox(args)) => sandbox::run(&args, &|name| env.get(name)),
    }
}

/// A flow that was given where a subcommand belongs.
fn flow_without_option(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) if word.ends_with(".yaml") || word.ends_with(".yml") => Some(word),
        _ => None,
    }
}

/// An option of all commands that was written before the subcommand.
fn option_before_command(error: &clap::Error) -> Option<(&str, &str)> {
    let ContextValue::String(command) = error.get(ContextKind::InvalidSubcommand)? else { return None };
    let options = match error.get(ContextKind::PriorArg)? {
        ContextValue::String(option) => std::slice::from_ref(option),
        ContextValue::Strings(options) => options.as_slice(),
        _ => return None,
    };
    let cli = Cli::command();
    let of_all = |option: &&String| {
        let is_it = |long: &str| option.strip_prefix("--").and_then(|o| o.split(' ').next()) == Some(long);
        cli.get_arguments().filter(|arg| arg.is_global_set()).filter_map(clap::Arg::get_long).any(is_it)
    };
    options.iter().find(of_all).map(|option| (command.as_str(), option.as_str()))
}

fn read_env(file: Option<&std::path::Path>) -> Result<Env, settings::DotenvError> {
    let default = std::path::Path::new(DOTENV);
    match file {
        Some(path) => match settings::load_dotenv(path)? {
            Some(file) => Ok(Env::new(file)),
            None => Err(settings::DotenvError::Io {
                path: path.to_owned(),
                cause: std::io::ErrorKind::NotFound.into(),
            }),
        },
        None => settings::load_dotenv(default).map(|file| Env::new(file.unwrap_or_default())),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitStatus {
    anstream::eprintln!("error: {error}");
    ExitStatus::Error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> clap::Error {
        match Cli::try_parse_from(args) {
            Err(error) => error,
            Ok(_) => panic!("{args:?} is a command line"),
        }
    }

    #[test]
    fn an_option_or_a_flow_in_the_wrong_place_is_shown_its_place() {
        let error = refused(&["callflow", "--env-file", "x", "check", "f.yaml"]);
        assert_eq!(option_before_command(&error), Some(("check", "--env-file <FILE>")));
        assert_eq!(
            option_before_command(&refused(&["callflow", "--log-json", "check", "f.yaml"])).unwrap().0,
            "check"
        );
        // What belongs to no subcommand has no place behind one.
        let error = refused(&["callflow", "--flow", "f.yaml", "check", "f.yaml"]);
        assert_eq!(option_before_command(&error), None);
        assert_eq!(flow_without_option(&refused(&["callflow", "f.yaml"])), Some("f.yaml"));
    }
}
