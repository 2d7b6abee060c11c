//! A place in a room: taking it, talking from it, and leaving by dropping it.

use std::sync::Arc;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::hearing::Hearing;
use super::member::{CLIENT_QUEUE, Ears, Member, PHONE_QUEUE, ToClient};
use super::playout::Playout;
use super::{Room, event};
use crate::audio::Frame;
use crate::sandbox::clock::unix_now;

/// A client's place.
pub(crate) struct ClientSeat {
    /// What is to be sent to the client; its end is the client's end.
    pub(crate) messages: mpsc::Receiver<ToClient>,
    place: Place,
}

/// A phone leg's place.
pub(crate) struct PhoneSeat {
    /// The mix of everybody else, a frame every 20 ms; its end is the end of the session.
    pub(crate) heard: mpsc::Receiver<Frame>,
    place: Place,
}

/// A caller's hold on one SIP endpoint, which serves one call at a time.
pub(crate) struct EndpointLease {
    room: Arc<Room>,
    endpoint: String,
}

/// Presence in a room, which ends when this is dropped.
struct Place {
    room: Arc<Room>,
    id: Uuid,
}

impl ClientSeat {
    /// Plays a frame of the client's microphone, if that is on.
    pub(crate) fn say(&self, frame: Frame) {
        self.place.with_member(|member| {
            if member.is_heard() {
                member.playout.push(frame);
            }
        });
    }

    /// Publishes or unpublishes the microphone; what was not played is not played any more.
    pub(crate) fn set_microphone(&self, on: bool) {
        self.place.with_member(|member| {
            if let Ears::Client { microphone, .. } = &mut member.ears {
                *microphone = on;
            }
            if !on {
                member.playout.clear();
            }
        });
    }

    /// Passes everybody's audio to the client, or nobody's.
    pub(crate) fn set_subscribed(&self, on: bool) {
        self.place.with_member(|member| {
            if let Ears::Client { subscribed, .. } = &mut member.ears {
                *subscribed = on;
            }
        });
    }
}

impl PhoneSeat {
    /// Plays a frame of the phone.
    pub(crate) fn say(&self, frame: Frame) {
        self.place.with_member(|member| member.playout.push(frame));
    }
}

impl Room {
    /// Lets a client in, tells it who is there, and tells the others.
    pub(crate) fn seat_client(self: &Arc<Self>, user_name: Option<String>, owner: bool) -> ClientSeat {
        let (queue, messages) = mpsc::channel(CLIENT_QUEUE);
        let ears = Ears::Client { queue: Some(queue), microphone: false, subscribed: false };
        let place = self.seat(Uuid::new_v4(), user_name, owner, ears, Hearing::default());
        if !self.is_open() {
            // Closed in this moment: the end of the session may have been before the seat.
            self.unseat(place.id);
        }
        ClientSeat { messages, place }
    }

    /// Lets a phone's leg in and tells the others; `None` if no session runs (any more). One that is `deaf` hears
    /// nobody until it is allowed to.
    pub(crate) fn seat_phone(
        self: &Arc<Self>,
        leg: Uuid,
        user_name: Option<String>,
        deaf: bool,
    ) -> Option<PhoneSeat> {
        self.session_end()?;
        let (queue, heard) = mpsc::channel(PHONE_QUEUE);
        let hearing = Hearing::of_a_newcomer(deaf);
        let place = self.seat(leg, user_name, false, Ears::Phone { queue }, hearing);
        Some(PhoneSeat { heard, place })
    }

    /// Takes an endpoint for one call; `None` if a call is on it.
    pub(crate) fn take_endpoint(self: &Arc<Self>, endpoint: &str) -> Option<EndpointLease> {
        let fresh = self.lock().taken.insert(endpoint.to_owned());
        fresh.then(|| EndpointLease { room: Arc::clone(self), endpoint: endpoint.to_owned() })
    }

    fn seat(
        self: &Arc<Self>,
        id: Uuid,
        user_name: Option<String>,
        owner: bool,
        ears: Ears,
        hearing: Hearing,
    ) -> Place {
        let playout = Playout::default();
        let mut newcomer = Member { id, user_name, owner, joined_at: unix_now(), playout, ears, hearing };
        newcomer.tell(&event::joined_meeting(id).to_string());
        let joined = event::participant_joined(&newcomer);
        let mut inside = self.lock();
        for member in &inside.members {
            newcomer.tell(&event::participant_joined(member).to_string());
        }
        inside.members.push(newcomer);
        drop(inside);
        self.announce_but_to(Some(id), &joined);
        self.ensure_session();
        Place { room: Arc::clone(self), id }
    }

    /// Takes a participant out and tells the others; the last one, or the owner, may end the session.
    fn unseat(self: &Arc<Self>, id: Uuid) {
        let (was_owner, empty) = {
            let mut inside = self.lock();
            let Some(index) = inside.members.iter().position(|member| member.id == id) else {
                return; // The session ended before.
            };
            let member = inside.members.remove(index);
            (member.owner, inside.members.is_empty())
        };
        self.announce(&event::participant_left(id));
        if empty || (was_owner && self.ends_with_owner && !self.has_owner()) {
            self.end_session();
        }
    }
}

impl Place {
    fn with_member(&self, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.room.lock().members.iter_mut().find(|member| member.id == self.id) {
            change(member);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.unseat(self.id);
    }
}

impl Drop for EndpointLease {
    fn drop(&mut self) {
        self.room.lock().taken.remove(&self.endpoint);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use tokio_util::sync::CancellationToken;

    use super::super::{Room, RoomSettings, Rooms};
    use super::*;
    use crate::sandbox::faults::Faults;
    use crate::sandbox::tasks::Tasks;

    fn room(rooms: &Rooms) -> Arc<Room> {
        let settings = RoomSettings { enable_dialout: true, ..RoomSettings::default() };
        rooms.create("r".to_owned(), true, settings, Map::new()).unwrap()
    }

    fn rooms() -> Rooms {
        Rooms::new(true, Tasks::new(CancellationToken::new()), Faults::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off_and_the_others_hear_everything() {
        let rooms = rooms();
        let room = room(&rooms);
        let mut deaf = room.seat_client(None, true);
        let mut good = room.seat_client(None, true);
        for n in 0..CLIENT_QUEUE + 10 {
            room.announce(&json!({"action": "dtmf-event", "tone": n.to_string()}));
            assert!(good.messages.recv().await.is_some(), "event {n}");
        }
        let mut kept = 0;
        while deaf.messages.recv().await.is_some() {
            kept += 1;
        }
        assert_eq!(kept, CLIENT_QUEUE, "the queue ends where it was full");
        drop(deaf);
        assert_eq!(room.state().participants.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn audio_never_crowds_out_events() {
        let rooms = rooms();
        let room = room(&rooms);
        let listener = room.seat_client(None, true);
        listener.set_subscribed(true);
        let leg = room.seat_phone(Uuid::new_v4(), None, false).unwrap();
        for _ in 0..1_000 {
            leg.say(Frame::silence());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let waiting = listener.messages.len();
        assert!((100..CLIENT_QUEUE).contains(&waiting), "{waiting} messages wait");
        room.announce(&json!({"action": "dtmf-event"}));
        assert_eq!(listener.messages.len(), waiting + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_stays_in_a_room_that_is_deleted_while_they_sit_down() {
        let rooms = rooms();
        let room = room(&rooms);
        assert!(rooms.delete("r"));
        let mut late = room.seat_client(None, true);
        while late.messages.recv().await.is_some() {}
        assert!(room.state().participants.is_empty() && room.session_end().is_none());
    }
}
