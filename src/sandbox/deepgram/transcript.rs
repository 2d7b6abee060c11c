//! When what was heard becomes a transcript: interims, finals, endpointing. Time is the audio's own.

use std::time::Duration;

use super::query::Listen;
use super::wire::{Results, Word, seconds};
use crate::sandbox::voice::{DAMAGE, Decoder, Heard, SpokenWord};

/// Audio between two interims.
const INTERIM_EVERY: Duration = Duration::from_millis(250);
/// Audio after which words are fixed, even in mid-speech.
const LONGEST_SPAN: Duration = Duration::from_secs(5);

/// How late a word can be heard: until then, what was said is not known.
const HEARING: Duration = Duration::from_millis(300);

/// What the recogniser has to say.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Said {
    Results(Results),
    SpeechStarted(Duration),
    UtteranceEnd(Duration),
}

/// Why words are fixed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Because {
    /// The span has become long, or another speech began.
    Span,
    /// The speaker has ended.
    Endpoint,
    /// The client asked.
    Finalize,
}

/// One recogniser.
#[derive(Debug)]
pub(super) struct Recogniser {
    options: Listen,
    decoder: Decoder,
    /// Samples heard.
    samples: u64,
    /// Where the span begins that is not final yet.
    start: Duration,
    /// Words of speeches that have ended, not final yet.
    words: Vec<SpokenWord>,
    /// When the last speech was over, while its endpoint has not been told.
    over_since: Option<Duration>,
    /// Time and text of the last interim.
    interim: (Duration, String),
    /// End of the last word, while `UtteranceEnd` has not been told.
    last_word_end: Option<Duration>,
}

impl Recogniser {
    pub(super) fn new(options: Listen) -> Self {
        Self {
            decoder: Decoder::new(options.sample_rate),
            options,
            samples: 0,
            start: Duration::ZERO,
            words: Vec::new(),
            over_since: None,
            interim: (Duration::ZERO, String::new()),
            last_word_end: None,
        }
    }

    /// How much audio was heard.
    pub(super) fn now(&self) -> Duration {
        Duration::from_secs(self.samples) / self.options.sample_rate
    }

    /// Hears samples; in pieces of 20 ms, as a recogniser that works on frames would.
    pub(super) fn push(&mut self, samples: &[i16]) -> Vec<Said> {
        let frame = (self.options.sample_rate / 50) as usize;
        samples.chunks(frame.max(1)).flat_map(|frame| self.push_frame(frame)).collect()
    }

    fn push_frame(&mut self, frame: &[i16]) -> Vec<Said> {
        self.samples += frame.len() as u64;
        let mut said = Vec::new();
        for heard in self.decoder.push(frame) {
            self.hear(heard, &mut said);
        }
        self.tell(&mut said);
        said
    }

    fn hear(&mut self, heard: Heard, said: &mut Vec<Said>) {
        match heard {
            Heard::SpeechStart { at } => {
                if !self.words.is_empty() {
                    said.push(self.fix(Because::Span));
                }
                self.over_since = None;
                if self.options.vad_events {
                    said.push(Said::SpeechStarted(at));
                }
            }
            Heard::Chars(_) => {}
            Heard::Text { words, .. } => {
                self.words.extend(words.into_iter().filter(|word| word.start >= self.start));
                self.over_since = Some(self.now());
            }
        }
    }

    /// Tells what has become due by the audio's time.
    fn tell(&mut self, said: &mut Vec<Said>) {
        let now = self.now();
        let silence = self.over_since.map(|since| now.saturating_sub(since));
        let span = now.saturating_sub(self.start);
        match (silence, self.options.endpointing) {
            (Some(silence), Some(endpoint)) if silence >= endpoint => said.push(self.fix(Because::Endpoint)),
            (Some(_), None) => said.push(self.fix(Because::Span)),
            (None, _) if span >= LONGEST_SPAN && (self.speaking_words().len() > 1 || self.is_silent()) => {
                said.push(self.fix(Because::Span));
            }
            _ => said.extend(self.new_interim()),
        }
        if let (Some(end), Some(gap)) = (self.last_word_end, self.options.utterance_end)
            && self.is_silent()
            && now.saturating_sub(end) >= gap
        {
            self.last_word_end = None;
            said.push(Said::UtteranceEnd(end));
        }
    }

    fn is_silent(&self) -> bool {
        self.words.is_empty() && !self.decoder.is_speaking()
    }

    /// The words of the speech that goes on; the last may be incomplete.
    fn speaking_words(&self) -> Vec<SpokenWord> {
        let words = self.decoder.words_so_far().into_iter();
        words.filter(|word| word.start >= self.start).collect()
    }

