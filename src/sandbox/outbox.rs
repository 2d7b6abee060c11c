//! What is to be sent, in order, with the fault that befalls it. No socket.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::faults::Fault;

/// What a [`Fault::Garbage`] looks like: no vendor's messages begin like this.
const GARBAGE: &str = "\u{1F4A5}{\"type\":";

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Send a message.
    Send(String),
    /// Break the connection without a word.
    Break,
    /// Close it, for this reason.
    Close(u16, &'static str),
}

/// Messages that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Entry>,
    /// Held back, to be sent after the next message.
    overtaken: Option<Entry>,
    /// Nothing is sent any more.
    silent: bool,
}

#[derive(Debug)]
struct Entry {
    step: Step,
    /// Of what it is a part: a Cartesia context.
    topic: Option<Arc<str>>,
    /// Not to be sent earlier.
    due: Instant,
}

impl Outbox {
    /// Adds the messages of one answer; a fault befalls them as a whole.
    pub(super) fn push(&mut self, topic: Option<&Arc<str>>, messages: Vec<String>, fault: Option<&Fault>) {
        let sent = messages.len();
        let mut steps: Vec<Step> = messages.into_iter().map(Step::Send).collect();
        match fault {
            Some(Fault::Silent) => steps.clear(),
            Some(Fault::Disconnect) => {
                // In the middle, if there is one.
                steps.truncate(sent / 2);
                steps.push(Step::Break);
            }
            Some(Fault::Garbage) => {
                if let Some(first) = steps.first_mut() {
                    *first = Step::Send(GARBAGE.to_owned());
                }
            }
            Some(Fault::Duplicate) => {
                if let Some(first) = steps.first().cloned() {
                    steps.insert(0, first);
                }
            }
            Some(Fault::Reorder) if sent > 1 => steps.swap(0, 1),
            Some(
                Fault::Slow { .. } | Fault::Refuse { .. } | Fault::Reorder | Fault::Warning | Fault::Visitor,
            )
            | None => {}
        }
        let due = Instant::now() + fault.map(Fault::delay).unwrap_or_default();
        let mut entries = steps.into_iter().map(|step| Entry { step, topic: topic.cloned(), due });
        if sent == 1 && matches!(fault, Some(Fault::Reorder)) && self.overtaken.is_none() {
            self.overtaken = entries.next();
            return;
        }
        self.waiting.extend(entries);
        self.waiting.extend(self.overtaken.take_if(|_| sent > 0));
    }

    /// Closes the connection after what waits.
    pub(super) fn close(&mut self, code: u16, reason: &'static str) {
        self.waiting.push_back(Entry { step: Step::Close(code, reason), topic: None, due: Instant::now() });
    }

    /// Sends nothing any more.
    pub(super) fn silence(&mut self) {
        self.silent = true;
    }

    /// Forgets the messages of a topic.
    pub(super) fn forget(&mut self, topic: &str) {
        self.waiting.retain(|entry| entry.topic.as_deref() != Some(topic));
    }

    /// Lets go of what was held back to be overtaken: nothing will overtake it any more.
    pub(super) fn release(&mut self) {
        self.waiting.extend(self.overtaken.take());
    }

    /// Whether nothing is to be sent, now or later.
    pub(super) fn is_empty(&self) -> bool {
        self.silent || self.waiting.is_empty()
    }

    /// Waits for the next message to be due and gives it out; never, if there is none. Can be dropped while
    /// it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> Step {
        let Some(due) = self.waiting.front().filter(|_| !self.silent).map(|entry| entry.due) else {
            return std::future::pending().await;
        };
        sleep_until(due).await;
        match self.waiting.pop_front() {
            Some(entry) => entry.step,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    fn messages(of: &[&str]) -> Vec<String> {
        of.iter().map(|&text| text.to_owned()).collect()
    }

    fn sent(outbox: &mut Outbox) -> Vec<String> {
        let steps = std::iter::from_fn(|| outbox.next().now_or_never());
        let steps = steps.map(|step| match step {
            Step::Send(text) => text,
            Step::Break => "break".to_owned(),
            Step::Close(code, _) => format!("close {code}"),
        });
        steps.collect()
    }

    fn with(fault: Fault, answer: &[&str]) -> Vec<String> {
        let mut outbox = Outbox::default();
        outbox.push(None, messages(answer), Some(&fault));
        outbox.push(None, messages(&["next"]), None);
        sent(&mut outbox)
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_has_its_face() {
        assert_eq!(with(Fault::Duplicate, &["a", "b"]), ["a", "a", "b", "next"]);
        assert_eq!(with(Fault::Reorder, &["a", "b"]), ["b", "a", "next"]);
        assert_eq!(with(Fault::Reorder, &["a"]), ["next", "a"]);
        assert_eq!(with(Fault::Garbage, &["a", "b"]), [GARBAGE, "b", "next"]);
        assert_eq!(with(Fault::Disconnect, &["a", "b", "c"])[..2], ["a", "break"]);
        assert_eq!(with(Fault::Disconnect, &["a"])[..1], ["break"]);
        assert_eq!(with(Fault::Silent, &["a", "b"]), ["next"]);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_is_late_and_keeps_the_order() {
        let mut outbox = Outbox::default();
        outbox.push(None, messages(&["late"]), Some(&Fault::Slow { ms: 800 }));
        outbox.push(None, messages(&["after it"]), None);
        advance(Duration::from_millis(799)).await;
        assert_eq!(sent(&mut outbox), [""; 0]);
        advance(Duration::from_millis(2)).await;
        assert_eq!(sent(&mut outbox), ["late", "after it"]);
        assert!(outbox.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_is_forgotten_and_what_was_held_back_is_released() {
        let mut outbox = Outbox::default();
        let (one, two) = (Arc::from("one"), Arc::from("two"));
        outbox.push(Some(&one), messages(&["a"]), None);
        outbox.push(Some(&two), messages(&["b"]), None);
        outbox.push(None, messages(&["held"]), Some(&Fault::Reorder));
        outbox.forget("one");
        assert_eq!(sent(&mut outbox), ["b"]);
        outbox.release();
        assert_eq!(sent(&mut outbox), ["held"]);
        outbox.push(None, messages(&["last"]), None);
        outbox.close(1011, "why");
        assert_eq!(sent(&mut outbox), ["last", "close 1011"]);
        outbox.silence();
        outbox.push(None, messages(&["never"]), None);
        assert_eq!(sent(&mut outbox), [""; 0]);
        assert!(outbox.is_empty());
    }
}
