//! The task of one voice: clauses are asked for one after the other, in the order in which they were told.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::clause::{Clause, Speaker};
use crate::pii::Utterance;
use crate::speech::{ContextId, SpeechError, TtsCommand, TtsEvent};

/// Clauses that wait; no more commands are taken beyond.
const MAX_WAITING: usize = 256;
/// Contexts remembered, so that text which crosses a cancellation stays unsaid.
const REMEMBERED: usize = 64;

/// One call's voice.
pub(super) struct Voice {
    speaker: Speaker,
    commands: mpsc::Receiver<TtsCommand>,
    events: mpsc::Sender<TtsEvent>,
    waiting: VecDeque<Text>,
    speaking: Option<Speaking>,
    /// Cancelled, failed or done.
    over: VecDeque<ContextId>,
    untold: VecDeque<TtsEvent>,
    asked: u64,
}

/// A text that was told.
struct Text {
    context: ContextId,
    text: Utterance,
    last: bool,
}

/// The clause that is being spoken.
struct Speaking {
    context: ContextId,
    last: bool,
    clause: Clause,
}

/// What the task wakes for.
enum Happening {
    Told,
    Command(Option<TtsCommand>),
    Piece(Option<Result<Vec<i16>, SpeechError>>),
}

impl Voice {
    pub(super) fn new(
        speaker: Speaker,
        commands: mpsc::Receiver<TtsCommand>,
        events: mpsc::Sender<TtsEvent>,
    ) -> Self {
        Self {
            speaker,
            commands,
            events,
            waiting: VecDeque::new(),
            speaking: None,
            over: VecDeque::with_capacity(REMEMBERED),
            untold: VecDeque::new(),
            asked: 0,
        }
    }

    /// Runs until told to close. Failures end contexts, not the stream.
    pub(super) async fn run(mut self) {
        while self.turn().await {}
        if self.events.send(TtsEvent::Closed(Ok(()))).await.is_err() {
            tracing::trace!("nobody waits for the end of the voice");
        }
    }

    /// Handles one thing. `false` at the end.
    ///
    /// Commands are taken even while the reader of events lags, so that a cancellation is never late; the
    /// vendor is not read then, so that it is slowed down and nothing piles up.
    async fn turn(&mut self) -> bool {
        self.begin_next();
        let has_room = self.waiting.len() < MAX_WAITING;
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
            piece = next_piece(&mut self.speaking), if all_told => Happening::Piece(piece),
        };
        match happened {
            Happening::Told => {}
            Happening::Command(Some(TtsCommand::Speak { context, text, last })) => {
                if self.over.contains(&context) {
                    tracing::debug!(context = context.0, "text for an utterance that is over stays unsaid");
                } else {
                    self.waiting.push_back(Text { context, text, last });
                }
            }
            Happening::Command(Some(TtsCommand::Cancel(context))) => {
                self.untold.retain(|event| !concerns(event, context));
                self.end(context);
            }
            Happening::Command(Some(TtsCommand::Close) | None) => return false,
            Happening::Piece(piece) => self.take(piece),
        }
        true
    }

    /// Asks for the next clause if none is being spoken. Texts without a word are not worth asking.
    fn begin_next(&mut self) {
        while self.speaking.is_none()
            && let Some(Text { context, text, last }) = self.waiting.pop_front()
        {
            if !text.text().contains(char::is_alphanumeric) {
                self.finish(context, last);
            } else {
                self.asked += 1;
                let clause = self.speaker.speak(context, self.asked, &text);
                self.speaking = Some(Speaking { context, last, clause });
            }
        }
    }

    fn take(&mut self, piece: Option<Result<Vec<i16>, SpeechError>>) {
        let Some(speaking) = &self.speaking else { return };
        let (context, last) = (speaking.context, speaking.last);
        match piece {
            Some(Ok(samples)) => self.untold.push_back(TtsEvent::Audio { context, samples }),
            Some(Err(error)) => {
                tracing::warn!(context = context.0, %error, "an utterance failed");
                self.end(context);
                self.untold.push_back(TtsEvent::Failed(context, error));
            }
            None => {
                self.speaking = None;
                self.finish(context, last);
            }
        }
    }

    /// All of a text was said.
    fn finish(&mut self, context: ContextId, last: bool) {
        if last {
            self.end(context);
            self.untold.push_back(TtsEvent::Done(context));
        }
    }

    /// Ends a context on our side; its request with it.
    fn end(&mut self, context: ContextId) {
        self.waiting.retain(|text| text.context != context);
        self.speaking.take_if(|speaking| speaking.context == context);
        if self.over.len() == REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back(context);
    }
}

async fn next_piece(speaking: &mut Option<Speaking>) -> Option<Result<Vec<i16>, SpeechError>> {
    match speaking {
        Some(speaking) => speaking.clause.next().await,
        None => std::future::pending().await,
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
