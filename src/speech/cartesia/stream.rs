//! The task of one voice: texts out, audio in, over a connection that is opened again when it is needed.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::VENDOR;
use super::contexts::{ANSWER_WITHIN, Contexts, Plan};
use super::wire::{self, Manner, Response};
use crate::pii::Utterance;
use crate::speech::socket::{Endpoint, Garbage, Incoming, Line, Redial, Socket, Step};
use crate::speech::{ContextId, SpeechError, TtsCommand, TtsEvent, TtsParams};

/// Texts and cancellations that wait for a connection; no more commands are taken beyond.
const MAX_OUTBOX: usize = 256;
/// Events that wait for their reader; no more commands are taken beyond.
const MAX_UNTOLD: usize = 256;

/// One call's voice.
pub(super) struct Voice {
    endpoint: Endpoint,
    manner: Manner,
    commands: mpsc::Receiver<TtsCommand>,
    events: mpsc::Sender<TtsEvent>,
    contexts: Contexts,
    outbox: VecDeque<Outgoing>,
    untold: VecDeque<TtsEvent>,
    redial: Redial,
    up_since: Instant,
    heard_at: Instant,
    garbage: Garbage,
}

/// What waits to be sent.
enum Outgoing {
    Say { context: ContextId, text: Utterance, last: bool },
    Forget { vendor_id: String },
}

/// What the task wakes for.
enum Happening {
    Told,
    Command(Option<TtsCommand>),
    Step(Step),
    Overdue,
}

impl Voice {
    pub(super) fn new(
        endpoint: Endpoint,
        params: &TtsParams,
        commands: mpsc::Receiver<TtsCommand>,
        events: mpsc::Sender<TtsEvent>,
    ) -> Self {
        Self {
            endpoint,
            manner: Manner::new(params),
            commands,
            events,
            contexts: Contexts::new(&params.call_id),
            outbox: VecDeque::new(),
            untold: VecDeque::new(),
            redial: Redial::default(),
            up_since: Instant::now(),
            heard_at: Instant::now(),
            garbage: Garbage::default(),
        }
    }

    /// Runs until told to close. Failures end contexts, not the stream.
    pub(super) async fn run(mut self, socket: Socket) {
        let mut line = Line::Up(Box::new(socket));
        while self.turn(&mut line).await {}
        line.hang_up().await;
        if self.events.send(TtsEvent::Closed(Ok(()))).await.is_err() {
            tracing::trace!("nobody waits for the end of the voice");
        }
    }

    /// Handles one thing. `false` at the end.
    ///
    /// Commands are taken even while the reader of events lags, so that a cancellation is never late; the
    /// vendor is not read then, so that it is slowed down and nothing piles up.
    async fn turn(&mut self, line: &mut Line) -> bool {
        self.send_outbox(line).await;
        let deadline = self.contexts.next_deadline();
        let has_room = self.outbox.len() < MAX_OUTBOX && self.untold.len() < MAX_UNTOLD;
        let all_told = self.untold.is_empty();
        let happened = tokio::select! {
            biased;
            permit = self.events.reserve(), if !all_told => match (permit, self.untold.pop_front()) {
                (Ok(permit), Some(event)) => {
                    permit.send(event);
                    Happening::Told
                }
                _ => return false,
            },
            command = self.commands.recv(), if has_room => Happening::Command(command),
            step = line.step(), if all_told => Happening::Step(step),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if all_told && deadline.is_some() => {
                Happening::Overdue
            }
        };
        match happened {
            Happening::Told => {}
            Happening::Command(Some(TtsCommand::Speak { context, text, last })) => {
                self.speak(line, context, text, last);
            }
            Happening::Command(Some(TtsCommand::Cancel(context))) => self.cancel(context),
            Happening::Command(Some(TtsCommand::Close) | None) => return false,
            Happening::Step(step) => self.take(line, step),
            Happening::Overdue => self.give_up_on_silent(line),
        }
        true
    }

    fn speak(&mut self, line: &mut Line, context: ContextId, text: Utterance, last: bool) {
        if !self.contexts.is_open(context) && text.is_blank() {
            // Nothing was said and nothing is to be said: not worth asking the vendor.
            if last && self.contexts.begin(context) {
                self.contexts.close(context);
                self.untold.push_back(TtsEvent::Done(context));
            }
            return;
        }
        if !self.contexts.begin(context) {
            tracing::debug!(context = context.0, "text for an utterance that is over stays unsaid");
            return;
        }
        if text.text().is_empty() && !last {
            return;
        }
        self.outbox.push_back(Outgoing::Say { context, text, last });
        if matches!(line, Line::Down) {
            *line = self.connect(self.endpoint.disconnected("not connected"));
        }
    }

    fn cancel(&mut self, context: ContextId) {
        self.untold.retain(|event| !concerns(event, context));
        if let Some(vendor_id) = self.close(context) {
            self.outbox.push_back(Outgoing::Forget { vendor_id });
        }
    }

    /// Ends a context on our side. Gives its id if the vendor knows it.
    fn close(&mut self, context: ContextId) -> Option<String> {
        self.outbox.retain(|out| !matches!(out, Outgoing::Say { context: of, .. } if *of == context));
        self.contexts.close(context)
    }

    async fn send_outbox(&mut self, line: &mut Line) {
        while let Line::Up(socket) = line
            && let Some(out) = self.outbox.pop_front()
        {
            let Some(message) = self.message_for(&out) else { continue };
            if let Err(error) = self.endpoint.send(socket, Message::text(message)).await {
                self.outbox.push_front(out);
                self.lose(line, error);
            } else if let Outgoing::Say { context, last, .. } = out {
                self.contexts.sent(context, last, Instant::now());
            }
        }
    }