    fn new_interim(&mut self) -> Option<Said> {
        let now = self.now();
        if !self.options.interim_results || now < self.interim.0 + INTERIM_EVERY {
            return None;
        }
        let words = [self.words.clone(), self.speaking_words()].concat();
        let results = self.results(&words, now);
        if words.is_empty() || results.transcript == self.interim.1 {
            return None;
        }
        self.interim = (now, results.transcript.clone());
        Some(Said::Results(results))
    }

    /// Makes the words of the span final. The word that is being spoken stays for the next span.
    fn fix(&mut self, because: Because) -> Said {
        let mut speaking = self.speaking_words();
        let unfinished = speaking.pop();
        let words = [std::mem::take(&mut self.words), speaking].concat();
        let known = words.last().map_or(self.start, |word| word.end).max(self.now().saturating_sub(HEARING));
        let end = unfinished.map_or(known, |word| word.start).max(self.start);
        let results = Results {
            is_final: true,
            speech_final: because == Because::Endpoint,
            from_finalize: because == Because::Finalize,
            ..self.results(&words, end)
        };
        self.start = end;
        self.interim = (self.now(), String::new());
        self.last_word_end = words.last().map(|word| word.end).or(self.last_word_end);
        if because == Because::Endpoint || self.options.endpointing.is_none() {
            self.over_since = None;
        }
        Said::Results(results)
    }

    /// Answers `Finalize`: everything heard becomes final at once.
    pub(super) fn finalize(&mut self) -> Said {
        self.fix(Because::Finalize)
    }

    /// Ends the audio: what is left becomes final.
    pub(super) fn finish(&mut self) -> Said {
        if let Some(Heard::Text { words, .. }) = self.decoder.finish() {
            self.words.extend(words.into_iter().filter(|word| word.start >= self.start));
        }
        self.fix(Because::Span)
    }

    /// An interim of these words, up to `end`.
    fn results(&self, words: &[SpokenWord], end: Duration) -> Results {
        let punctuated = self.options.punctuated;
        let words: Vec<Word> = words.iter().map(|word| written(word, punctuated)).collect();
        let shown: Vec<&str> =
            words.iter().map(|word| word.punctuated_word.as_deref().unwrap_or(&word.word)).collect();
        Results {
            start: self.start,
            duration: end.saturating_sub(self.start),
            is_final: false,
            speech_final: false,
            from_finalize: false,
            transcript: shown.join(" "),
            words,
        }
    }
}

fn written(spoken: &SpokenWord, punctuated: bool) -> Word {
    let damaged = spoken.text.contains(DAMAGE);
    Word {
        word: bare(&spoken.text),
        start: seconds(spoken.start),
        end: seconds(spoken.end),
        confidence: if damaged { 0.2 } else { 0.99 },
        punctuated_word: punctuated.then(|| spoken.text.clone()),
    }
}

