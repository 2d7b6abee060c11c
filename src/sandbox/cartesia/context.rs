//! One context: text that comes in pieces, and when it becomes audio.

use std::time::Duration;

use tokio::time::Instant;

use super::request::{Generation, Settings};
use super::wire::{self, Refusal};
use crate::sandbox::voice::{RATE, SpokenWord, encode_with_words};

/// Chunks between two messages of timestamps: a second of audio.
const CHUNKS_PER_TIMESTAMPS: usize = 10;
/// Letters that may wait for more.
const MOST_BUFFERED: usize = 10_000;

/// What a context has to say after a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) messages: Vec<String>,
    /// Whether this was all of it.
    pub(super) last: bool,
}

/// An open context.
#[derive(Debug)]
pub(super) struct Context {
    id: String,
    settings: Settings,
    timestamps: bool,
    /// Text that waits for more.
    buffer: String,
    /// When it has waited long enough.
    due: Option<Instant>,
    /// Flushes so far; audio is numbered by the flush that it belongs to.
    flushes: u32,
    /// Audio given out so far.
    length: Duration,
}

impl Context {
    pub(super) fn new(request: &Generation) -> Self {
        Self {
            id: request.context.clone(),
            settings: request.settings.clone(),
            timestamps: false,
            buffer: String::new(),
            due: None,
            flushes: 0,
            length: Duration::ZERO,
        }
    }

    /// When to call [`Context::overdue`].
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether there was audio.
    pub(super) fn has_spoken(&self) -> bool {
        !self.length.is_zero()
    }

    /// Takes a request; gives out audio if there is enough text.
    pub(super) fn take(&mut self, request: &Generation, now: Instant) -> Result<Spoken, Refusal> {
        if request.settings != self.settings {
            return Err(Refusal::invalid("Only transcript and continue may change within a context."));
        }
        self.timestamps |= request.timestamps;
        self.buffer.push_str(&request.transcript);
        if self.buffer.len() > MOST_BUFFERED {
            return Err(Refusal::invalid("Too much text waits in this context."));
        }
        let unbuffered = request.buffer_delay.is_zero();
        let enough = !request.continues || request.flush || unbuffered || ends_sentence(&self.buffer);
        let mut messages = Vec::new();
        if enough {
            messages = self.speak();
        } else if !self.buffer.is_empty() {
            self.due.get_or_insert(now + request.buffer_delay);
        }
        if request.flush || (unbuffered && !request.transcript.is_empty()) {
            self.flushes += 1;
            messages.push(wire::flush_done(&self.id, self.flushes));
        }
        if !request.continues {
            messages.push(wire::done(&self.id));
        }
        Ok(Spoken { messages, last: !request.continues })
    }

    /// Gives out what has waited long enough.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<String> {
        match self.due.filter(|&due| due <= now) {
            Some(_) => self.speak(),
            None => Vec::new(),
        }
    }

    fn speak(&mut self) -> Vec<String> {
        self.due = None;
        let text = std::mem::take(&mut self.buffer);
        let (samples, words) = encode_with_words(&text);
        let words = words.into_iter().map(|word| later(word, self.length));
        let words: Vec<SpokenWord> = words.filter(|_| self.timestamps).collect();
        self.length += Duration::from_secs(samples.len() as u64) / RATE;
        self.messages(&self.settings.format.bytes(&samples), &words)
    }

    /// Chunks of a tenth of a second; after each second, where its words lie.
    fn messages(&self, audio: &[u8], words: &[SpokenWord]) -> Vec<String> {
        let chunk = self.settings.format.bytes_of_a_tenth();
        let flush = self.flushes + 1;
        let seconds = audio.chunks(chunk * CHUNKS_PER_TIMESTAMPS);
        let last = seconds.len().saturating_sub(1);
        let mut words = words;
        let mut messages = Vec::new();
        for (n, second) in seconds.enumerate() {
            messages.extend(second.chunks(chunk).map(|audio| wire::chunk(&self.id, audio, flush)));
            let share = if n == last { words.len() } else { words.len() / (last - n + 1) };
            let (these, others) = words.split_at(share);
            words = others;
            if !these.is_empty() {
                messages.push(wire::timestamps(&self.id, these, flush));
            }
        }
        messages
    }
}

