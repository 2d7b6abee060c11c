//! The bot's mouth: sentences to the TTS stream, its audio into the playout, and "said" when it was heard.
//!
//! Everything that is begun ends, heard or not, whatever the vendor does. Decides nothing: what is said, and
//! when it is cut, is the machine's business.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::line::Line;
use super::prepared::Prepared;
use crate::audio::Frame;
use crate::machine::{Millis, ReplyId, UtteranceId};
use crate::pii::Utterance;
use crate::speech::playout::{Heard, Playout, PlayoutEvent, PlayoutSettings};
use crate::speech::{ContextId, SpeechError, TtsCommand, TtsEvent, TtsStream};

/// Texts that wait for a voice to open.
const MOST_WAITING: usize = 32;
/// How long a voice may owe us audio. What it does not give by then would keep everything behind it from
/// being said. Longer than the vendor client's own patience, which knows better what went wrong.
const MUTE_AFTER: Duration = Duration::from_secs(6);

/// Frames that lie between our room connection and the caller's ear, in a jitter buffer and a network: a
/// sentence counts as said when they have played it too, or the end of a goodbye would be cut off.
pub(super) const DOWNSTREAM: u64 = 6;

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

#[derive(Debug)]
struct Open {
    speech: Speech,
    text: String,
    started: Option<Millis>,
    failed: bool,
    /// All text was given.
    complete: bool,
    /// Since when the voice owes us audio, or its end.
    owed: Option<Instant>,
}

/// What there is of a sentence as audio.
pub(super) enum Rendering {
    Ready(Arc<[i16]>),
    /// On its way.
    Coming,
    /// Nobody is rendering it.
    Absent,
}

pub(super) struct Voice {
    tts: Line<TtsCommand, TtsEvent>,
    playout: Playout,
    open: BTreeMap<ContextId, Open>,
    prepared: Prepared,
    last_context: u64,
}

impl Voice {
    pub(super) fn new(tts: BoxFuture<'static, Result<TtsStream, SpeechError>>) -> Self {
        Self {
            tts: Line::opening(tts, MOST_WAITING),
            playout: Playout::new(PlayoutSettings { downstream_frames: DOWNSTREAM, ..Default::default() }),
            open: BTreeMap::new(),
            prepared: Prepared::default(),
            last_context: 0,
        }
    }

    /// What the TTS stream gives next; never resolves without one.
    pub(super) async fn tts_event(&mut self) -> Result<Option<TtsEvent>, SpeechError> {
        self.tts.next().await
    }

    /// Speaks a fixed sentence after whatever is queued. `false`: it cannot be spoken at all.
    pub(super) fn say(&mut self, utterance: UtteranceId, text: &Utterance) -> bool {
        if self.prepared.get(text.text()).is_none() && self.tts.is_closed() {
            return false;
        }
        let context = self.begin(Speech::Fixed(utterance), text);
        match self.prepared.get(text.text()) {
            Some(sentence) => {
                self.playout.push(context, &sentence.samples);
                self.playout.words(context, sentence.words.clone());
                self.playout.end(context);
            }
            None => self.speak(context, text.text(), true),
        }
        true
    }

    /// Plays a recording after whatever is queued: no vendor is needed. `text` is what it says.
    pub(super) fn play(&mut self, utterance: UtteranceId, text: &Utterance, samples: &[i16]) -> bool {
        let context = self.begin(Speech::Fixed(utterance), text);
        if let Some(open) = self.open.get_mut(&context) {
            open.complete = true;
        }
        self.playout.push(context, samples);
        self.playout.end(context);
        true
    }

    /// Renders a sentence ahead of time.
    pub(super) fn prepare(&mut self, text: &Utterance) {
        if text.is_blank() || self.prepared.knows(text.text()) {
            return;
        }
        let context = self.fresh_context();
        self.prepared.begin(context, text.text());
        self.speak(context, text.text(), true);
    }

    /// What there is of a sentence that was to be rendered ahead of time.
    pub(super) fn rendering(&self, text: &Utterance) -> Rendering {
        match self.prepared.get(text.text()) {
            Some(sentence) => Rendering::Ready(sentence.samples.as_slice().into()),
            None if self.prepared.knows(text.text()) => Rendering::Coming,
            None => Rendering::Absent,
        }
    }

