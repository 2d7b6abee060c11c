//! The emulated telephone network: callers that are held, phones that wait, legs, and what connects them.
//!
//! It knows rooms and phones but no REST bodies and no sockets. Each call is one task that owns its line;
//! the registers here only let others find it.

mod dial_in;
mod dial_out;
mod event;
mod held;
mod keys;
mod legs;
mod line;
mod relay;
mod talk;
mod waiting;
mod webhook;

use std::sync::Arc;

use uuid::Uuid;

pub(crate) use dial_in::place_call;
pub(crate) use dial_out::{DialOut, start_dial_out};
pub use legs::{Direction, LegState, Progress};
pub(crate) use legs::{Extension, LegOrder, Transfer};
pub(crate) use line::{FromPhone, Line, PhoneEnd, Rejection, ToPhone, line};
pub(crate) use waiting::WaitingPhone;
pub use webhook::NotBase64;
pub(crate) use webhook::{Webhook, test_ping};

use super::room::{EndpointLease, Room};
use crate::pii::Address;
use held::{HeldCall, HeldCalls};
use legs::{Leg, Legs};
use waiting::WaitingPhones;

/// Where a held caller goes.
pub(crate) struct Forward {
    pub(crate) room: Arc<Room>,
    pub(crate) endpoint: String,
    pub(crate) lease: EndpointLease,
}

/// The registers of the network.
#[derive(Default)]
pub(crate) struct Network {
    held: HeldCalls,
    waiting: WaitingPhones,
    legs: Legs,
}

impl Network {
    /// Forwards a held caller; `false` if there is none with these ids (any more).
    pub(crate) fn forward(&self, call_id: &str, call_domain: &str, forward: Forward) -> bool {
        self.held.forward(call_id, call_domain, forward)
    }

    /// How many callers are held.
    pub(crate) fn held_calls(&self) -> usize {
        self.held.count()
    }

    /// A phone waits for a number to be dialled.
    pub(crate) fn wait_at(&self, number: &Address) -> WaitingPhone {
        self.waiting.wait_at(number)
    }

    /// How many phones wait.
    pub(crate) fn waiting_phones(&self) -> usize {
        self.waiting.count()
    }

    /// Orders a leg of a room to do something; `false` if it cannot.
    pub(crate) fn order(&self, leg: Uuid, room: &str, order: LegOrder) -> bool {
        let able = match self.legs.progress(leg) {
            None | Some(Progress::Transferred) => false,
            Some(Progress::Talking) => true,
            Some(Progress::Connecting | Progress::Ringing) => matches!(order, LegOrder::Stop),
        };
        able && self.legs.order(leg, room, order)
    }

    /// Whether a leg is in a conversation, so that it can be moved.
    pub(crate) fn is_talking(&self, leg: Uuid) -> bool {
        self.legs.progress(leg) == Some(Progress::Talking)
    }

    /// How many legs were dialled into a room and are not over.
    pub(crate) fn dialled_legs(&self, room: &str) -> usize {
        self.legs.dialled_into(room)
    }

    /// All legs, for inspection.
    pub(crate) fn legs(&self) -> Vec<LegState> {
        self.legs.states()
    }

    /// Rings a phone that waits at a number; `None` if none does.
    fn ring(&self, to: &Address, from: &str) -> Option<Line> {
        self.waiting.ring(to, from)
    }

    fn register(&self, room: &str, direction: Direction) -> Leg {
        self.legs.register(room, direction)
    }

    fn note(&self, leg: Uuid, progress: Progress) {
        self.legs.note(leg, progress);
    }

    fn hold(&self) -> HeldCall {
        self.held.hold()
    }
}
