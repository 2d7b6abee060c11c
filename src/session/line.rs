//! The line to a vendor, which may still be opening: what is sent meanwhile waits, the oldest dropped first.
//!
//! A call must not wait for its vendors: the caller is forwarded and greeted while they open.

use std::collections::VecDeque;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::speech::{SpeechError, SttCommand, SttEvent, SttStream, TtsCommand, TtsEvent, TtsStream};

/// A line on which commands of one kind are sent and events of another are heard.
pub(super) struct Line<C, E> {
    state: State<C, E>,
    waiting: VecDeque<C>,
    most_waiting: usize,
}

enum State<C, E> {
    Opening(BoxFuture<'static, Result<Ends<C, E>, SpeechError>>),
    Open(Ends<C, E>),
    Closed,
}

/// Both ends of an open stream, whichever the vendor.
pub(super) struct Ends<C, E> {
    commands: mpsc::Sender<C>,
    events: mpsc::Receiver<E>,
    _task: AbortOnDropHandle<()>,
}

impl<C: Send + 'static, E: Send + 'static> Line<C, E> {
    /// A line that is being opened.
    pub(super) fn opening<S>(stream: BoxFuture<'static, Result<S, SpeechError>>, most_waiting: usize) -> Self
    where
        S: Into<Ends<C, E>> + 'static,
    {
        let ends = stream.map(|opened| opened.map(Into::into)).boxed();
        Self { state: State::Opening(ends), waiting: VecDeque::new(), most_waiting }
    }

    /// What the vendor says next: an event, `None` if its stream ended, or why it could not be opened. Never
    /// resolves on a closed line. May be dropped and asked again at any time.
    pub(super) async fn next(&mut self) -> Result<Option<E>, SpeechError> {
        if let State::Opening(stream) = &mut self.state {
            match stream.await {
                Ok(ends) => self.open(ends),
                Err(error) => {
                    self.close();
                    return Err(error);
                }
            }
        }
        match &mut self.state {
            State::Open(ends) => Ok(ends.events.recv().await),
            State::Opening(_) | State::Closed => std::future::pending().await,
        }
    }

    /// Sends a command, or lets it wait for the line to open. False if the line is closed, or the vendor does
    /// not keep up; nothing ever waits for a vendor.
    pub(super) fn send(&mut self, command: C) -> bool {
        match &self.state {
            State::Opening(_) => {
                if self.waiting.len() == self.most_waiting {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(command);
                true
            }
            State::Open(ends) => ends.commands.try_send(command).is_ok(),
            State::Closed => false,
        }
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Drops the stream, which ends it at the vendor.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
        self.waiting.clear();
    }

    fn open(&mut self, ends: Ends<C, E>) {
        for command in self.waiting.drain(..) {
            if ends.commands.try_send(command).is_err() {
                tracing::debug!("a vendor's queue is shorter than what waited for it");
            }
        }
        self.state = State::Open(ends);
    }
}

impl From<SttStream> for Ends<SttCommand, SttEvent> {
    fn from(SttStream { commands, events, task }: SttStream) -> Self {
        Self { commands, events, _task: task }
    }
}

impl From<TtsStream> for Ends<TtsCommand, TtsEvent> {
    fn from(TtsStream { commands, events, task }: TtsStream) -> Self {
        Self { commands, events, _task: task }
    }
}