/// A word in lower case and without the punctuation around it; what is nothing else stays.
fn bare(word: &str) -> String {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric() && c != DAMAGE);
    if inner.is_empty() { word.to_owned() } else { inner.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::voice::encode;

    fn listen(query: &[(&str, &str)]) -> Recogniser {
        let plain = [("encoding", "linear16"), ("sample_rate", "16000"), ("punctuate", "true")];
        let query: Vec<_> = query.iter().chain(&plain).map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        Recogniser::new(Listen::parse(&query).unwrap())
    }

    fn results(said: &[Said]) -> Vec<&Results> {
        said.iter().filter_map(|said| if let Said::Results(r) = said { Some(r) } else { None }).collect()
    }

    fn say(recogniser: &mut Recogniser, text: &str, silence_ms: usize) -> Vec<Said> {
        let mut said = recogniser.push(&encode(text));
        said.extend(recogniser.push(&vec![0; silence_ms * 16]));
        said
    }

    #[test]
    fn finals_add_up_to_what_was_said_and_spans_touch() {
        let text = "I was wondering about the third item on my bill, since I never ordered it, and about \
                    the fee of last month too. Could you look into both of them for me, please?";
        let mut recogniser = listen(&[("interim_results", "true"), ("endpointing", "300")]);
        let said = say(&mut recogniser, text, 2_000);
        let finals: Vec<_> = results(&said).into_iter().filter(|r| r.is_final).collect();
        assert!(finals.len() > 1, "a long speech has more than one final");
        let whole: Vec<&str> = finals.iter().map(|r| r.transcript.as_str()).collect();
        assert_eq!(whole.join(" "), text);
        let ends: Vec<bool> = finals.iter().map(|r| r.speech_final).collect();
        assert_eq!(ends.iter().position(|&end| end), Some(ends.len() - 1), "{ends:?}");
        for pair in finals.windows(2) {
            assert_eq!(pair[0].start + pair[0].duration, pair[1].start);
        }
        for word in finals.iter().flat_map(|r| &r.words) {
            assert!(word.start < word.end);
        }
    }

    #[test]
    fn interims_grow_and_are_not_too_many() {
        let mut recogniser = listen(&[("interim_results", "true")]);
        let said = say(&mut recogniser, "one two three four five six seven eight nine", 500);
        let interims: Vec<_> = results(&said).into_iter().filter(|r| !r.is_final).collect();
        assert!((6..=10).contains(&interims.len()), "{}", interims.len());
        for pair in interims.windows(2) {
            assert!(pair[1].transcript.starts_with(&pair[0].transcript));
        }
        let mut quiet = listen(&[]);
        assert!(results(&say(&mut quiet, "one two three", 500)).iter().all(|r| r.is_final));
    }

    #[test]
    fn endpointing_waits_for_its_silence_and_two_sentences_are_one_utterance() {
        let mut recogniser = listen(&[("endpointing", "500")]);
        let mut said = say(&mut recogniser, "Hello there.", 200);
        assert_eq!(said, []);
        said.extend(say(&mut recogniser, "How are you?", 900));
        let told: Vec<_> = results(&said).iter().map(|r| (r.transcript.as_str(), r.speech_final)).collect();
        assert_eq!(told, [("Hello there.", false), ("How are you?", true)]);
    }

    #[test]
    fn finalize_gives_out_whole_words_only_and_the_rest_comes_later() {
        let mut recogniser = listen(&[("endpointing", "100")]);
        let voice = encode("yes my manager please");
        let mut said = recogniser.push(&voice[..voice.len() / 2]);
        assert_eq!(said, []);
        said.push(recogniser.finalize());
        said.extend(recogniser.push(&voice[voice.len() / 2..]));
        said.extend(recogniser.push(&[0; 8_000]));
        let told: Vec<_> = results(&said).iter().map(|r| (r.transcript.as_str(), r.from_finalize)).collect();
        assert_eq!(told, [("yes my", true), ("manager please", false)]);
        let Said::Results(nothing) = recogniser.finalize() else { panic!() };
        assert!(nothing.transcript.is_empty() && nothing.from_finalize && nothing.is_final);
    }

    #[test]
    fn events_come_when_they_were_asked_for() {
        let asked = [("interim_results", "true"), ("vad_events", "true"), ("utterance_end_ms", "1000")];
        let mut recogniser = listen(&asked);
        let said = say(&mut recogniser, "hello", 3_000);
        let started = said.iter().filter(|said| matches!(said, Said::SpeechStarted(_))).count();
        let ended: Vec<_> = said
            .iter()
            .filter_map(|s| if let Said::UtteranceEnd(at) = s { Some(*at) } else { None })
            .collect();
        assert_eq!((started, ended.len()), (1, 1));
        assert!(ended[0] < Duration::from_millis(500), "{ended:?}");
        let mut plain = listen(&[]);
        assert!(say(&mut plain, "hello", 3_000).iter().all(|said| matches!(said, Said::Results(_))));
    }

    #[test]
    fn without_punctuation_words_are_bare_and_damage_is_not() {
        let mut recogniser = listen(&[("punctuate", "false"), ("smart_format", "false")]);
        recogniser.options.punctuated = false;
        let said = say(&mut recogniser, "Well, I'm OK - yes!", 500);
        assert_eq!(results(&said)[0].transcript, "well i'm ok - yes");
        assert_eq!(bare("\u{FFFD}"), "\u{FFFD}");
    }

    #[test]
    fn long_silence_gives_empty_finals() {
        let mut recogniser = listen(&[("interim_results", "true")]);
        let said = recogniser.push(&vec![0; 16_000 * 11]);
        let told: Vec<_> = results(&said).iter().map(|r| (r.is_final, r.transcript.as_str())).collect();
        assert_eq!(told, [(true, ""), (true, "")]);
    }

    #[test]
    fn a_voice_that_is_cut_is_told_as_far_as_it_came() {
        let mut recogniser = listen(&[("endpointing", "10")]);
        let voice = encode("I would like to speak to a manager");
        let mut said = recogniser.push(&voice[..16_000]);
        said.extend(recogniser.push(&[0; 8_000]));
        let text = &results(&said)[0].transcript;
        assert!("I would like to speak to a manager".starts_with(text.as_str()) && text.len() > 10, "{text}");
        assert!(results(&said)[0].speech_final);
    }
}
