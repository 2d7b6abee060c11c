//! Somebody at a phone.

use std::time::Duration;

use callflow::pii::{Address, PhoneNumber};
use callflow::sandbox::phone::{Phone, PhoneEvent};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long anything may take, in virtual time.
pub const PATIENCE: Duration = Duration::from_secs(150);

pub struct Person {
    pub phone: Phone,
    events: mpsc::Receiver<PhoneEvent>,
    /// Everything that was understood, in order.
    pub heard: Vec<String>,
    /// Keys that came over the line.
    keys: String,
}

impl Person {
    pub async fn calls(origin: &str, from: &str, to: &str) -> Self {
        let number = |text| PhoneNumber::parse(text).unwrap();
        let (phone, events) = Phone::call(origin, &number(from), &number(to)).await.unwrap();
        Self { phone, events, heard: Vec::new(), keys: String::new() }
    }

    pub async fn waits(origin: &str, at: &str) -> Self {
        let (phone, events) = Phone::wait(origin, at).await.unwrap();
        Self { phone, events, heard: Vec::new(), keys: String::new() }
    }

    /// The phone rings; whose number it shows.
    pub async fn rings(&mut self) -> Option<Address> {
        match self.until("a ring", |event| matches!(event, PhoneEvent::Ringing { .. })).await {
            PhoneEvent::Ringing { from } => from,
            _ => unreachable!("it was waited for"),
        }
    }

    pub async fn picks_up(&mut self) {
        self.rings().await;
        self.phone.answer().unwrap();
        self.until("a connection", |event| *event == PhoneEvent::Connected).await;
    }

    /// Says something to its end.
    pub async fn says(&mut self, words: &str) {
        self.phone.say(words).unwrap();
        self.until("the end of it", |event| *event == PhoneEvent::FinishedSaying).await;
    }

    /// Waits until this was heard, undamaged.
    pub async fn hears(&mut self, words: &str) {
        let is_it =
            |event: &PhoneEvent| matches!(event, PhoneEvent::Heard { text, .. } if text.text() == words);
        self.until(words, is_it).await;
    }

    /// Waits until these keys, and no others, have come over the line.
    pub async fn gets_keys(&mut self, keys: &str) {
        while self.keys.len() < keys.len() {
            self.until(keys, |event| matches!(event, PhoneEvent::Dtmf(_))).await;
        }
        assert_eq!(self.keys, keys);
    }

    /// Waits until the line is closed; why.
    pub async fn hung_up(&mut self) -> String {
        match self.until("the end", |event| matches!(event, PhoneEvent::HungUp { .. })).await {
            PhoneEvent::HungUp { reason } => reason,
            _ => unreachable!("it was waited for"),
        }
    }

    /// Lets time pass, and takes note of what is heard.
    pub async fn listens(&mut self, time: Duration) {
        let never = async {
            loop {
                self.next("nothing").await;
            }
        };
        let _passed = timeout(time, never).await;
    }

    async fn until(&mut self, what: &str, is: impl Fn(&PhoneEvent) -> bool) -> PhoneEvent {
        let looking = async {
            loop {
                let event = self.next(what).await;
                if is(&event) {
                    return event;
                }
            }
        };
        match timeout(PATIENCE, looking).await {
            Ok(event) => event,
            Err(_) => panic!("{what:?} never came; heard: {:?}", self.heard),
        }
    }

    async fn next(&mut self, what: &str) -> PhoneEvent {
        let Some(event) = self.events.recv().await else {
            panic!("the line is closed, and {what:?} has not come; heard: {:?}", self.heard)
        };
        match &event {
            PhoneEvent::Heard { text, .. } => self.heard.push(text.text().to_owned()),
            PhoneEvent::Dtmf(key) => self.keys.push(*key),
            _ => {}
        }
        event
    }
}
