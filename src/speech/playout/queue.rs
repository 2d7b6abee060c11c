//! The queue itself: contexts in the order in which they were begun.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::super::{ContextId, Word};
use super::hold::HoldTrack;
use super::line::Line;
use super::{Heard, PlayoutEvent, PlayoutSettings};
use crate::audio::{FRAME_MS, Frame, SAMPLE_RATE, fade};
use crate::pii::Utterance;

/// Frames after which speech that has run dry is a silence that hold audio may fill.
const STALLED: u64 = 50;

/// The queue of what one caller hears.
///
/// Whatever is said about a context that is not open (never begun, cut, finished, ended) is ignored, so late
/// audio after a cut is never heard. Memory is bounded by [`PlayoutSettings`]; events must be taken with
/// [`poll_event`](Self::poll_event) after every frame and every cut.
#[derive(Debug)]
pub struct Playout {
    settings: PlayoutSettings,
    lines: VecDeque<Line>,
    /// The faded end of what was cut.
    tail: VecDeque<i16>,
    hold: HoldTrack,
    paused: bool,
    /// Frames handed out.
    frames: u64,
    /// Frames in a row without speech.
    dry: u64,
    /// Frames in a row with nothing to be heard.
    silent: u64,
    /// Whose samples the last frame ended with.
    sounding: Option<ContextId>,
    /// Events and the frame from which they are true for the caller.
    events: VecDeque<(u64, PlayoutEvent)>,
}

impl Playout {
    /// An empty queue.
    #[must_use]
    pub fn new(settings: PlayoutSettings) -> Self {
        Self {
            settings,
            lines: VecDeque::new(),
            tail: VecDeque::new(),
            hold: HoldTrack::default(),
            paused: false,
            frames: 0,
            dry: 0,
            silent: 0,
            sounding: None,
            events: VecDeque::new(),
        }
    }

    /// Takes the next place in the queue. A context is begun once; over the limit of open contexts it
    /// finishes at once, unheard.
    pub fn begin(&mut self, context: ContextId, text: &Utterance) {
        if self.line(context).is_some() {
            return;
        }
        if self.lines.len() >= self.settings.most_contexts {
            let heard = Heard { text: Utterance::default(), all: false };
            self.tell(PlayoutEvent::Finished { context, heard });
            return;
        }
        let room = samples_in(self.settings.longest_audio);
        let lead = samples_in(self.settings.lead);
        self.lines.push_back(Line::new(context, text, room, lead));
    }

    /// Adds to the text of a context, verbatim: as it is written, which is what [`Heard`] tells, and as it is
    /// spoken, which is what word times are about.
    pub fn append_text(&mut self, context: ContextId, written: &str, spoken: &str) {
        if let Some(line) = self.line(context) {
            line.append_text(written, spoken);
        }
    }

    /// Adds audio (16 kHz mono) to a context.
    pub fn push(&mut self, context: ContextId, samples: &[i16]) {
        if let Some(line) = self.line(context) {
            line.push(samples);
        }
    }

    /// Says where words lie in the audio of a context.
    pub fn words(&mut self, context: ContextId, words: Vec<Word>) {
        if let Some(line) = self.line(context) {
            line.words(words);
        }
    }

    /// All audio of a context was given.
    pub fn end(&mut self, context: ContextId) {
        if let Some(line) = self.line(context) {
            line.end();
        }
        self.finish_heads();
    }

    /// No more audio will come: what is there is played, and the context then finishes as not heard to its end.
    pub fn fail(&mut self, context: ContextId) {
        if let Some(line) = self.line(context) {
            line.fail();
        }
        self.finish_heads();
    }

    /// Cuts everything that is spoken or queued, with a short fade. All open contexts finish now.
    pub fn cut(&mut self) {
        self.fade_out_head();
        self.paused = false;
        // What was handed out before is on its way; a cut does not wait for it to arrive.
        for (due, _) in &mut self.events {
            *due = self.frames;
        }
        for line in std::mem::take(&mut self.lines) {
            let finished = PlayoutEvent::Finished { context: line.context, heard: line.heard() };
            self.events.push_back((self.frames, finished));
        }
    }

    /// Cuts one context, with a short fade if it is being spoken. It finishes now; the others stay.
    pub fn cancel(&mut self, context: ContextId) {
        let Some(index) = self.lines.iter().position(|line| line.context == context) else { return };
        if index == 0 {
            self.fade_out_head();
        }
        if let Some(line) = self.lines.remove(index) {
            self.tell(PlayoutEvent::Finished { context, heard: line.heard() });
        }
        self.finish_heads();
    }

    /// Falls silent at once, with a short fade, and keeps what is spoken and queued; audio and texts may still
    /// be added. Ends with [`resume`](Self::resume) or [`cut`](Self::cut).
    pub fn pause(&mut self) {
        if !self.paused {
            self.fade_out_head();
            self.paused = true;
        }
    }

    /// Goes on from the beginning of the word that was broken off.
    pub fn resume(&mut self) {
        if std::mem::take(&mut self.paused)
            && let Some(line) = self.lines.front_mut()
        {
            line.rewind();
        }
    }

