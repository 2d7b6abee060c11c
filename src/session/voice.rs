//! The bot's mouth: sentences to the TTS stream, its audio into the playout, and "said" when it was heard.
//!
//! Prepared sentences are kept as audio, so that they can be spoken when no vendor is there any more.
//! Decides nothing: what is said, and when it is cut, is the machine's business.

use std::collections::HashMap;

use crate::audio::Frame;
use crate::machine::{Millis, ReplyId, UtteranceId};
use crate::pii::Utterance;
use crate::speech::playout::{Heard, Playout, PlayoutEvent, PlayoutSettings};
use crate::speech::{ContextId, TtsCommand, TtsEvent, TtsStream, Word};

/// What a stretch of speech is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speech {
    Fixed(UtteranceId),
    Reply(ReplyId),
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Spoken {
    pub speech: Speech,
    pub text: Utterance,
    pub heard: Heard,
    pub start: Millis,
    pub failed: bool,
}

/// A sentence kept as audio.
#[derive(Debug, Default)]
struct Prepared {
    samples: Vec<i16>,
    words: Vec<Word>,
    complete: bool,
}

#[derive(Debug)]
struct Open {
    speech: Speech,
    text: String,
    started: Option<Millis>,
    failed: bool,
}

#[derive(Debug)]
pub(super) struct Voice {
    tts: Option<TtsStream>,
    playout: Playout,
    open: HashMap<ContextId, Open>,
    preparing: HashMap<ContextId, String>,
    prepared: HashMap<String, Prepared>,
    next_context: u64,
}

impl Voice {
    pub(super) fn new(tts: Option<TtsStream>) -> Self {
        Self {
            tts,
            // From our room connection to the caller's ear lie a jitter buffer and a network: a sentence
            // counts as said when they, too, have played it, or the end of a goodbye would be cut off.
            playout: Playout::new(PlayoutSettings { downstream_frames: 6, ..PlayoutSettings::default() }),
            open: HashMap::new(),
            preparing: HashMap::new(),
            prepared: HashMap::new(),
            next_context: 0,
        }
    }