    fn message_for(&mut self, out: &Outgoing) -> Option<String> {
        match out {
            Outgoing::Forget { vendor_id } => Some(wire::cancel(vendor_id)),
            Outgoing::Say { context, text, last } => {
                match self.contexts.plan(*context, text.text(), *last, Instant::now())? {
                    Plan::Send(vendor_id) => Some(self.manner.speak(&vendor_id, text.text(), *last)),
                    Plan::AllSaid => {
                        self.contexts.close(*context);
                        self.untold.push_back(TtsEvent::Done(*context));
                        None
                    }
                }
            }
        }
    }

    fn take(&mut self, line: &mut Line, step: Step) {
        match step {
            Step::Connected(redial, Ok(socket)) => {
                self.redial = redial;
                self.up_since = Instant::now();
                self.heard_at = self.up_since;
                *line = Line::Up(socket);
            }
            Step::Connected(_spent, Err(error)) => {
                self.redial = Redial::default();
                self.outbox.clear();
                self.fail(self.contexts.all(), &error);
                *line = Line::Down;
            }
            Step::Message(message) => {
                if let Err(error) = self.read(message) {
                    self.lose(line, error);
                }
            }
        }
    }

    fn read(&mut self, message: Option<Result<Message, WsError>>) -> Result<(), SpeechError> {
        let parsed = match self.endpoint.incoming(message)? {
            Incoming::Text(text) => wire::parse(&text),
            Incoming::Binary(_) => Err("a binary frame".to_owned()),
            Incoming::Nothing => return Ok(()),
        };
        match parsed {
            Ok(response) => {
                self.heard_at = Instant::now();
                self.garbage.forget();
                self.understand(response);
                Ok(())
            }
            Err(detail) => {
                // It may have been sound, of any of them.
                self.untold.extend(self.contexts.owed().into_iter().map(TtsEvent::Garbled));
                self.garbage.count(VENDOR, detail)
            }
        }
    }

    /// What is about a cancelled context, or one of somebody else's, goes no further.
    fn understand(&mut self, response: Response) {
        match response {
            Response::Chunk { context_id, bytes } => {
                if let Some(context) = self.contexts.find(&context_id) {
                    let samples = self.contexts.audio(context, &bytes, Instant::now());
                    if !samples.is_empty() {
                        self.untold.push_back(TtsEvent::Audio { context, samples });
                    }
                }
            }
            Response::Timestamps { context_id, mut words } => {
                if let Some(context) = self.contexts.find(&context_id)
                    && !words.is_empty()
                {
                    self.contexts.place(context, &mut words);
                    self.untold.push_back(TtsEvent::Words { context, words });
                }
            }
            Response::FlushDone { context_id } => {
                if let Some(context) = self.contexts.find(&context_id) {
                    self.contexts.flushed(context);
                }
            }
            Response::Done { context_id } => {
                if let Some(context) = self.contexts.find(&context_id)
                    && self.contexts.over(context)
                {
                    self.contexts.close(context);
                    self.untold.push_back(TtsEvent::Done(context));
                }
            }
            Response::Error { context_id: Some(context_id), error } => {
                self.fail(self.contexts.find(&context_id).into_iter().collect(), &error);
            }
            Response::Error { context_id: None, error } => {
                tracing::warn!(%error, "the voice reports an error without saying where");
                self.fail(self.contexts.all(), &error);
            }
            Response::Other => {}
        }
    }

    fn fail(&mut self, contexts: Vec<ContextId>, error: &SpeechError) {
        for context in contexts {
            tracing::warn!(context = context.0, %error, "an utterance failed");
            self.close(context);
            self.untold.push_back(TtsEvent::Failed(context, error.clone()));
        }
    }

    /// A vendor that was silent to everything may be behind a dead connection: the next words take a new one.
    fn give_up_on_silent(&mut self, line: &mut Line) {
        let now = Instant::now();
        let error = SpeechError::Silent { vendor: VENDOR, waited: ANSWER_WITHIN };
        for context in self.contexts.overdue(now) {
            self.cancel(context);
            self.untold.push_back(TtsEvent::Failed(context, error.clone()));
        }
        if now.duration_since(self.heard_at) >= ANSWER_WITHIN {
            self.lose(line, error);
        }
    }

    /// The connection is of no use any more. Contexts of which something was lost fail; texts that were
    /// not sent yet wait for a new one.
    fn lose(&mut self, line: &mut Line, error: SpeechError) {
        self.redial.lived(self.up_since.elapsed());
        let lost = self.contexts.broken();
        self.fail(lost, &error);
        self.outbox.retain(|out| matches!(out, Outgoing::Say { .. }));
        self.garbage.forget();
        *line = if self.outbox.is_empty() {
            tracing::debug!(%error, "the voice is disconnected until it is needed");
            Line::Down
        } else {
            self.connect(error)
        };
    }

    fn connect(&mut self, cause: SpeechError) -> Line {
        Line::connecting(&self.endpoint, std::mem::take(&mut self.redial), cause)
    }
}

/// Whether an event is about a context.
fn concerns(event: &TtsEvent, context: ContextId) -> bool {
    match event {
        TtsEvent::Audio { context: of, .. } | TtsEvent::Words { context: of, .. } => *of == context,
        TtsEvent::Substituted(of) | TtsEvent::Garbled(of) | TtsEvent::Done(of) | TtsEvent::Failed(of, _) => {
            *of == context
        }
        TtsEvent::Closed(_) => false,
    }
}
