//! Telling the clients of a room what happens, and the faults that this can suffer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::member::Ears;
use super::{Inside, Room, event};
use crate::sandbox::faults::{Fault, Service};

/// How long somebody stays who is nobody's.
const VISIT: Duration = Duration::from_millis(1_500);

impl Room {
    /// Tells all clients an event. Its `action` is the name under which faults are ordered.
    pub(crate) fn announce(self: &Arc<Self>, event: &Value) {
        self.announce_but_to(None, event);
    }

    /// Tells all clients but one.
    pub(super) fn announce_but_to(self: &Arc<Self>, except: Option<Uuid>, event: &Value) {
        let action = event["action"].as_str().unwrap_or_default();
        let text = event.to_string();
        // A visitor's own coming and going brings no other visitor, or there would be no end of them.
        let visited = self.lock().visited;
        let fits = |fault: &Fault| !fault.is_refusal() && (*fault != Fault::Visitor || !visited);
        let fault = self.faults.take_if(Service::Daily, action, fits);
        match fault {
            None | Some(Fault::Refuse { .. }) => self.lock().tell_but_to(except, &text),
            Some(Fault::Silent) => {}
            Some(Fault::Garbage) => self.lock().tell_but_to(except, &text[..text.len() / 2]),
            Some(Fault::Reorder) => self.lock().kept_back = Some(text),
            Some(Fault::Disconnect) => self.cut_clients_off(),
            Some(Fault::Duplicate) => {
                let mut inside = self.lock();
                inside.tell_but_to(except, &text);
                inside.tell_but_to(except, &text);
            }
            Some(Fault::Warning) => {
                let mut inside = self.lock();
                inside.tell_but_to(except, &text);
                inside.tell_but_to(None, &event::warning(event).to_string());
            }
            Some(Fault::Visitor) => {
                self.lock().tell_but_to(except, &text);
                self.receive_visitor();
            }
            Some(slow @ Fault::Slow { .. }) => {
                let room = Arc::clone(self);
                self.tasks.spawn(async move {
                    tokio::time::sleep(slow.delay()).await;
                    room.lock().tell_but_to(except, &text);
                });
            }
        }
    }

    /// Somebody joins who is no leg and no bot, says nothing, and leaves.
    fn receive_visitor(self: &Arc<Self>) {
        let room = Arc::clone(self);
        self.lock().visited = true;
        self.tasks.spawn(async move {
            let seat = room.seat_client(Some("visitor".to_owned()), false);
            tokio::time::sleep(VISIT).await;
            drop(seat);
            room.lock().visited = false;
        });
    }

    /// The signalling breaks: every client's socket closes without a word.
    fn cut_clients_off(&self) {
        for member in &mut self.lock().members {
            if let Ears::Client { queue, .. } = &mut member.ears {
                *queue = None;
            }
        }
    }
}

impl Inside {
    /// Tells an event, and after it one that was kept back.
    pub(super) fn tell_but_to(&mut self, except: Option<Uuid>, text: &str) {
        let kept_back = self.kept_back.take();
        for member in self.members.iter_mut().filter(|member| Some(member.id) != except) {
            member.tell(text);
            if let Some(earlier) = &kept_back {
                member.tell(earlier);
            }
        }
    }
}
