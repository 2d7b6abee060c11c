//! A leg in a room: audio and keys both ways until somebody has enough.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::event;
use super::keys::KeyTones;
use super::legs::{Extension, Leg, LegOrder, Progress, Transfer};
use super::line::{FromPhone, Line, ToPhone};
use crate::sandbox::room::Room;

/// Why a leg is out of the room.
#[derive(Debug)]
pub(super) enum TalkEnd {
    /// Its phone hung up.
    HungUp,
    /// It was told to stop.
    Stopped,
    /// The session ended.
    RoomEnded,
    /// It goes to somebody else.
    Transferred(Transfer),
}

/// Takes a place in the room and stays until the end.
pub(super) async fn talk(
    line: &mut Line,
    leg: &mut Leg,
    room: &Arc<Room>,
    user_name: Option<String>,
    mut extension: Option<Extension>,
    deaf: bool,
) -> TalkEnd {
    let Some(mut seat) = room.seat_phone(leg.id, user_name, deaf) else { return TalkEnd::RoomEnded };
    leg.note(Progress::Talking);
    let (mut spoken, mut sent) = (KeyTones::default(), KeyTones::default());
    let wait = extension.as_ref().map_or(0.0, |extension| extension.wait_seconds);
    let mut extension_due = pin!(sleep(Duration::from_secs_f64(wait)));
    loop {
        tokio::select! {
            heard = seat.heard.recv() => match heard {
                Some(frame) => line.play(sent.mixed_into(frame)),
                None => return TalkEnd::RoomEnded,
            },
            said = line.recv() => match said {
                FromPhone::Audio(frame) => seat.say(spoken.mixed_into(frame)),
                FromPhone::Key(key) => {
                    spoken.press(key);
                    room.announce(&event::dtmf(leg.id, key));
                }
                FromPhone::HangUp => return TalkEnd::HungUp,
                FromPhone::Answer | FromPhone::Reject(_) => {}
            },
            order = leg.next_order() => match order {
                LegOrder::Stop => return TalkEnd::Stopped,
                LegOrder::Keys(keys) => send_keys(line, &mut sent, &keys),
                LegOrder::Transfer(transfer) => return TalkEnd::Transferred(transfer),
            },
            () = &mut extension_due, if extension.is_some() => {
                if let Some(extension) = extension.take() {
                    send_keys(line, &mut sent, &extension.keys);
                }
            }
        }
    }
}

/// Keys towards a phone: heard, and told.
pub(super) fn send_keys(line: &Line, tones: &mut KeyTones, keys: &str) {
    for key in keys.chars() {
        tones.press(key);
        line.tell(ToPhone::Key(key));
    }
}
