//! `callflow daily fetch` and `callflow daily check`: installs and tries Daily's native media library.
//!
//! Only live Daily rooms need it. It is asked for before it is installed, because part of it is proprietary.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::confirm::{self, NotConfirmed};
use super::{ExitStatus, folders};
use crate::telephony::daily::core::wheel::{self, DEFAULT_INDEX, DownloadError, Wheel, WheelError};
use crate::telephony::daily::core::{self, Check, CoreError};

/// Looks up an environment variable.
type GetEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Daily's native media library, for live rooms.
#[derive(Args, Debug)]
pub struct DailyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DailyCommand,
}

/// What can be done with the library.
#[derive(Subcommand, Debug)]
pub enum DailyCommand {
    /// Install the library, after its licence was shown and accepted.
    Fetch(FetchArgs),
    /// Load the library and say what works.
    Check(CheckArgs),
}

/// Options of `fetch`.
#[derive(Args, Debug)]
pub struct FetchArgs {
    /// Accept the licence without being asked.
    #[arg(long)]
    pub yes: bool,
    /// Take the wheel from this file instead of downloading it.
    #[arg(long, value_name = "FILE", conflicts_with = "index")]
    pub wheel: Option<PathBuf>,
    /// Package index to download it from.
    #[arg(long, value_name = "URL", default_value = DEFAULT_INDEX)]
    pub index: String,
    /// Folder for data [default: $XDG_DATA_HOME, else ~/.local/share].
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The library [default: DAILY_CORE_LIBRARY, else where `callflow daily fetch` puts it].
    #[arg(long, value_name = "FILE")]
    pub library: Option<PathBuf>,
}

/// Why the command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DailyCommandError {
    /// There is no folder for data.
    #[error("no folder to install into: neither XDG_DATA_HOME nor HOME is set; name one with --data")]
    NoFolder,
    /// The licence was not accepted.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// The wheel's file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// No runtime, or the terminal broke off.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The wheel did not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The wheel is not the right one, or could not be installed.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// The library cannot be used.
    #[error(transparent)]
    Core(#[from] CoreError),
}

/// Does it and says how it ended. `env` looks variables up.
#[must_use]
pub fn run(args: &DailyArgs, env: GetEnv<'_>) -> ExitStatus {
    let done = match &args.command {
        DailyCommand::Fetch(args) => fetch(args, env),
        DailyCommand::Check(args) => check(args, env),
    };
    match done {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitStatus::Error
        }
    }
}

/// Where the library is: `DAILY_CORE_LIBRARY`, else where `fetch` puts it. None without a home.
#[must_use]
pub fn library(env: GetEnv<'_>) -> Option<PathBuf> {
    let named = env("DAILY_CORE_LIBRARY").filter(|path| !path.trim().is_empty());
    named.map(PathBuf::from).or_else(|| folders::data(env).map(|data| wheel::library_path(&data)))
}

fn fetch(args: &FetchArgs, env: GetEnv<'_>) -> Result<(), DailyCommandError> {
    let pinned = wheel::for_this_machine().ok_or(CoreError::Platform)?;
    let data = args.data.clone().or_else(|| folders::data(env)).ok_or(DailyCommandError::NoFolder)?;
    let path = wheel::library_path(&data);
    if wheel::is_installed(pinned, &path) {
        anstream::println!("daily-python {} is installed already.", wheel::VERSION);
        return show(&path);
    }
    anstream::println!("{}\n", wheel::LICENCE);
    if !args.yes {
        confirm::at_terminal("Install it?")?;
    }
    let content = match &args.wheel {
        Some(file) => {
            let unreadable = |cause| DailyCommandError::Unreadable { path: file.clone(), cause };
            std::fs::read(file).map_err(unreadable)?
        }
        None => download(&args.index, pinned)?,
    };
    let path = wheel::install(pinned, &content, &data)?;
    anstream::println!("Installed; the checksums of {} and of the library in it are right.", pinned.file);
    show(&path)
}

