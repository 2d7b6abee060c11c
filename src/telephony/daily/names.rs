//! Names of rooms: recognisable as callflow's, as those of one server, and not to be guessed.
//!
//! Short on purpose: Daily documents 128 characters today, and documented 41 together with the domain's name.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What all names begin with.
const PREFIX: &str = "callflow-";
/// Digits of a server's mark.
const MARK: usize = 6;
/// Characters that nobody can guess, five bits each.
const SECRET: usize = 15;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The mark of one server in the names of its rooms: several servers may share one Daily account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMark(String);

impl ServerMark {
    /// The mark of the server that is called so. The same name gives the same mark, at every start.
    #[must_use]
    pub fn of(server: &str) -> Self {
        let digest = Sha256::digest(server.as_bytes());
        Self(digest.iter().take(MARK / 2).map(|byte| format!("{byte:02x}")).collect())
    }

    /// A mark that no other server has.
    #[must_use]
    pub fn unique() -> Self {
        Self::of(&Uuid::new_v4().to_string())
    }

    /// A new name. The room is public, as the original's: whoever knew its name could enter.
    pub(super) fn new_room(&self) -> String {
        let random = Uuid::new_v4();
        // The seventh byte has fixed bits.
        let bytes = random.as_bytes().iter().enumerate().filter(|(at, _)| *at != 6);
        let secret: String = bytes.map(|(_, byte)| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        format!("{PREFIX}{}-{secret}", self.0)
    }

    /// Whether a room is one that this server named.
    pub(super) fn named(&self, room: &str) -> bool {
        let secret = room
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix(&self.0))
            .and_then(|rest| rest.strip_prefix('-'));
        secret.is_some_and(|secret| secret.len() == SECRET && secret.bytes().all(|b| ALPHABET.contains(&b)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_server_knows_its_rooms_and_no_others() {
        let (ours, theirs) = (ServerMark::of("phone-1:7860"), ServerMark::of("phone-2:7860"));
        let room = ours.new_room();
        assert!(ours.named(&room) && !theirs.named(&room) && !ServerMark::unique().named(&room), "{room}");
        assert!(ServerMark::of("phone-1:7860").named(&room), "another mark after a restart");
        for other in [
            "callflow",
            "callflow-lobby",
            &room[..room.len() - 1],
            &format!("{room}x"),
            &room.to_uppercase(),
            "pipecat-telephony-2a6718be",
            "",
        ] {
            assert!(!ours.named(other), "{other}");
        }
    }

    #[test]
    fn names_are_valid_short_and_never_the_same() {
        let mark = ServerMark::of("x");
        let names: HashSet<String> = (0..1000).map(|_| mark.new_room()).collect();
        assert_eq!(names.len(), 1000);
        let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.iter().all(|name| name.len() == 31 && name.chars().all(is_valid)), "{names:?}");
        // Every place of the secret takes every character.
        for place in 16..31 {
            let seen: HashSet<u8> = names.iter().map(|name| name.as_bytes()[place]).collect();
            assert_eq!(seen.len(), 32, "place {place}: {seen:?}");
        }
    }
}