fn later(word: SpokenWord, by: Duration) -> SpokenWord {
    SpokenWord { start: word.start + by, end: word.end + by, ..word }
}

/// Whether a text can be spoken without knowing what follows.
fn ends_sentence(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches(['"', '”', '\'', '’', ')']);
    text.ends_with(['.', '!', '?', '…', ':', ';'])
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::request::Request;
    use super::*;

    fn request(transcript: &str, continues: bool, delay: u64) -> Generation {
        let speak = include_str!("../../../tests/wire/cartesia/client_speak.json");
        let Ok(Request::Generate(generation)) = Request::parse(speak) else { panic!() };
        let buffer_delay = Duration::from_millis(delay);
        Generation { transcript: transcript.to_owned(), continues, buffer_delay, ..generation }
    }

    fn types(messages: &[String]) -> Vec<String> {
        let mut types: Vec<String> = messages
            .iter()
            .map(|message| {
                serde_json::from_str::<Value>(message).unwrap()["type"].as_str().unwrap().to_owned()
            })
            .collect();
        types.dedup();
        types
    }

    #[tokio::test(start_paused = true)]
    async fn buffered_text_waits_for_a_sentence_the_delay_or_the_end() {
        let now = Instant::now();
        let mut context = Context::new(&request("", true, 3_000));
        let mut take = |text: &str, continues| context.take(&request(text, continues, 3_000), now).unwrap();
        assert_eq!(take("Hello", true).messages, [""; 0]);
        assert_eq!(types(&take(" there. ", true).messages), ["chunk", "timestamps"]);
        assert_eq!(take("How are", true).messages, [""; 0]);
        assert_eq!(context.due(), Some(now + Duration::from_secs(3)));
        assert_eq!(context.overdue(now + Duration::from_secs(2)), [""; 0]);
        assert_eq!(types(&context.overdue(now + Duration::from_secs(3))), ["chunk", "timestamps"]);
        let last = context.take(&request("", false, 3_000), now).unwrap();
        assert!(last.last);
        assert_eq!(types(&last.messages), ["done"]);
    }

    #[tokio::test(start_paused = true)]
    async fn unbuffered_text_is_spoken_at_once_and_each_submission_is_told() {
        let mut context = Context::new(&request("", true, 0));
        for expected in [1, 2] {
            let spoken = context.take(&request("Hello", true, 0), Instant::now()).unwrap();
            assert_eq!(types(&spoken.messages), ["chunk", "timestamps", "flush_done"]);
            let told: Value = serde_json::from_str(spoken.messages.last().unwrap()).unwrap();
            assert_eq!(told["flush_id"], expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn times_of_words_go_on_over_submissions() {
        let mut context = Context::new(&request("", true, 0));
        let mut ends = vec![0.0];
        for text in ["One two three four five six seven eight nine ten eleven twelve. ", "More. "] {
            let spoken = context.take(&request(text, true, 0), Instant::now()).unwrap();
            for message in spoken.messages {
                let value: Value = serde_json::from_str(&message).unwrap();
                let times = &value["word_timestamps"];
                for (start, end) in times["start"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .zip(times["end"].as_array().into_iter().flatten())
                {
                    assert!(start.as_f64().unwrap() >= *ends.last().unwrap());
                    ends.push(end.as_f64().unwrap());
                }
            }
        }
        assert_eq!(ends.len(), 14);
    }

    #[tokio::test(start_paused = true)]
    async fn a_context_keeps_its_voice() {
        let mut context = Context::new(&request("", true, 0));
        let mut other = request("Hello", true, 0);
        other.settings.voice = "another".to_owned();
        assert_eq!(context.take(&other, Instant::now()).unwrap_err().status, 400);
    }
}