    /// Adds a clause to a reply, verbatim; the first one takes the reply's place in the queue.
    pub(super) fn add_to_reply(&mut self, reply: ReplyId, clause: &str) {
        let speech = Speech::Reply(reply);
        let context = self.context_of(speech).unwrap_or_else(|| self.begin(speech, &Utterance::default()));
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
            self.unsay(context);
        }
        self.playout.cut();
    }

    /// Cuts one stretch of speech; what is before and behind it stays.
    pub(super) fn cancel(&mut self, speech: Speech) {
        if let Some(context) = self.context_of(speech) {
            self.unsay(context);
            self.playout.cancel(context);
        }
    }

    pub(super) fn hold(&mut self, audio: Option<Arc<[i16]>>) {
        self.playout.hold(audio);
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.playout.is_speaking() || !self.open.is_empty()
    }

    /// Whether this has words that were not heard to their end yet.
    pub(super) fn is_open(&self, speech: Speech) -> bool {
        self.context_of(speech).is_some()
    }

    /// The next 20 ms.
    pub(super) fn next_frame(&mut self) -> Frame {
        self.give_up_on_the_mute();
        self.playout.next_frame()
    }

    /// Takes what the vendor gave. An error is what made the stream end.
    pub(super) fn on_tts(
        &mut self,
        event: Result<Option<TtsEvent>, SpeechError>,
    ) -> Result<(), Option<SpeechError>> {
        match event {
            Ok(Some(TtsEvent::Audio { context, samples })) => self.on_audio(context, &samples),
            Ok(Some(TtsEvent::Words { context, words })) => {
                if self.prepared.is_rendering(context) {
                    self.prepared.words(context, words);
                } else {
                    self.playout.words(context, words);
                }
            }
            Ok(Some(TtsEvent::Done(context))) => {
                self.prepared.done(context);
                self.playout.end(context);
                if let Some(open) = self.open.get_mut(&context) {
                    open.owed = None;
                }
            }
            Ok(Some(TtsEvent::Failed(context, error))) => self.fail(context, &error),
            Ok(Some(TtsEvent::Closed(Ok(()))) | None) => return self.on_closed(None),
            Ok(Some(TtsEvent::Closed(Err(error)))) | Err(error) => return self.on_closed(Some(error)),
        }
        Ok(())
    }

    /// The pipeline is gone: what is not prepared cannot be spoken any more.
    pub(super) fn close(&mut self) {
        self.tts.close();
        self.prepared.give_up();
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
                    let heard = Heard { text: Utterance::new(heard.text.text().trim_end()), ..heard };
                    return Some(Spoken {
                        speech: open.speech,
                        text: Utterance::new(open.text.trim_end()),
                        heard,
                        start: open.started.unwrap_or(now),
                        failed: open.failed,
                    });
                }
            }
        }
        None
    }

    fn begin(&mut self, speech: Speech, text: &Utterance) -> ContextId {
        let context = self.fresh_context();
        self.playout.begin(context, text);
        let text = text.text().to_owned();
        let open = Open { speech, text, started: None, failed: false, complete: false, owed: None };
        self.open.insert(context, open);
        context
    }

    fn on_audio(&mut self, context: ContextId, samples: &[i16]) {
        if self.prepared.is_rendering(context) {
            return self.prepared.audio(context, samples);
        }
        self.playout.push(context, samples);
        if let Some(open) = self.open.get_mut(&context) {
            open.owed = open.complete.then(Instant::now);
        }
    }

    fn on_closed(&mut self, error: Option<SpeechError>) -> Result<(), Option<SpeechError>> {
        self.tts.close();
        self.prepared.give_up();
        for (&context, open) in &mut self.open {
            // A sentence that has all its audio is heard to its end.
            open.failed |= open.owed.is_some() || !open.complete;
            self.playout.fail(context);
        }
        Err(error)
    }

    fn give_up_on_the_mute(&mut self) {
        let now = Instant::now();
        let is_mute = |open: &Open| open.owed.is_some_and(|since| now.duration_since(since) >= MUTE_AFTER);
        while let Some(context) =
            self.open.iter().find(|(_, open)| is_mute(open)).map(|(&context, _)| context)
        {
            self.unsay(context);
            self.fail(context, &SpeechError::Silent { vendor: "the voice", waited: MUTE_AFTER });
        }
    }

    fn fail(&mut self, context: ContextId, error: &SpeechError) {
        tracing::warn!(%error, "a sentence could not be spoken");
        self.prepared.fail(context);
        if let Some(open) = self.open.get_mut(&context) {
            open.failed = true;
            open.owed = None;
        }
        self.playout.fail(context);
    }

    fn speak(&mut self, context: ContextId, text: &str, last: bool) {
        if let Some(open) = self.open.get_mut(&context) {
            open.complete |= last;
            if last {
                open.owed = Some(Instant::now());
            } else {
                open.owed.get_or_insert_with(Instant::now);
            }
        }
        if !self.tts.send(TtsCommand::Speak { context, text: Utterance::new(text), last }) {
            let detail = "its queue is full or closed".to_owned();
            self.fail(context, &SpeechError::Disconnected { vendor: "the voice", detail });
        }
    }

    /// No more audio of a context is wanted.
    fn unsay(&mut self, context: ContextId) {
        if !self.tts.send(TtsCommand::Cancel(context)) {
            tracing::trace!("a voice was not told that a context is over");
        }
    }

    fn context_of(&self, speech: Speech) -> Option<ContextId> {
        self.open.iter().find(|(_, open)| open.speech == speech).map(|(&context, _)| context)
    }

    fn fresh_context(&mut self) -> ContextId {
        self.last_context += 1;
        ContextId(self.last_context)
    }
}
