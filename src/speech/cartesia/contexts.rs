//! Which utterances are under way, what of them was sent and heard, and until when. No I/O, no clock.
//!
//! The vendor forgets a context one second after its last audio (docs.cartesia.ai, contexts), which a slow
//! model easily exceeds between two sentences. One of our contexts may therefore be several of the
//! vendor's, one after the other: its *segments*.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::audio::SAMPLE_RATE;
use crate::speech::{ContextId, Word};

/// From sending text to hearing audio, and from audio to the end once all text was sent.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A segment that was quiet for so long may be forgotten before more text arrives there.
const STALE_AFTER: Duration = Duration::from_millis(700);
/// Ids remembered, so that text which crosses a cancellation stays unsaid.
const REMEMBERED: usize = 64;

/// All utterances of one call.
#[derive(Debug)]
pub(super) struct Contexts {
    prefix: String,
    open: BTreeMap<ContextId, Context>,
    closed: VecDeque<ContextId>,
}

/// One utterance.
#[derive(Debug, Default)]
struct Context {
    segment: Segment,
    /// Segments before this one.
    number: u32,
    /// All text was sent.
    complete: bool,
    /// Samples heard of all segments.
    samples: u64,
    /// Where this segment begins in the context's audio, in samples.
    offset: u64,
    /// Half a sample, waiting for its other half.
    carry: Option<u8>,
    deadline: Option<Instant>,
}

/// One context of the vendor's.
#[derive(Debug, Default)]
struct Segment {
    submitted: usize,
    flushed: usize,
    /// When audio last came.
    heard_at: Option<Instant>,
    /// The vendor ended it.
    over: bool,
}

impl Segment {
    /// Everything submitted was spoken.
    fn is_flushed(&self) -> bool {
        self.flushed >= self.submitted
    }

    /// Text sent there might not be spoken any more.
    fn is_stale(&self, now: Instant) -> bool {
        let quiet = self.heard_at.is_some_and(|at| now.duration_since(at) >= STALE_AFTER);
        self.over || (quiet && self.submitted > 0 && self.is_flushed())
    }
}

/// What to do with a text.
#[derive(Debug, PartialEq)]
pub(super) enum Plan {
    /// Send it under this vendor id.
    Send(String),
    /// Nothing is left to say: the context is done.
    AllSaid,
}

impl Contexts {
    pub(super) fn new(call_id: &str) -> Self {
        let fit = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        Self {
            prefix: call_id.chars().map(fit).collect(),
            open: BTreeMap::new(),
            closed: VecDeque::with_capacity(REMEMBERED),
        }
    }

    /// Begins a context unless it is under way. `false` if it is over: its text is not wanted any more.
    pub(super) fn begin(&mut self, id: ContextId) -> bool {
        if self.closed.contains(&id) {
            return false;
        }
        self.open.entry(id).or_default();
        true
    }

    pub(super) fn is_open(&self, id: ContextId) -> bool {
        self.open.contains_key(&id)
    }

    /// Decides where a text goes; begins a new segment if the last one may be forgotten.
    /// `None` if there is nothing to send.
    pub(super) fn plan(&mut self, id: ContextId, text: &str, last: bool, now: Instant) -> Option<Plan> {
        let context = self.open.get_mut(&id)?;
        if context.segment.is_stale(now) {
            if text.trim().is_empty() {
                return last.then_some(Plan::AllSaid);
            }
            context.number += 1;
            context.segment = Segment::default();
            context.offset = context.samples;
            context.carry = None;
        }
        let number = context.number;
        Some(Plan::Send(self.vendor_id(id, number)))
    }

    /// A text of the context left.
    pub(super) fn sent(&mut self, id: ContextId, last: bool, now: Instant) {
        if let Some(context) = self.open.get_mut(&id) {
            context.segment.submitted += 1;
            context.complete = last;
            if last || context.deadline.is_none() {
                context.deadline = Some(now + ANSWER_WITHIN);
            }
        }
    }

