//! A place in a room: taking it, talking from it, and leaving by dropping it.

use std::sync::Arc;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::member::{CLIENT_QUEUE, Ears, Member, PHONE_QUEUE, ToClient};
use super::playout::Playout;
use super::{Room, event};
use crate::audio::Frame;

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
        let place = self.seat(Uuid::new_v4(), user_name, owner, ears);
        ClientSeat { messages, place }
    }

    /// Lets a phone's leg in and tells the others; `None` if no session runs (any more).
    pub(crate) fn seat_phone(self: &Arc<Self>, leg: Uuid, user_name: Option<String>) -> Option<PhoneSeat> {
        self.session_end()?;
        let (queue, heard) = mpsc::channel(PHONE_QUEUE);
        let place = self.seat(leg, user_name, false, Ears::Phone { queue });
        Some(PhoneSeat { heard, place })
    }

    /// Takes an endpoint for one call; `None` if a call is on it.
    pub(crate) fn take_endpoint(self: &Arc<Self>, endpoint: &str) -> Option<EndpointLease> {
        let fresh = self.lock().taken.insert(endpoint.to_owned());
        fresh.then(|| EndpointLease { room: Arc::clone(self), endpoint: endpoint.to_owned() })
    }

    fn seat(self: &Arc<Self>, id: Uuid, user_name: Option<String>, owner: bool, ears: Ears) -> Place {
        let mut newcomer = Member { id, user_name, owner, playout: Playout::default(), ears };
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
