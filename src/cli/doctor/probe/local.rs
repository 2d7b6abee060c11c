//! Looks at this machine: the file of settings, Daily's library, and who has the webhook's port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::super::subject::Subject;
use super::http;
use crate::settings::is_open_to_others;
use crate::telephony::daily::core::{self, Check, CoreError};

/// This machine.
#[derive(Debug)]
pub(in crate::cli::doctor) struct LocalFacts {
    /// The file of settings, if it is there.
    pub(in crate::cli::doctor) env_file: Option<EnvFile>,
    /// Daily's library; `None` if no room will be joined with it.
    pub(in crate::cli::doctor) library: Option<Result<Check, LibraryProblem>>,
    /// Who has the webhook's port.
    pub(in crate::cli::doctor) port: Port,
}

/// The file of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) struct EnvFile {
    /// Where.
    pub(in crate::cli::doctor) path: PathBuf,
    /// Whether others than its owner can read it.
    pub(in crate::cli::doctor) is_open: bool,
}

/// Why Daily's library cannot be used.
#[derive(Debug)]
pub(in crate::cli::doctor) enum LibraryProblem {
    /// There is no folder where it could be.
    NoFolder,
    /// It is not there, or not right.
    Core(CoreError),
}

/// Who has the webhook's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Port {
    /// A free one is taken at each start.
    Any,
    /// Nobody.
    Free(SocketAddr),
    /// A callflow server.
    Ours(SocketAddr),
    /// Another program.
    Taken(SocketAddr),
    /// Nobody can have it.
    Unusable(SocketAddr, String),
}

pub(in crate::cli::doctor) async fn look(subject: &Subject) -> LocalFacts {
    let path = subject.env_file.clone();
    let env_file = path.exists().then(|| EnvFile { is_open: is_open_to_others(&path), path });
    LocalFacts { env_file, library: library(subject), port: port(subject.survey.listen).await }
}

/// Loads the library, which takes tens of milliseconds. Rooms of an emulator are joined without it.
fn library(subject: &Subject) -> Option<Result<Check, LibraryProblem>> {
    if !subject.needs_library {
        return None;
    }
    let path = subject.library.as_deref().ok_or(LibraryProblem::NoFolder);
    Some(path.and_then(|path| core::check(path).map_err(LibraryProblem::Core)))
}

async fn port(listen: SocketAddr) -> Port {
    if listen.port() == 0 {
        return Port::Any;
    }
    match health(listen).await {
        Some(Some(_)) => Port::Ours(listen),
        Some(None) => Port::Taken(listen),
        None => match std::net::TcpListener::bind(listen) {
            Ok(_) => Port::Free(listen),
            Err(cause) if cause.kind() == std::io::ErrorKind::AddrInUse => Port::Taken(listen),
            Err(cause) => Port::Unusable(listen, cause.to_string()),
        },
    }
}

/// Which callflow server answers at an address of this machine: none if nobody speaks HTTP there, and `None`
/// in it if it is no callflow server.
pub(in crate::cli::doctor) async fn health(listen: SocketAddr) -> Option<Option<String>> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let url = format!("http://{}/health", SocketAddr::new(ip, listen.port()));
    let client = http::client(&url).ok()?;
    http::send(client.get(url)).await.ok().map(|answer| answer.instance)
}