    /// Ends a context. Gives its vendor id if the vendor knows it.
    pub(super) fn close(&mut self, id: ContextId) -> Option<String> {
        if self.closed.len() == REMEMBERED {
            self.closed.pop_front();
        }
        self.closed.push_back(id);
        let context = self.open.remove(&id)?;
        let known = context.segment.submitted > 0 && !context.segment.over;
        known.then(|| self.vendor_id(id, context.number))
    }

    /// The open context that a vendor id stands for; `None` if it is over, cancelled or not ours.
    pub(super) fn find(&self, vendor_id: &str) -> Option<ContextId> {
        let rest = vendor_id.strip_prefix(&self.prefix)?.strip_prefix('-')?;
        let (id, number) = rest.split_once('-').unwrap_or((rest, "0"));
        let id = ContextId(id.parse().ok()?);
        let current = self.open.get(&id)?.number == number.parse::<u32>().ok()?;
        current.then_some(id)
    }

    /// Bytes of audio came: gives the whole samples.
    pub(super) fn audio(&mut self, id: ContextId, bytes: &[u8], now: Instant) -> Vec<i16> {
        let Some(context) = self.open.get_mut(&id) else { return Vec::new() };
        let mut bytes = context.carry.take().into_iter().chain(bytes.iter().copied());
        let mut samples = Vec::with_capacity(bytes.size_hint().0 / 2);
        while let Some(low) = bytes.next() {
            match bytes.next() {
                Some(high) => samples.push(i16::from_le_bytes([low, high])),
                None => context.carry = Some(low),
            }
        }
        context.samples += samples.len() as u64;
        context.segment.heard_at = Some(now);
        context.deadline = context.complete.then_some(now + ANSWER_WITHIN);
        samples
    }

    /// Moves word times of a segment to where they lie in the context's audio.
    pub(super) fn place(&self, id: ContextId, words: &mut [Word]) {
        let samples = self.open.get(&id).map_or(0, |context| context.offset);
        let offset = Duration::from_secs_f64(samples as f64 / f64::from(SAMPLE_RATE));
        for word in words {
            word.start += offset;
            word.end += offset;
        }
    }

    /// One submission was spoken.
    pub(super) fn flushed(&mut self, id: ContextId) {
        if let Some(context) = self.open.get_mut(&id) {
            context.segment.flushed += 1;
            if context.segment.is_flushed() && !context.complete {
                context.deadline = None;
            }
        }
    }

    /// The vendor ended the segment. Whether all of the context was said; if not, more text is to come.
    pub(super) fn over(&mut self, id: ContextId) -> bool {
        let Some(context) = self.open.get_mut(&id) else { return false };
        context.segment.over = true;
        context.deadline = None;
        context.complete
    }

    /// The connection broke. Gives the contexts of which something is lost; what was spoken to its end
    /// can go on elsewhere.
    pub(super) fn broken(&mut self) -> Vec<ContextId> {
        let mut lost = Vec::new();
        for (id, context) in &mut self.open {
            if context.complete || !context.segment.is_flushed() {
                lost.push(*id);
            } else if context.segment.submitted > 0 {
                context.segment.over = true;
            }
        }
        lost
    }

    /// All open contexts.
    pub(super) fn all(&self) -> Vec<ContextId> {
        self.open.keys().copied().collect()
    }

    /// Those of which the vendor owes something.
    pub(super) fn owed(&self) -> Vec<ContextId> {
        self.open.iter().filter(|(_, context)| context.deadline.is_some()).map(|(id, _)| *id).collect()
    }