    /// Whether it was paused and did not go on.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether samples of a context were handed out, and it has not finished.
    #[must_use]
    pub fn has_begun(&self, context: ContextId) -> bool {
        // Not only the first: what has run dry may have something interjected before it.
        self.lines.iter().any(|line| line.context == context && line.has_begun())
    }

    /// Whose samples were in the last frame; hold audio is nobody's.
    #[must_use]
    pub fn sounding(&self) -> Option<ContextId> {
        self.sounding
    }

    /// Forgets the audio of a context that has not begun: all of it will be given again.
    pub fn restart(&mut self, context: ContextId) {
        if let Some(line) = self.line(context) {
            line.restart();
        }
    }

    /// Plays hold audio (16 kHz mono, looped) whenever nothing is spoken, or stops it with a short fade. It
    /// never delays speech.
    pub fn hold(&mut self, audio: Option<Arc<[i16]>>) {
        self.hold.set(audio);
    }

    /// A whole sentence that is heard before all that has not begun, and in the midst of what has run dry. It is told
    /// of like a context that was begun and ended.
    pub fn interject(&mut self, context: ContextId, text: &Utterance, audio: &[i16]) {
        let mut line = Line::new(context, text, audio.len(), 0);
        line.push(audio);
        line.end();
        self.lines.push_front(line);
    }

    /// How long nothing was to be heard, neither speech nor hold audio.
    #[must_use]
    pub fn silence(&self) -> Duration {
        Duration::from_millis(self.silent.saturating_mul(FRAME_MS))
    }

    /// The next 20 ms for the caller; silence if there is nothing. To be called every 20 ms.
    pub fn next_frame(&mut self) -> Frame {
        self.frames += 1;
        let mut frame = Frame::silence();
        let samples = frame.samples_mut();
        let faded = self.play_tail(samples);
        self.sounding = None;
        let spoken = if self.paused { 0 } else { self.play_lines(&mut samples[faded..]) };
        self.dry = if faded + spoken > 0 { 0 } else { self.dry.saturating_add(1) };
        let speaking = self.dry == 0 || (self.dry < STALLED && self.head_has_begun());
        let held = self.hold.mix(samples, speaking);
        self.silent = if held || self.dry == 0 { 0 } else { self.silent.saturating_add(1) };
        frame
    }

    /// What happened since, as the caller hears it.
    pub fn poll_event(&mut self) -> Option<PlayoutEvent> {
        if self.events.front()?.0 > self.frames {
            return None;
        }
        self.events.pop_front().map(|(_, event)| event)
    }

    /// Whether the caller is hearing an utterance: it has started and has not finished.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.head_has_begun() || !self.events.is_empty()
    }

    /// Whether the next frame has something of an utterance in it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.paused && self.lines.front().is_some_and(Line::is_ready)
    }

    /// Whether nothing is spoken, nothing is queued and no event is to come.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.events.is_empty()
    }

    fn line(&mut self, context: ContextId) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.context == context)
    }

    /// What is being spoken ends with a short fade; what is paused has ended already.
    fn fade_out_head(&mut self) {
        if self.paused {
            return;
        }
        if let Some(line) = self.lines.front().filter(|line| line.has_begun()) {
            let mut tail = line.upcoming(samples_in(self.settings.fade));
            fade(&mut tail, 1.0, 0.0);
            self.tail.extend(tail);
        }
    }

    fn head_has_begun(&self) -> bool {
        self.lines.front().is_some_and(Line::has_begun)
    }

    fn play_tail(&mut self, samples: &mut [i16]) -> usize {
        let count = samples.len().min(self.tail.len());
        for (sample, faded) in samples.iter_mut().zip(self.tail.drain(..count)) {
            *sample = faded;
        }
        count
    }

    /// Fills a frame from one utterance after the other, without gaps; stops where audio is not there yet.
    fn play_lines(&mut self, samples: &mut [i16]) -> usize {
        let mut filled = 0;
        while let Some(line) = self.lines.front_mut() {
            let (context, begun) = (line.context, line.has_begun());
            let count = line.play(&mut samples[filled..]);
            filled += count;
            if count > 0 {
                self.sounding = Some(context);
                if !begun {
                    self.tell(PlayoutEvent::Started { context });
                }
            }
            if !self.finish_head() {
                break;
            }
        }
        filled
    }

    fn finish_heads(&mut self) {
        while self.finish_head() {}
    }

    /// Takes the first utterance away if it is over.
    fn finish_head(&mut self) -> bool {
        if !self.lines.front().is_some_and(Line::is_over) {
            return false;
        }
        let Some(line) = self.lines.pop_front() else { return false };
        self.tell(PlayoutEvent::Finished { context: line.context, heard: line.heard() });
        true
    }

    fn tell(&mut self, event: PlayoutEvent) {
        self.events.push_back((self.frames + self.settings.downstream_frames, event));
    }
}

fn samples_in(time: Duration) -> usize {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as usize
}
