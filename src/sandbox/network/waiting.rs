//! Phones that wait for their number to be dialled.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::line::{Line, PhoneEnd, ToPhone, line};
use crate::pii::Address;

/// A phone in the register: it is rung by getting the end of a line.
struct Entry {
    id: Uuid,
    calls: mpsc::Sender<PhoneEnd>,
}

/// The waiting phones by number, longest waiting first.
#[derive(Clone, Default)]
pub(super) struct WaitingPhones {
    by_number: Arc<Mutex<HashMap<String, VecDeque<Entry>>>>,
}

/// A phone's wait. Dropping it ends the wait.
pub(crate) struct WaitingPhone {
    /// The call that rings it. It rings for one call: after that it has to wait anew.
    pub(crate) calls: mpsc::Receiver<PhoneEnd>,
    id: Uuid,
    number: String,
    phones: WaitingPhones,
}

impl WaitingPhones {
    pub(super) fn wait_at(&self, number: &Address) -> WaitingPhone {
        let (sender, calls) = mpsc::channel(1);
        let (id, number) = (Uuid::new_v4(), key(number));
        self.lock().entry(number.clone()).or_default().push_back(Entry { id, calls: sender });
        WaitingPhone { calls, id, number, phones: self.clone() }
    }

    pub(super) fn ring(&self, to: &Address, from: &str) -> Option<Line> {
        let mut by_number = self.lock();
        let phones = by_number.get_mut(&key(to))?;
        while let Some(phone) = phones.pop_front() {
            let (line, end) = line();
            // A phone that has gone in this moment does not take it: the next one rings.
            if phone.calls.try_send(end).is_ok() {
                line.tell(ToPhone::Ringing { from: from.to_owned() });
                return Some(line);
            }
        }
        None
    }

    pub(super) fn count(&self) -> usize {
        self.lock().values().map(VecDeque::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Entry>>> {
        self.by_number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingPhone {
    fn drop(&mut self) {
        let mut by_number = self.phones.lock();
        if let Some(phones) = by_number.get_mut(&self.number) {
            phones.retain(|phone| phone.id != self.id);
            if phones.is_empty() {
                by_number.remove(&self.number);
            }
        }
    }
}

/// What two spellings of one address have in common: parameters and headers do not tell phones apart.
fn key(address: &Address) -> String {
    let text = address.reveal();
    text.split([';', '?']).next().unwrap_or(text).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_ring_in_the_order_of_waiting_and_once_each() {
        let phones = WaitingPhones::default();
        let number = Address::parse("+15550100001").unwrap();
        let mut first = phones.wait_at(&number);
        let mut second = phones.wait_at(&number);
        assert!(phones.ring(&number, "x").is_some());
        assert!(first.calls.try_recv().is_ok() && second.calls.try_recv().is_err());
        assert!(phones.ring(&number, "x").is_some());
        assert!(second.calls.try_recv().is_ok());
        assert!(phones.ring(&number, "x").is_none());
    }

    #[test]
    fn a_phone_that_has_gone_does_not_ring() {
        let phones = WaitingPhones::default();
        let desk = Address::parse("sip:Desk@example.com").unwrap();
        drop(phones.wait_at(&desk));
        let _other = phones.wait_at(&desk);
        assert_eq!(phones.count(), 1);
        assert!(phones.ring(&Address::parse("sip:desk@example.com?X-Team=1").unwrap(), "x").is_some());
        assert_eq!(phones.count(), 0);
    }
}
