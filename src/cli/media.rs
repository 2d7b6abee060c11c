//! Who joins rooms: the sandbox's own client, or Daily's native library, found and loaded before the first call.

use std::path::PathBuf;
use std::sync::Arc;

use super::daily;
use crate::settings::{DialOutPath, Media, Vendors};
use crate::telephony::RoomClient;
use crate::telephony::daily::core::{CoreError, DailyRooms};
use crate::telephony::ws_room::WsRooms;

/// A client that joins rooms, and the library that it does it with.
pub(super) struct RoomMedia {
    pub(super) rooms: Arc<dyn RoomClient>,
    /// The native library's file; none with the sandbox's rooms.
    pub(super) library: Option<PathBuf>,
}

/// Why live rooms cannot be joined. One sentence, with the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is no place to look for the library.
    #[error(
        "Daily's media library is nowhere to be looked for: none of DAILY_CORE_LIBRARY, XDG_DATA_HOME and HOME is \
         set; `callflow daily fetch --data FOLDER` installs it, and DAILY_CORE_LIBRARY names its file"
    )]
    NowhereToLook,
    /// It cannot be used.
    #[error(transparent)]
    Library(#[from] CoreError),
}

/// Gets ready to join rooms. Loading the library takes tens of milliseconds, once a process. `env` looks
/// variables up.
///
/// # Errors
/// See [`MediaError`]; never with the sandbox's rooms.
pub(super) fn prepare(
    vendors: &Vendors,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<RoomMedia, MediaError> {
    match vendors.media {
        Media::SandboxRoom => Ok(RoomMedia { rooms: Arc::new(WsRooms::new()), library: None }),
        Media::NativeLibrary => {
            let path = daily::library(env).ok_or(MediaError::NowhereToLook)?;
            let rooms = DailyRooms::load(&path)?;
            let rooms = match vendors.dial_out {
                DialOutPath::Rest => rooms,
                DialOutPath::Client => rooms.commanding_legs(),
            };
            tracing::info!(library = %path.display(), "Daily's media library is loaded");
            Ok(RoomMedia { rooms: Arc::new(rooms), library: Some(path) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_cannot_be_found_is_one_sentence_with_the_command_that_installs_it() {
        let homeless = |_: &str| None;
        let astray = |name: &str| (name == "DAILY_CORE_LIBRARY").then(|| "no/such.so".to_owned());
        for env in [&homeless as &dyn Fn(&str) -> Option<String>, &astray] {
            let vendors = Vendors { media: Media::NativeLibrary, ..Vendors::offline() };
            let Err(error) = prepare(&vendors, env) else { panic!("loaded from nowhere") };
            let text = error.to_string();
            assert!(text.contains("`callflow daily fetch") && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn the_sandbox_needs_no_library() {
        let media = prepare(&Vendors::offline(), &|name| panic!("{name} was looked up"));
        assert!(media.is_ok_and(|media| media.library.is_none()));
    }
}