fn download(index: &str, pinned: &Wheel) -> Result<Vec<u8>, DailyCommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut progress = Progress { of: pinned.size, shown: 0, is_terminal: io::stderr().is_terminal() };
    let content = runtime.block_on(wheel::download(index, pinned, |so_far| progress.show(so_far)))?;
    Ok(content)
}

/// How far a download is: one line that changes on a terminal, four lines elsewhere.
struct Progress {
    of: u64,
    shown: u64,
    is_terminal: bool,
}

impl Progress {
    fn show(&mut self, so_far: u64) {
        let percent = (100 * so_far).checked_div(self.of).unwrap_or(100);
        let step = if self.is_terminal { 1 } else { 25 };
        if percent / step == self.shown / step {
            return;
        }
        self.shown = percent;
        let (start, end) = match (self.is_terminal, percent) {
            (true, 100..) => ("\r", "\n"),
            (true, _) => ("\r", ""),
            (false, _) => ("", "\n"),
        };
        let megabytes = self.of as f64 / 1e6;
        anstream::eprint!("{start}Downloading {megabytes:.1} MB: {percent} %{end}");
    }
}

fn check(args: &CheckArgs, env: GetEnv<'_>) -> Result<(), DailyCommandError> {
    let path = args.library.clone().or_else(|| library(env)).ok_or(DailyCommandError::NoFolder)?;
    show(&path)
}

fn show(path: &Path) -> Result<(), DailyCommandError> {
    let check = core::check(path)?;
    anstream::println!("{}", report(path, &check));
    Ok(())
}

fn report(path: &Path, check: &Check) -> String {
    let build = match check.version {
        Some(version) => format!("daily-python {version}, unchanged"),
        None => format!("not the one this callflow was tested with (sha256 {})", check.sha256),
    };
    let microphone = if check.has_microphone {
        "a client and a microphone can be created"
    } else {
        "no client or no microphone can be created: nobody would hear the bot"
    };
    format!(
        "Daily's media library: {}\n  build       {build}\n  loaded      yes, without Python; {} names of it \
         are stood in for\n  microphone  {microphone}\n  rooms       not tried: that needs a Daily account",
        path.display(),
        check.names_stood_in_for,
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        daily: DailyArgs,
    }

    fn parse(line: &str) -> Result<DailyCommand, clap::Error> {
        Line::try_parse_from(line.split(' ')).map(|line| line.daily.command)
    }

    #[test]
    fn the_command_line_is_as_documented() {
        let Ok(DailyCommand::Fetch(fetch)) = parse("daily fetch --yes --data x") else { panic!() };
        assert_eq!((fetch.yes, fetch.wheel, fetch.index.as_str()), (true, None, "https://pypi.org/simple"));
        assert!(parse("daily fetch --wheel a.whl --index https://x").is_err());
        assert!(matches!(parse("daily check --library x.so"), Ok(DailyCommand::Check(_))));
        assert!(parse("daily").is_err());
    }

    #[test]
    fn the_library_is_looked_for_where_it_is_named_or_installed() {
        let with = |variables: &'static [(&str, &str)]| {
            library(&move |name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let home = Some(PathBuf::from("/home/a/.local/share/callflow/daily/0.36.0/daily.abi3.so"));
        assert_eq!(with(&[("HOME", "/home/a")]), home);
        assert_eq!(with(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "relative")]), home);
        assert_eq!(with(&[("HOME", "/home/a"), ("DAILY_CORE_LIBRARY", "")]), home);
        let xdg = with(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")]);
        assert_eq!(xdg, Some(PathBuf::from("/data/callflow/daily/0.36.0/daily.abi3.so")));
        assert_eq!(with(&[("DAILY_CORE_LIBRARY", "my.so")]), Some(PathBuf::from("my.so")));
        assert_eq!(with(&[]), None);
    }
}
