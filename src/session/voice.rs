//! The bot's mouth: sentences to the TTS stream, its audio into the playout, and "said" when it was heard.
//!
//! Everything that is begun ends, heard or not, whatever the vendor does. The voice is given the spoken form of a
//! text; what was heard is told as it was written. Decides nothing: what is said, and when it is cut, is the
//! machine's business.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::first_sound::FirstSound;
use super::line::Line;
use super::prepared::Prepared;
use super::prompts::Prompts;
use crate::audio::{Frame, apology, hold_audio};
use crate::machine::{APOLOGY, Millis, ReplyId, UtteranceId};
use crate::pii::Utterance;
use crate::speech::playout::{Heard, Playout, PlayoutEvent, PlayoutSettings};
use crate::speech::spoken::spoken;
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
    /// The caller may talk over it.
    interruptible: bool,
    text: String,
    /// When it was commanded.
    begun: Instant,
    started: Option<Millis>,
    failed: bool,
    /// All text was given.
    complete: bool,
    /// There was some sound for it.
    sounded: bool,
    /// Since when the voice owes us audio, or its end.
    owed: Option<Instant>,
}

/// What is said from a rendering that is not complete.
#[derive(Clone, Copy, Debug)]
struct Follower {
    context: ContextId,
    /// The rendering was asked for ahead of time: if it fails, the sentence is asked for once more.
    again: bool,
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
    /// Sentences that are said while they are being rendered to be kept, by the context of the rendering.
    following: BTreeMap<ContextId, Follower>,
    prompts: Prompts,
    language: Arc<str>,
    last_context: u64,
    /// Hold audio that the call plays.
    held: Option<Arc<[i16]>>,
    /// Sentences to be rendered when there is time.
    later: VecDeque<Utterance>,
    has_apologised: bool,
    first_sound: FirstSound,
    /// The sentence that passes the time.
    filler: Option<ContextId>,
}

impl Voice {
    pub(super) fn new(
        tts: BoxFuture<'static, Result<TtsStream, SpeechError>>,
        language: Arc<str>,
        prompts: Prompts,
    ) -> Self {
        Self {
            tts: Line::opening(tts, MOST_WAITING),
            playout: Playout::new(PlayoutSettings { downstream_frames: DOWNSTREAM, ..Default::default() }),
            open: BTreeMap::new(),
            prepared: Prepared::default(),
            following: BTreeMap::new(),
            prompts,
            language,
            last_context: 0,
            held: None,
            later: VecDeque::new(),
            has_apologised: false,
            first_sound: FirstSound::default(),
            filler: None,
        }
    }

    /// What the TTS stream gives next; never resolves without one.
    pub(super) async fn tts_event(&mut self) -> Result<Option<TtsEvent>, SpeechError> {
        self.tts.next().await
    }

    /// Speaks a fixed sentence after whatever is queued. `false`: it cannot be spoken at all.
    pub(super) fn say(&mut self, utterance: UtteranceId, text: &Utterance, interruptible: bool) -> bool {
        self.fetch(text.text());
        if self.prepared.get(text.text()).is_none() && self.tts.is_closed() {
            return false;
        }
        let context = self.begin(Speech::Fixed(utterance), interruptible);
        let spoken = self.write(context, text.text());
        if let Some(sentence) = self.prepared.get(text.text()) {
            self.playout.push(context, &sentence.samples);
            self.playout.words(context, sentence.words.clone());
            self.playout.end(context);
            if let Some(open) = self.open.get_mut(&context) {
                open.complete = true;
            }
        } else if let Some((rendering, so_far)) =
            self.prepared.coming(text.text()).filter(|(rendering, _)| !self.following.contains_key(rendering))
        {
            self.playout.push(context, &so_far.samples);
            self.playout.words(context, so_far.words.clone());
            if let Some(open) = self.open.get_mut(&context) {
                open.sounded = !so_far.samples.is_empty();
            }
            self.following.insert(rendering, Follower { context, again: true });
            self.owe(context, true);
        } else if !self.prepared.knows(text.text()) && self.prompts.wants(text.text()) {
            let rendering = self.fresh_context();
            self.prepared.begin(rendering, text.text());
            self.following.insert(rendering, Follower { context, again: false });
            self.owe(context, true);
            self.speak(rendering, &spoken, true);
        } else {
            self.speak(context, &spoken, true);
        }
        true
    }

