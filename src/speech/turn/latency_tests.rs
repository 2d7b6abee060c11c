//! What a turn taker learns of its recogniser, turn after turn.

use std::time::Duration;

use super::policy::Turns;
use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim(Utterance::new(text))
}

fn fixed(text: &str) -> SttEvent {
    SttEvent::Final { text: Utterance::new(text), speech_final: true }
}

/// A caller who says a word every ten seconds.
struct Caller {
    turns: Turns,
    begins: u64,
}

impl Caller {
    fn new() -> Self {
        Self { turns: Turns::new(TurnSettings::default()), begins: 10_000 }
    }

    /// Says a word, which is there as an interim one and fixed so long after the silence, if it ever is. The turns that
    /// were told, with how long after the silence.
    fn says(&mut self, word: &str, fixed_after: Option<u64>) -> Vec<(u64, String)> {
        let quiet = self.begins + 1_000;
        self.turns.voice_started(ms(self.begins));
        self.turns.transcript(ms(self.begins + 500), &interim(word));
        self.turns.voice_stopped(ms(quiet));
        let mut told = Vec::new();
        for after in 0..5_000 {
            let now = ms(quiet + after);
            if fixed_after == Some(after) {
                self.turns.transcript(now, &fixed(&format!("{word}!")));
            }
            self.turns.tick(now);
            while let Some(event) = self.turns.poll_event() {
                if let TurnEvent::TurnEnded { text } = event {
                    told.push((after, text.text().to_owned()));
                }
            }
        }
        self.begins += 10_000;
        told
    }
}

fn told(after: u64, word: &str) -> Vec<(u64, String)> {
    vec![(after, word.to_owned())]
}

#[test]
fn words_of_a_turn_that_come_once_more_long_after_it_are_no_turn_of_their_own() {
    let mut caller = Caller::new();
    // Another recogniser has stepped in and hears the last seconds again.
    assert_eq!(caller.says("one two", Some(4_000)), told(1_200, "one two"));
    assert_eq!(caller.says("three", Some(100)), told(250, "three!"));
    // Who says the same again is heard to say it.
    assert_eq!(caller.says("three", Some(100)), told(250, "three!"));
    assert_eq!(caller.says("four", None), told(1_200, "four"));
    assert_eq!(caller.says("four", Some(100)), told(250, "four!"));
}

#[test]
fn when_the_answer_of_a_quick_recogniser_is_lost_it_is_not_waited_for_long() {
    let mut caller = Caller::new();
    assert_eq!(caller.says("one", None), told(1_200, "one"), "before anything is known");
    for _ in 0..5 {
        assert_eq!(caller.says("two", Some(100)), told(250, "two!"), "a breath, as ever");
    }
    assert_eq!(caller.says("three", None), told(400, "three"));
}

#[test]
fn a_slow_recogniser_is_known_from_the_words_that_came_too_late_and_is_then_waited_for() {
    let mut caller = Caller::new();
    for _ in 0..3 {
        assert_eq!(
            caller.says("one", Some(1_600)),
            told(1_200, "one"),
            "told with words that were not fixed"
        );
    }
    assert_eq!(caller.says("two", Some(1_600)), told(1_600, "two!"));
    assert_eq!(caller.says("three", None), told(2_500, "three"), "but not for ever");
}

#[test]
fn the_silence_after_a_mute_teaches_nothing() {
    let mut caller = Caller::new();
    for _ in 0..5 {
        caller.turns.voice_started(ms(caller.begins));
        caller.turns.voice_stopped(ms(caller.begins + 500));
        caller.turns.start_clean(ms(caller.begins + 600));
        caller.turns.transcript(ms(caller.begins + 700), &fixed("that was muted"));
        caller.begins += 10_000;
    }
    assert_eq!(caller.says("one", None), told(1_200, "one"));
}
