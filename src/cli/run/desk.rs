//! The phones on the desk: the caller's, and one for every dial target of the flow.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::script::Phones;
use crate::pii::{PhoneNumber, Utterance};
use crate::plan::Plan;
use crate::sandbox::phone::{Phone, PhoneError, PhoneEvent, RejectReason};

/// The phones, their events merged into one queue.
pub(super) struct Desk {
    url: String,
    /// Withheld if absent.
    from: Option<PhoneNumber>,
    to: PhoneNumber,
    caller: Option<Handset>,
    operators: Vec<Operator>,
    events: (mpsc::Sender<DeskEvent>, mpsc::Receiver<DeskEvent>),
}

/// Something a phone told.
pub(super) enum DeskEvent {
    /// The caller's.
    Caller(PhoneEvent),
    /// A target's, by name.
    Operator(String, PhoneEvent),
}

/// Why something cannot be done right now.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeskError {
    #[error("there is no call; /call places one")]
    NoCall,
    #[error("there is a call already; /hangup ends it")]
    AlreadyCalling,
    #[error("no more calls are taken: the program ends with this one")]
    Leaving,
    #[error("no phone rings")]
    NothingRings,
    #[error("the operator is not on a call")]
    OperatorIdle,
    #[error(transparent)]
    Phone(#[from] PhoneError),
}

struct Handset {
    phone: Phone,
    _events: AbortOnDropHandle<()>,
}

struct Operator {
    name: Arc<str>,
    address: String,
    handset: Handset,
    rings: bool,
    talks: bool,
}

impl Desk {
    pub(super) fn new(url: String, from: Option<PhoneNumber>, to: PhoneNumber) -> Self {
        Self { url, from, to, caller: None, operators: Vec::new(), events: mpsc::channel(1024) }
    }

    /// Puts a phone on the desk for every target that has none.
    pub(super) async fn wait_for_targets(&mut self, plan: &Plan) -> Result<(), DeskError> {
        let mut wanted: HashMap<&str, &Arc<str>> = HashMap::new();
        for target in &plan.targets {
            wanted.entry(target.address.reveal()).or_insert(&target.name);
        }
        self.operators.retain(|o| wanted.contains_key(&*o.address) || o.talks);
        for (address, name) in wanted {
            if !self.operators.iter().any(|o| o.address == *address) {
                let (phone, events) = Phone::wait(&self.url, address).await?;
                let label = name.to_string();
                let handset = self.handset(phone, events, move |e| DeskEvent::Operator(label.clone(), e));
                let operator = Operator {
                    name: Arc::clone(name),
                    address: address.to_owned(),
                    handset,
                    rings: false,
                    talks: false,
                };
                self.operators.push(operator);
            }
        }
        Ok(())
    }

    /// The next thing a phone tells.
    pub(super) async fn event(&mut self) -> DeskEvent {
        match self.events.1.recv().await {
            Some(event) => {
                self.note(&event);
                event
            }
            // The desk holds a sender itself.
            None => std::future::pending().await,
        }
    }

    pub(super) fn in_call(&self) -> bool {
        self.caller.is_some()
    }

    pub(super) fn phones(&self) -> Phones {
        Phones {
            operator_rings: self.operators.iter().any(|o| o.rings),
            operator_talks: self.operators.iter().any(|o| o.talks),
        }
    }

    pub(super) async fn call(&mut self) -> Result<(), DeskError> {
        if self.caller.is_some() {
            return Err(DeskError::AlreadyCalling);
        }
        let (phone, events) = match &self.from {
            Some(from) => Phone::call(&self.url, from, &self.to).await?,
            None => Phone::call_withheld(&self.url, &self.to).await?,
        };
        self.caller = Some(self.handset(phone, events, DeskEvent::Caller));
        Ok(())
    }

    pub(super) fn say(&self, words: &Utterance) -> Result<(), DeskError> {
        Ok(self.caller()?.phone.say(words.text())?)
    }

    pub(super) fn press(&self, keys: &str) -> Result<(), DeskError> {
        for key in keys.chars() {
            self.caller()?.phone.press(key)?;
        }
        Ok(())
    }

    pub(super) fn hang_up(&self) -> Result<(), DeskError> {
        // The phone stays on the desk until the network has confirmed it.
        Ok(self.caller()?.phone.hang_up()?)
    }

    pub(super) fn answer(&mut self) -> Result<(), DeskError> {
        let operator = self.ringing()?;
        operator.rings = false;
        operator.talks = true;
        Ok(operator.handset.phone.answer()?)
    }

    pub(super) fn reject(&mut self, reason: RejectReason) -> Result<(), DeskError> {
        let operator = self.ringing()?;
        operator.rings = false;
        Ok(operator.handset.phone.reject(reason)?)
    }

    pub(super) fn operator_say(&mut self, words: &Utterance) -> Result<(), DeskError> {
        Ok(self.talking()?.handset.phone.say(words.text())?)
    }

    pub(super) fn operator_press(&mut self, keys: &str) -> Result<(), DeskError> {
        let operator = self.talking()?;
        for key in keys.chars() {
            operator.handset.phone.press(key)?;
        }
        Ok(())
    }

    pub(super) fn operator_hang_up(&mut self) -> Result<(), DeskError> {
        let operator = self.talking()?;
        operator.talks = false;
        Ok(operator.handset.phone.hang_up()?)
    }

    fn caller(&self) -> Result<&Handset, DeskError> {
        self.caller.as_ref().ok_or(DeskError::NoCall)
    }

    fn ringing(&mut self) -> Result<&mut Operator, DeskError> {
        self.operators.iter_mut().find(|o| o.rings).ok_or(DeskError::NothingRings)
    }

    fn talking(&mut self) -> Result<&mut Operator, DeskError> {
        self.operators.iter_mut().find(|o| o.talks).ok_or(DeskError::OperatorIdle)
    }

    fn note(&mut self, event: &DeskEvent) {
        match event {
            DeskEvent::Caller(PhoneEvent::HungUp { .. }) => self.caller = None,
            DeskEvent::Caller(_) => {}
            DeskEvent::Operator(name, event) => {
                let Some(operator) = self.operators.iter_mut().find(|o| *o.name == **name) else { return };
                match event {
                    PhoneEvent::Ringing { .. } => operator.rings = true,
                    PhoneEvent::HungUp { .. } => {
                        operator.rings = false;
                        operator.talks = false;
                    }
                    _ => {}
                }
            }
        }
    }

    fn handset(
        &self,
        phone: Phone,
        mut events: mpsc::Receiver<PhoneEvent>,
        wrap: impl Fn(PhoneEvent) -> DeskEvent + Send + 'static,
    ) -> Handset {
        let merged = self.events.0.clone();
        let forward = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if merged.send(wrap(event)).await.is_err() {
                    break;
                }
            }
        });
        Handset { phone, _events: AbortOnDropHandle::new(forward) }
    }
}