    /// Plays a recording after whatever is queued: no vendor is needed. `text` is what it says.
    pub(super) fn play(
        &mut self,
        utterance: UtteranceId,
        text: &Utterance,
        samples: &[i16],
        interruptible: bool,
    ) -> bool {
        let context = self.begin(Speech::Fixed(utterance), interruptible);
        self.write(context, text.text());
        if let Some(open) = self.open.get_mut(&context) {
            open.complete = true;
        }
        self.playout.push(context, samples);
        self.playout.end(context);
        true
    }

    /// Renders a sentence ahead of time.
    pub(super) fn prepare(&mut self, text: &Utterance) {
        self.fetch(text.text());
        if text.is_blank() || self.prepared.knows(text.text()) {
            return;
        }
        let context = self.fresh_context();
        self.prepared.begin(context, text.text());
        let spoken = self.speakable(text.text());
        self.speak(context, &spoken, true);
    }

    /// Renders sentences ahead of time, one after the other: a vendor may count how many are asked for at once.
    pub(super) fn prepare_later(&mut self, texts: impl IntoIterator<Item = Utterance>) {
        for text in texts {
            if !self.prepared.knows(text.text()) && !self.later.contains(&text) {
                self.later.push_back(text);
            }
        }
        self.prepare_next();
    }

    fn prepare_next(&mut self) {
        while !self.prepared.is_rendering()
            && let Some(text) = self.later.pop_front()
        {
            self.prepare(&text);
        }
    }

    /// Takes a sentence from what was kept of earlier calls.
    fn fetch(&mut self, text: &str) {
        if !self.prepared.knows(text)
            && let Some(kept) = self.prompts.get(text)
        {
            self.prepared.put(text, kept.samples.clone(), kept.words.clone());
        }
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
        let context = self.context_of(speech).unwrap_or_else(|| self.begin(speech, true));
        let spoken = self.write(context, clause);
        self.speak(context, &spoken, false);
    }

    /// No more clauses will come. `false`: the reply had no words at all.
    pub(super) fn end_reply(&mut self, reply: ReplyId) -> bool {
        let Some(context) = self.context_of(Speech::Reply(reply)) else { return false };
        self.speak(context, "", true);
        true
    }