    /// When the next deadline passes.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.open.values().filter_map(|context| context.deadline).min()
    }

    /// The contexts whose deadline has passed.
    pub(super) fn overdue(&self, now: Instant) -> Vec<ContextId> {
        let late = |context: &Context| context.deadline.is_some_and(|at| at <= now);
        self.open.iter().filter(|(_, context)| late(context)).map(|(id, _)| *id).collect()
    }

    fn vendor_id(&self, ContextId(id): ContextId, number: u32) -> String {
        match number {
            0 => format!("{}-{id}", self.prefix),
            _ => format!("{}-{id}-{number}", self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ContextId = ContextId(1);

    fn begun() -> (Contexts, Instant) {
        let mut contexts = Contexts::new("call-7");
        assert!(contexts.begin(ONE));
        (contexts, Instant::now())
    }

    fn send(contexts: &mut Contexts, text: &str, last: bool, now: Instant) -> String {
        match contexts.plan(ONE, text, last, now) {
            Some(Plan::Send(id)) => {
                contexts.sent(ONE, last, now);
                id
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn samples_cut_in_two_are_whole_again() {
        let (mut contexts, now) = begun();
        let mut heard = Vec::new();
        for piece in [&[1][..], &[0, 2], &[], &[0, 255, 255, 7]] {
            heard.extend(contexts.audio(ONE, piece, now));
        }
        assert_eq!(heard, [1, 2, -1]);
    }

    #[test]
    fn text_after_a_pause_begins_a_segment_and_its_words_lie_after_what_was_heard() {
        let (mut contexts, now) = begun();
        assert_eq!(send(&mut contexts, "One. ", false, now), "call-7-1");
        contexts.audio(ONE, &[0; 32_000], now);
        let later = now + Duration::from_millis(800);
        assert_eq!(
            send(&mut contexts, "Two. ", false, later),
            "call-7-1",
            "not flushed: audio may still come"
        );
        contexts.flushed(ONE);
        contexts.flushed(ONE);
        assert_eq!(send(&mut contexts, "Three. ", false, later), "call-7-1-1");
        assert_eq!(contexts.find("call-7-1"), None);
        assert_eq!(contexts.find("call-7-1-1"), Some(ONE));
        let mut words =
            [Word { text: "Three.".into(), start: Duration::ZERO, end: Duration::from_millis(300) }];
        contexts.place(ONE, &mut words);
        assert_eq!((words[0].start.as_millis(), words[0].end.as_millis()), (1000, 1300));
    }

    #[test]
    fn a_segment_that_the_vendor_ended_early_ends_the_context_only_with_its_last_text() {
        let (mut contexts, now) = begun();
        send(&mut contexts, "One. ", false, now);
        assert!(!contexts.over(ONE));
        assert_eq!(contexts.next_deadline(), None);
        assert_eq!(contexts.plan(ONE, "", true, now), Some(Plan::AllSaid));
        assert_eq!(contexts.plan(ONE, " ", false, now), None, "white space is not worth a segment");
        assert_eq!(send(&mut contexts, "Two.", true, now), "call-7-1-1");
        assert!(contexts.over(ONE));
    }

    #[test]
    fn deadlines_run_while_something_is_owed() {
        let (mut contexts, now) = begun();
        send(&mut contexts, "One. ", false, now);
        let second = now + Duration::from_secs(1);
        send(&mut contexts, "Two. ", false, second);
        assert_eq!(contexts.next_deadline(), Some(now + ANSWER_WITHIN), "more text buys no time");
        contexts.audio(ONE, &[0, 0], second);
        assert_eq!(contexts.next_deadline(), None, "the model may take its time");
        send(&mut contexts, "", true, second);
        assert_eq!(contexts.overdue(second + ANSWER_WITHIN), [ONE]);
    }

    #[test]
    fn text_that_crosses_a_cancellation_is_not_wanted() {
        let (mut contexts, now) = begun();
        send(&mut contexts, "One. ", false, now);
        assert_eq!(contexts.close(ONE).as_deref(), Some("call-7-1"));
        assert!(!contexts.begin(ONE));
        assert_eq!(contexts.find("call-7-1"), None);
        assert!(contexts.begin(ContextId(2)));
        assert_eq!(contexts.close(ContextId(2)), None, "the vendor never heard of it");
    }

    #[test]
    fn foreign_ids_are_not_ours() {
        let (contexts, _) = begun();
        for id in
            ["", "call-7", "call-7-", "call-7-2", "call-7-1-1", "call-7-x", "call-71", "other-1", "call-7-1-"]
        {
            assert_eq!(contexts.find(id), None, "{id}");
        }
    }
}