    /// The next event of the TTS stream; never resolves without a stream.
    pub(super) async fn tts_event(&mut self) -> Option<TtsEvent> {
        match &mut self.tts {
            Some(stream) => stream.events.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Speaks a fixed sentence after whatever is queued. `false`: it cannot be spoken at all.
    pub(super) fn say(&mut self, utterance: UtteranceId, text: &Utterance) -> bool {
        let context = self.fresh_context();
        let prepared = self.prepared.get(text.text()).filter(|p| p.complete);
        if prepared.is_none() && self.tts.is_none() {
            return false;
        }
        self.playout.begin(context, text);
        if let Some(prepared) = prepared {
            self.playout.push(context, &prepared.samples);
            self.playout.words(context, prepared.words.clone());
            self.playout.end(context);
        }
        let send = prepared.is_none();
        self.open.insert(
            context,
            Open {
                speech: Speech::Fixed(utterance),
                text: text.text().to_owned(),
                started: None,
                failed: false,
            },
        );
        if send {
            self.speak(context, text.text(), true);
        }
        true
    }

    /// Renders a sentence ahead of time.
    pub(super) fn prepare(&mut self, text: &Utterance) {
        if text.is_blank() || self.prepared.contains_key(text.text()) || self.tts.is_none() {
            return;
        }
        let context = self.fresh_context();
        self.prepared.insert(text.text().to_owned(), Prepared::default());
        self.preparing.insert(context, text.text().to_owned());
        self.speak(context, text.text(), true);
    }

    /// Adds a clause to a reply; the first one takes the reply's place in the queue.
    pub(super) fn add_to_reply(&mut self, reply: ReplyId, clause: &str) {
        let context = match self.context_of(Speech::Reply(reply)) {
            Some(context) => context,
            None => {
                let context = self.fresh_context();
                self.playout.begin(context, &Utterance::default());
                let open =
                    Open { speech: Speech::Reply(reply), text: String::new(), started: None, failed: false };
                self.open.insert(context, open);
                context
            }
        };
        // Verbatim: a clause brings the space that parts it from the next one.
        if let Some(open) = self.open.get_mut(&context) {
            open.text.push_str(clause);
        }
        self.playout.append_text(context, clause);
        self.speak(context, clause, false);
    }

    /// No more clauses will come. `false`: the reply had no words at all.
    pub(super) fn end_reply(&mut self, reply: ReplyId) -> bool {
        let Some(context) = self.context_of(Speech::Reply(reply)) else { return false };
        self.speak(context, "", true);
        true
    }

    /// Cuts everything that sounds or waits.
    pub(super) fn cut(&mut self) {
        let contexts: Vec<ContextId> = self.open.keys().copied().collect();
        for context in contexts {
            self.command(TtsCommand::Cancel(context));
        }
        self.playout.cut();
    }

    pub(super) fn hold(&mut self, audio: Option<std::sync::Arc<[i16]>>) {
        self.playout.hold(audio);
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.playout.is_speaking() || !self.open.is_empty()
    }

    /// Whether this reply has words that were not heard to their end yet.
    pub(super) fn is_open(&self, speech: Speech) -> bool {
        self.context_of(speech).is_some()
    }

    /// The next 20 ms.
    pub(super) fn next_frame(&mut self) -> Frame {
        self.playout.next_frame()
    }

    /// Takes what the vendor gave. An error is what made the stream end.
    pub(super) fn on_tts(
        &mut self,
        event: Option<TtsEvent>,
    ) -> Result<(), Option<crate::speech::SpeechError>> {
        match event {
            Some(TtsEvent::Audio { context, samples }) => match self.preparing_of(context) {
                Some(prepared) => prepared.samples.extend(samples),
                None => self.playout.push(context, &samples),
            },
            Some(TtsEvent::Words { context, words }) => match self.preparing_of(context) {
                Some(prepared) => prepared.words.extend(words),
                None => self.playout.words(context, words),
            },
            Some(TtsEvent::Done(context)) => match self.preparing.remove(&context) {
                Some(text) => {
                    if let Some(prepared) = self.prepared.get_mut(&text) {
                        prepared.complete = true;
                    }
                }
                None => self.playout.end(context),
            },
            Some(TtsEvent::Failed(context, error)) => self.on_failed(context, &error),
            Some(TtsEvent::Closed(Ok(()))) | None => return self.on_closed(None),
            Some(TtsEvent::Closed(Err(error))) => return self.on_closed(Some(error)),
        }
        Ok(())
    }

    /// The pipeline is gone: what is not prepared cannot be spoken any more.
    pub(super) fn close(&mut self) {
        self.tts = None;
        self.preparing.clear();
        self.playout.hold(None);
        self.playout.cut();
    }

    /// What was heard to its end, cut, or failed, since the last question.
    pub(super) fn poll(&mut self, now: Millis) -> Option<Spoken> {
        while let Some(event) = self.playout.poll_event() {
            match event {
                PlayoutEvent::Started { context } => {
                    if let Some(open) = self.open.get_mut(&context) {
                        open.started.get_or_insert(now);
                    }
                }
                PlayoutEvent::Finished { context, heard } => {
                    let Some(open) = self.open.remove(&context) else { continue };
                    return Some(Spoken {
                        speech: open.speech,
                        text: Utterance::new(open.text),
                        heard,
                        start: open.started.unwrap_or(now),
                        failed: open.failed,
                    });
                }
            }
        }
        None
    }

    fn on_failed(&mut self, context: ContextId, error: &crate::speech::SpeechError) {
        tracing::warn!(%error, "a sentence could not be spoken");
        if let Some(text) = self.preparing.remove(&context) {
            self.prepared.remove(&text);
        } else if let Some(open) = self.open.get_mut(&context) {
            open.failed = true;
            self.playout.fail(context);
        }
    }

    fn on_closed(
        &mut self,
        error: Option<crate::speech::SpeechError>,
    ) -> Result<(), Option<crate::speech::SpeechError>> {
        self.tts = None;
        let unfinished: Vec<ContextId> = self.open.keys().copied().collect();
        for context in unfinished {
            if let Some(open) = self.open.get_mut(&context) {
                open.failed = true;
            }
            self.playout.fail(context);
        }
        Err(error)
    }

    fn speak(&mut self, context: ContextId, text: &str, last: bool) {
        self.command(TtsCommand::Speak { context, text: Utterance::new(text), last });
    }

    fn command(&mut self, command: TtsCommand) {
        let Some(stream) = &self.tts else { return };
        let context = match &command {
            TtsCommand::Speak { context, .. } => Some(*context),
            _ => None,
        };
        if stream.commands.try_send(command).is_err()
            && let Some(context) = context
        {
            let vendor = "the voice";
            let detail = "its queue is full or closed".to_owned();
            self.on_failed(context, &crate::speech::SpeechError::Disconnected { vendor, detail });
        }
    }

    fn preparing_of(&mut self, context: ContextId) -> Option<&mut Prepared> {
        let text = self.preparing.get(&context)?;
        self.prepared.get_mut(text)
    }

    fn context_of(&self, speech: Speech) -> Option<ContextId> {
        self.open.iter().find(|(_, open)| open.speech == speech).map(|(&context, _)| context)
    }

    fn fresh_context(&mut self) -> ContextId {
        self.next_context += 1;
        ContextId(self.next_context)
    }
}