    /// Cuts everything that sounds or waits.
    pub(super) fn cut(&mut self) {
        // What is being rendered to be kept goes on being rendered.
        let kept = |context| self.following.values().any(|follower| follower.context == context);
        let contexts: Vec<ContextId> = self.open.keys().copied().filter(|&context| !kept(context)).collect();
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

    /// Whether something is said or waits to be, and the caller may talk over all of it.
    pub(super) fn may_be_interrupted(&self) -> bool {
        self.open.values().all(|open| open.interruptible)
    }

    /// Falls silent and keeps everything; ends with `resume` or `cut`.
    pub(super) fn pause(&mut self) {
        self.playout.pause();
    }

    /// Goes on from the word that was broken off.
    pub(super) fn resume(&mut self) {
        self.playout.resume();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.playout.is_paused()
    }

    /// Whether the caller hears a reply of the model: some of its sound was handed out.
    pub(super) fn is_replying(&self) -> bool {
        let is_heard = |(context, open): (&ContextId, &Open)| {
            matches!(open.speech, Speech::Reply(_)) && self.playout.has_begun(*context)
        };
        self.open.iter().any(is_heard)
    }

    /// Whether the caller hears something that was commanded since then.
    pub(super) fn is_heard_since(&self, at: Instant) -> bool {
        self.open.iter().any(|(context, open)| open.begun >= at && self.playout.has_begun(*context))
    }

    /// Whether some sound of this was handed out.
    pub(super) fn has_begun(&self, speech: Speech) -> bool {
        self.context_of(speech).is_some_and(|context| self.playout.has_begun(context))
    }

    pub(super) fn hold(&mut self, audio: Option<Arc<[i16]>>) {
        self.held.clone_from(&audio);
        self.playout.hold(audio);
    }

    /// Passes the time: with a sentence, if it is there, and with music.
    pub(super) fn fill(&mut self, text: &str) {
        self.fetch(text);
        let context = self.fresh_context();
        if let Some(sentence) = self.prepared.get(text) {
            self.playout.interject(context, &Utterance::new(text), &sentence.samples);
            self.filler = Some(context);
        }
        self.playout.hold(Some(self.held.clone().unwrap_or_else(hold_audio)));
    }

    /// Who has begun to speak needs no words that pass the time.
    pub(super) fn drop_filler(&mut self) {
        if let Some(context) = self.filler.take() {
            self.playout.cancel(context);
        }
    }

    /// The time is not to be passed any more.
    pub(super) fn end_filling(&mut self) {
        self.playout.hold(self.held.clone());
    }

    /// The last words of a call whose own cannot be spoken: an apology, in the call's voice if it was rendered. `false`:
    /// it was said already.
    pub(super) fn apologise(&mut self, utterance: UtteranceId) -> bool {
        if std::mem::replace(&mut self.has_apologised, true) {
            return false;
        }
        self.fetch(APOLOGY);
        let samples = match self.prepared.get(APOLOGY) {
            Some(sentence) => sentence.samples.as_slice().into(),
            None => apology(),
        };
        self.play(utterance, &Utterance::new(APOLOGY), &samples, false)
    }

    /// Whether sound is owed that the caller waits for.
    pub(super) fn owes_sound(&self) -> bool {
        self.open.values().any(|open| open.owed.is_some())
    }

    /// Whether the caller hears something that is said, not what passes the time.
    pub(super) fn is_heard(&self) -> bool {
        self.playout.sounding().is_some_and(|context| self.open.contains_key(&context))
    }

    /// How long the caller has heard nothing.
    pub(super) fn silence(&self) -> Duration {
        self.playout.silence()
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.playout.is_speaking() || !self.open.is_empty()
    }

    /// Whether the next 20 ms have something of it in them.
    pub(super) fn is_ready(&self) -> bool {
        self.playout.is_ready()
    }

    /// Whether this has words that were not heard to their end yet.
    pub(super) fn is_open(&self, speech: Speech) -> bool {
        self.context_of(speech).is_some()
    }

    /// A voice that was never heard, and that was waited for long enough, is gone: why. To be called with every beat.
    pub(super) fn never_heard(&mut self) -> Option<SpeechError> {
        let error = self.first_sound.given_up().filter(|_| !self.tts.is_closed())?;
        self.on_closed(Some(error)).err().flatten()
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
                self.playout.words(self.played_as(context), words.clone());
                self.prepared.words(context, words);
            }
            // Neither is to be kept for other calls.
            Ok(Some(TtsEvent::Substituted(context) | TtsEvent::Garbled(context))) => {
                self.prepared.substituted(context);
            }
            Ok(Some(TtsEvent::Done(context))) => {
                self.on_done(context);
                self.prepare_next();
            }
            Ok(Some(TtsEvent::Failed(context, error))) => {
                self.on_failed(context, &error);
                self.prepare_next();
            }
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
                    self.following.retain(|_, follower| follower.context != context);
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

    fn begin(&mut self, speech: Speech, interruptible: bool) -> ContextId {
        let context = self.fresh_context();
        self.playout.begin(context, &Utterance::default());
        let text = String::new();
        let open = Open {
            speech,
            interruptible,
            text,
            begun: Instant::now(),
            started: None,
            failed: false,
            complete: false,
            sounded: false,
            owed: None,
        };
        self.open.insert(context, open);
        context
    }

    /// Adds to what a context is to say; its spoken form.
    fn write(&mut self, context: ContextId, text: &str) -> String {
        let spoken = self.speakable(text);
        if let Some(open) = self.open.get_mut(&context) {
            open.text.push_str(text);
        }
        self.playout.append_text(context, text, &spoken);
        spoken
    }

    /// What the voice is given for a text. One of which nothing would be left is spoken as it is.
    fn speakable(&self, text: &str) -> String {
        let spoken = spoken(text, &self.language);
        if spoken.trim().is_empty() { text.to_owned() } else { spoken }
    }

    /// Where the audio of a context is played.
    fn played_as(&self, context: ContextId) -> ContextId {
        self.following.get(&context).map_or(context, |follower| follower.context)
    }

    fn on_audio(&mut self, context: ContextId, samples: &[i16]) {
        if !samples.is_empty() {
            self.first_sound.heard();
        }
        self.prepared.audio(context, samples);
        let context = self.played_as(context);
        self.playout.push(context, samples);
        if let Some(open) = self.open.get_mut(&context) {
            open.sounded |= !samples.is_empty();
            open.owed = open.complete.then(Instant::now);
        }
    }

    /// Whether the voice owes sound for something else than a context, and what is said from it.
    fn awaits_another(&self, context: ContextId) -> bool {
        let own = [context, self.played_as(context)];
        let is_owed = |(other, open): (&ContextId, &Open)| !own.contains(other) && open.owed.is_some();
        self.prepared.is_rendering_but(context) || self.open.iter().any(is_owed)
    }

    /// All sound of a context is there.
    fn on_done(&mut self, context: ContextId) {
        if let Some((text, sentence)) = self.prepared.done(context)
            && !sentence.substituted
        {
            self.prompts.keep(&text, &sentence.samples, &sentence.words);
        }
        let context = self.following.remove(&context).map_or(context, |follower| follower.context);
        let mute = |open: &Open| !open.sounded && open.text.contains(char::is_alphanumeric);
        if self.open.get(&context).is_some_and(mute) {
            // A voice that says that it has spoken, and nobody heard it.
            let detail = "there was no sound for it".to_owned();
            let error = SpeechError::Protocol { vendor: "the voice", detail };
            self.first_sound.failed(&error, self.awaits_another(context));
            return self.fail(context, &error);
        }
        self.playout.end(context);
        if let Some(open) = self.open.get_mut(&context) {
            open.owed = None;
        }
    }

    fn on_failed(&mut self, context: ContextId, error: &SpeechError) {
        self.first_sound.failed(error, self.awaits_another(context));
        let Some(follower) = self.following.remove(&context) else { return self.fail(context, error) };
        let playing = follower.context;
        self.prepared.fail(context);
        match self.open.get(&playing).map(|open| self.speakable(&open.text)) {
            Some(spoken) if follower.again && !self.playout.has_begun(playing) => {
                // What there was of it is not the beginning of what comes.
                self.playout.restart(playing);
                self.speak(playing, &spoken, true);
            }
            _ => self.fail(playing, error),
        }
    }

    fn on_closed(&mut self, error: Option<SpeechError>) -> Result<(), Option<SpeechError>> {
        self.tts.close();
        self.prepared.give_up();
        self.following.clear();
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
            let asked_as = self.following.iter().find(|(_, follower)| follower.context == context);
            let asked_as = asked_as.map_or(context, |(&rendering, _)| rendering);
            self.following.remove(&asked_as);
            self.prepared.fail(asked_as);
            self.unsay(asked_as);
            let error = SpeechError::Silent { vendor: "the voice", waited: MUTE_AFTER };
            self.first_sound.failed(&error, self.awaits_another(context));
            self.fail(context, &error);
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

    /// The voice owes us the audio of a context from now on; after its `last` text until all of it is there.
    fn owe(&mut self, context: ContextId, last: bool) {
        if let Some(open) = self.open.get_mut(&context) {
            open.complete |= last;
            if last {
                open.owed = Some(Instant::now());
            } else {
                open.owed.get_or_insert_with(Instant::now);
            }
        }
    }

    fn speak(&mut self, context: ContextId, text: &str, last: bool) {
        self.owe(context, last);
        self.first_sound.asked();
        if !self.tts.send(TtsCommand::Speak { context, text: Utterance::new(text), last }) {
            let detail = "its queue is full or closed".to_owned();
            let context = self.following.remove(&context).map_or(context, |follower| follower.context);
            self.fail(context, &SpeechError::Disconnected { vendor: "the voice", detail });
        }
    }

    /// No more audio of a context is wanted.
    fn unsay(&mut self, context: ContextId) {
        if !self.tts.send(TtsCommand::Cancel(context)) {
            tracing::trace!("a voice was not told that a context is over");
        }
    }

    /// What a context belongs to.
    pub(super) fn speech_of(&self, context: ContextId) -> Option<Speech> {
        self.open.get(&context).map(|open| open.speech)
    }

    fn context_of(&self, speech: Speech) -> Option<ContextId> {
        self.open.iter().find(|(_, open)| open.speech == speech).map(|(&context, _)| context)
    }

    fn fresh_context(&mut self) -> ContextId {
        self.last_context += 1;
        ContextId(self.last_context)
    }
}
