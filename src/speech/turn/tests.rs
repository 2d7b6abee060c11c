//! Turns from given and from random schedules of voice activity and words, and from sound.

use proptest::prelude::*;

use super::policy::Turns;
use super::*;
use crate::speech::vad::sounds::{frames, over_the_phone, silence, voice};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim(Utterance::new(text))
}

fn fixed(text: &str, speech_final: bool) -> SttEvent {
    SttEvent::Final { text: Utterance::new(text), speech_final }
}

fn ended(text: &str) -> TurnEvent {
    TurnEvent::TurnEnded { text: Utterance::new(text) }
}

/// One thing that reaches the rules, at a time in ms.
enum At {
    Voice(u64),
    Quiet(u64),
    Words(u64, SttEvent),
}
use At::{Quiet, Voice, Words};

/// The rules under a clock of their own.
struct Bench {
    turns: Turns,
    now: Duration,
    told: Vec<(u64, TurnEvent)>,
}

impl Bench {
    fn new() -> Self {
        Self { turns: Turns::new(TurnSettings::default()), now: Duration::ZERO, told: Vec::new() }
    }

    /// Lets time pass, from deadline to deadline.
    fn pass(&mut self, until: Duration) {
        self.collect();
        while let Some(due) = self.turns.deadline().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.turns.tick(self.now);
            self.collect();
        }
        self.now = until;
    }

    fn act(&mut self, at: Duration, act: impl FnOnce(&mut Turns)) {
        self.pass(at);
        act(&mut self.turns);
        self.pass(at);
    }

    fn collect(&mut self) {
        let at = self.now.as_millis() as u64;
        self.told.extend(std::iter::from_fn(|| self.turns.poll_event()).map(|event| (at, event)));
    }
}

/// Runs a schedule, and then on until nothing is due any more. The events with their times.
fn run(schedule: impl IntoIterator<Item = At>) -> Vec<(u64, TurnEvent)> {
    let mut bench = Bench::new();
    for step in schedule {
        let (Voice(at) | Quiet(at) | Words(at, _)) = step;
        bench.act(ms(at), |turns| match step {
            Voice(_) => turns.voice_started(ms(at)),
            Quiet(_) => turns.voice_stopped(ms(at)),
            Words(_, event) => turns.transcript(ms(at), &event),
        });
    }
    bench.pass(Duration::MAX);
    bench.told
}

use TurnEvent::{SpeechStarted, SpeechStopped};

#[test]
fn a_turn_ends_when_its_words_are_final_and_a_breath_has_passed() {
    let told = run([
        Voice(100),
        Words(400, interim("I want")),
        Quiet(1_000),
        Words(1_080, fixed("I want to speak to a manager.", true)),
    ]);
    assert_eq!(
        told,
        [(100, SpeechStarted), (1_000, SpeechStopped), (1_250, ended("I want to speak to a manager."))]
    );
}

#[test]
fn final_words_that_come_after_the_breath_end_the_turn_at_once() {
    let told = run([Voice(100), Quiet(1_000), Words(1_900, fixed("hello", true))]);
    assert_eq!(told.last(), Some(&(1_900, ended("hello"))));
}

#[test]
fn a_pause_within_a_sentence_is_one_turn() {
    let told = run([
        Voice(100),
        Quiet(800),
        Words(850, fixed("I want to", true)),
        Voice(1_030),
        Quiet(2_000),
        Words(2_050, fixed("speak to a manager", true)),
    ]);
    let expected = [
        (100, SpeechStarted),
        (800, SpeechStopped),
        (1_030, SpeechStarted),
        (2_000, SpeechStopped),
        (2_250, ended("I want to speak to a manager")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_the_vendor_does_not_call_over_after_the_silence_waits_longer() {
    let told = run([Voice(100), Words(900, fixed("one", true)), Quiet(1_500)]);
    assert_eq!(told.last(), Some(&(2_000, ended("one"))));
    let told = run([Voice(100), Words(900, fixed("one", false)), Quiet(1_500)]);
    assert_eq!(told.last(), Some(&(2_000, ended("one"))));
    let answered = [Words(900, fixed("one", true)), Quiet(1_500), Words(1_600, fixed("", true))];
    let told = run([Voice(100)].into_iter().chain(answered));
    assert_eq!(told.last(), Some(&(1_750, ended("one"))));
}

#[test]
fn missing_words_are_waited_for_and_interim_words_are_better_than_none() {
    let told = run([Voice(100), Quiet(1_000)]);
    assert_eq!(told.last(), Some(&(1_800, ended(""))));
    let told =
        run([Voice(100), Words(500, fixed("my number", false)), Words(900, interim("is 5")), Quiet(1_000)]);
    assert_eq!(told.last(), Some(&(2_200, ended("my number is 5"))));
    let told = run([Voice(100), Quiet(1_000), Words(1_100, fixed("", true))]);
    assert_eq!(told.last(), Some(&(1_500, ended(""))), "the vendor heard nothing either");
}

#[test]
fn soft_speech_is_a_turn_by_its_words_alone() {
    let told = run([
        Words(100, interim("yes")),
        Words(300, interim("yes please")),
        Words(600, fixed("Yes, please.", true)),
    ]);
    assert_eq!(told, [(100, SpeechStarted), (600, SpeechStopped), (1_100, ended("Yes, please."))]);
    let told = run([Words(100, interim("yes")), Words(1_000, fixed("Yes.", true))]);
    assert_eq!(told, [(100, SpeechStarted), (600, SpeechStopped), (1_000, ended("Yes."))]);
    assert_eq!(run([Words(100, interim(" ")), Words(200, fixed("", true))]), []);
}

#[test]
fn words_before_the_voice_start_a_turn_once() {
    let told = run([Words(100, interim("no")), Voice(150), Quiet(500), Words(550, fixed("no", true))]);
    assert_eq!(told, [(100, SpeechStarted), (500, SpeechStopped), (750, ended("no"))]);
}

#[test]
fn the_bots_echo_does_not_start_a_turn_but_final_words_do() {
    let mut turns = Turns::new(TurnSettings::default());
    turns.bot_speaking(true);
    turns.transcript(ms(100), &interim("how can I"));
    assert_eq!(turns.poll_event(), None);
    turns.transcript(ms(500), &fixed("stop", false));
    assert_eq!(turns.poll_event(), Some(SpeechStarted));
}

#[test]
fn late_words_are_told_without_another_start() {
    let told = run([Voice(100), Quiet(1_000), Words(2_500, fixed("a manager", true))]);
    assert_eq!(told[2..], [(1_800, ended("")), (2_500, ended("a manager"))]);
}

#[test]
fn late_words_that_were_told_as_interim_words_are_not_told_again() {
    let told = run([
        Voice(100),
        Words(800, interim("a manager")),
        Quiet(1_000),
        Words(2_500, fixed("A manager.", true)),
    ]);
    assert_eq!(told[2..], [(2_200, ended("a manager"))]);
    let corrected = run([
        Voice(100),
        Words(500, fixed("I want", false)),
        Words(800, interim("a man")),
        Quiet(1_000),
        Words(2_300, interim("a mana")),
        Words(2_500, fixed("a manager", true)),
        Words(2_600, fixed("a manager", true)),
    ]);
    assert_eq!(corrected[2..], [(2_200, ended("I want a man")), (2_500, ended("I want a manager"))]);
}

#[test]
fn late_words_that_were_told_do_not_spoil_the_next_turn() {
    let told = run([
        Voice(100),
        Words(800, interim("yes")),
        Quiet(1_000),
        Voice(2_300),
        Words(2_400, fixed("Yes.", true)),
        Quiet(2_900),
        Words(3_000, fixed("No, wait.", true)),
    ]);
    assert_eq!(told.last(), Some(&(3_150, ended("No, wait."))));
}

#[test]
fn the_same_answer_to_two_questions_is_told_twice() {
    let told = run([
        Voice(100),
        Words(500, interim("yes")),
        Quiet(600),
        Voice(5_000),
        Quiet(5_500),
        Words(5_600, fixed("yes", true)),
    ]);
    assert_eq!(told.iter().filter(|(_, event)| *event == ended("yes")).count(), 2);
}

#[test]
fn sound_that_goes_on_does_not_hold_a_turn_open() {
    let told = run([Voice(100), Words(1_000, fixed("play some music", true))]);
    let expected = [(100, SpeechStarted), (6_000, SpeechStopped), (6_500, ended("play some music"))];
    assert_eq!(told, expected);
    let told = run([Voice(100)]);
    assert_eq!(told, [(100, SpeechStarted), (60_100, SpeechStopped), (60_900, ended(""))]);
}

fn eager(text: &str) -> SttEvent {
    SttEvent::EagerEndOfTurn { text: Utterance::new(text) }
}

fn over(text: &str) -> SttEvent {
    SttEvent::EndOfTurn { text: Utterance::new(text) }
}

fn maybe(text: &str) -> TurnEvent {
    TurnEvent::EagerTurnEnd { text: Utterance::new(text) }
}

#[test]
fn a_recogniser_that_ends_turns_ends_them_at_once_and_only_then() {
    let told = run([
        Voice(100),
        Words(300, SttEvent::TurnStarted),
        Words(300, interim("I want")),
        Quiet(1_000),
        Voice(2_500),
        Words(2_700, interim("I want to speak")),
        Quiet(3_000),
        Words(3_260, over("I want to speak.")),
    ]);
    let expected = [
        (100, SpeechStarted),
        (1_000, SpeechStopped),
        (2_500, SpeechStarted),
        (3_000, SpeechStopped),
        (3_260, ended("I want to speak.")),
    ];
    assert_eq!(told, expected, "a long pause within a turn is the recogniser's to judge");
}

#[test]
fn an_eager_end_is_told_and_taken_back_and_told_again() {
    let told = run([
        Voice(100),
        Words(300, SttEvent::TurnStarted),
        Quiet(1_000),
        Words(1_050, eager("I want it.")),
        Words(1_300, SttEvent::TurnResumed),
        Words(1_300, interim("I want it. Or")),
        Words(1_400, SttEvent::TurnResumed),
        Words(2_000, eager("I want it. Or not.")),
        Words(2_200, over("I want it. Or not.")),
    ]);
    let expected = [
        (1_050, maybe("I want it.")),
        (1_300, TurnEvent::TurnResumed),
        (2_000, maybe("I want it. Or not.")),
        (2_200, ended("I want it. Or not.")),
    ];
    assert_eq!(told[2..], expected);
}

#[test]
fn an_end_that_stays_away_is_asked_for_and_then_done_without() {
    let told =
        run([Voice(100), Words(300, SttEvent::TurnStarted), Words(400, interim("my number")), Quiet(1_000)]);
    assert_eq!(told[2..], [(4_500, TurnEvent::Overdue), (5_700, ended("my number"))]);
    let answered = run([
        Voice(100),
        Words(300, SttEvent::TurnStarted),
        Words(400, interim("my number")),
        Quiet(1_000),
        Words(4_600, over("My number is.")),
    ]);
    assert_eq!(answered[2..], [(4_500, TurnEvent::Overdue), (4_600, ended("My number is."))]);
}

#[test]
fn an_end_that_comes_after_all_is_told_only_if_it_says_more() {
    let schedule = |late: &str| {
        [
            Voice(100),
            Words(300, SttEvent::TurnStarted),
            Words(400, interim("my number")),
            Quiet(1_000),
            Words(6_000, over(late)),
        ]
    };
    assert_eq!(run(schedule("My number."))[3..], [(5_700, ended("my number"))]);
    let told = run(schedule("My number is 5."));
    assert_eq!(told[3..], [(5_700, ended("my number")), (6_000, ended("My number is 5."))]);
}

#[test]
fn a_cough_that_the_recogniser_takes_for_nothing_does_not_hold_a_turn() {
    let mut turns = Turns::new(TurnSettings { ends_turns: true, ..TurnSettings::default() });
    turns.voice_started(ms(100));
    turns.voice_stopped(ms(300));
    assert_eq!(turns.deadline(), Some(ms(1_100)));
    turns.tick(ms(1_100));
    let told: Vec<_> = std::iter::from_fn(|| turns.poll_event()).collect();
    assert_eq!(told, [SpeechStarted, SpeechStopped, ended("")]);
    assert!(!turns.asks_to_finalize(&SpeechStopped), "the pause was the recogniser's to judge");
    assert!(turns.asks_to_finalize(&TurnEvent::Overdue));
}

#[test]
fn an_end_while_there_is_sound_ends_the_turn_and_the_next_one_waits_for_the_sound() {
    let told = run([
        Voice(100),
        Words(300, SttEvent::TurnStarted),
        Words(1_000, over("Play some music.")),
        Words(1_200, SttEvent::TurnStarted),
        Words(1_200, interim("please")),
        Quiet(2_500),
        Words(2_700, over("Please.")),
    ]);
    let expected = [
        (100, SpeechStarted),
        (1_000, SpeechStopped),
        (1_000, ended("Play some music.")),
        (1_200, SpeechStarted),
        (2_500, SpeechStopped),
        (2_700, ended("Please.")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn another_recogniser_may_take_over_within_a_turn() {
    let told = run([
        Voice(100),
        Words(300, SttEvent::TurnStarted),
        Words(300, interim("I want")),
        Quiet(1_000),
        Words(1_100, fixed("I want a person", true)),
    ]);
    assert_eq!(told.last(), Some(&(1_250, ended("I want a person"))), "by the rules for such a one");
    let told = run([
        Voice(100),
        Words(500, fixed("I want", false)),
        Words(700, SttEvent::TurnStarted),
        Words(700, interim("a person")),
        Quiet(1_000),
        Words(1_100, over("A person.")),
    ]);
    assert_eq!(told.last(), Some(&(1_100, ended("I want A person."))));
}

#[test]
fn what_a_muted_turn_held_is_not_told_after_it() {
    let mut turns = Turns::new(TurnSettings::default());
    turns.transcript(ms(100), &SttEvent::TurnStarted);
    turns.start_clean(ms(500));
    assert_eq!(turns.poll_event(), Some(TurnEvent::Overdue), "the recogniser is to end it");
    turns.start_clean(ms(600));
    turns.poll_event();
    turns.transcript(ms(4_000), &interim("my card number"));
    turns.transcript(ms(4_000), &eager("my card number is"));
    turns.transcript(ms(4_500), &over("my card number is 5"));
    assert_eq!(turns.poll_event(), None);
    turns.transcript(ms(5_000), &SttEvent::TurnStarted);
    turns.transcript(ms(5_500), &over("Hello."));
    let told: Vec<_> = std::iter::from_fn(|| turns.poll_event()).collect();
    assert_eq!(told, [SpeechStarted, SpeechStopped, ended("Hello.")]);
}

#[test]
fn the_bots_echo_does_not_start_a_turn_of_the_recogniser() {
    let mut turns = Turns::new(TurnSettings::default());
    turns.bot_speaking(true);
    turns.transcript(ms(100), &SttEvent::TurnStarted);
    turns.transcript(ms(200), &eager("how can I help"));
    assert_eq!(turns.poll_event(), None);
}

/// What a caller says: sound with pauses in it, and how the recogniser answers.
#[derive(Clone, Debug)]
struct Spoken {
    gap: u64,
    parts: Vec<(u64, u64)>,
    latency: u64,
    answers_finalize: bool,
}

fn spoken() -> impl Strategy<Value = Spoken> {
    let parts = proptest::collection::vec((150u64..2_000, 20u64..240), 1..4);
    (1_800u64..6_000, parts, 0u64..450, any::<bool>())
        .prop_map(|(gap, parts, latency, answers_finalize)| Spoken { gap, parts, latency, answers_finalize })
}

/// Anything, in any order.
#[derive(Clone, Debug)]
enum Chaos {
    Voice,
    Quiet,
    Interim,
    Final(bool),
    BlankFinal(bool),
    TurnStarted,
    Eager,
    Resumed,
    Over,
    Clean,
    Bot(bool),
}

fn chaos() -> impl Strategy<Value = (u64, Chaos)> {
    let what = prop_oneof![
        4 => Just(Chaos::Voice),
        4 => Just(Chaos::Quiet),
        2 => Just(Chaos::Interim),
        3 => any::<bool>().prop_map(Chaos::Final),
        1 => any::<bool>().prop_map(Chaos::BlankFinal),
        2 => Just(Chaos::TurnStarted),
        1 => Just(Chaos::Eager),
        1 => Just(Chaos::Resumed),
        3 => Just(Chaos::Over),
        1 => Just(Chaos::Clean),
        1 => any::<bool>().prop_map(Chaos::Bot),
    ];
    (0u64..1_500, what)
}

/// Checks the order of events: starts and stops alternate, and no turn ends while somebody speaks.
fn check_order(told: &[(u64, TurnEvent)]) -> Result<(), TestCaseError> {
    let mut speaking = false;
    for (at, event) in told {
        match event {
            SpeechStarted => prop_assert!(!speaking, "a second start at {}", at),
            SpeechStopped => prop_assert!(speaking, "a stop without a start at {}", at),
            TurnEvent::TurnEnded { .. } => prop_assert!(!speaking, "ended while speaking at {}", at),
            TurnEvent::EagerTurnEnd { .. } | TurnEvent::TurnResumed | TurnEvent::Overdue => {}
        }
        speaking = match event {
            SpeechStarted => true,
            SpeechStopped => false,
            _ => speaking,
        };
    }
    prop_assert!(!speaking);
    Ok(())
}

proptest! {
    #[test]
    fn each_speech_is_exactly_one_turn_with_all_its_words(speeches in proptest::collection::vec(spoken(), 1..5)) {
        let mut schedule = Vec::new();
        let mut expected = Vec::new();
        let mut now = 0;
        let mut word = 0;
        for speech in speeches {
            now += speech.gap;
            let mut said = Vec::new();
            for (length, pause) in speech.parts {
                word += 1;
                said.push(format!("w{word}"));
                schedule.push(Voice(now));
                now += length;
                schedule.push(Quiet(now));
                let answer = now + speech.latency;
                schedule.push(Words(answer, fixed(&format!("w{word}"), speech.answers_finalize)));
                now += pause;
            }
            expected.push(said.join(" "));
        }
        schedule.sort_by_key(|(Voice(at) | Quiet(at) | Words(at, _))| *at);
        let told = run(schedule);
        check_order(&told)?;
        let turns: Vec<_> = told
            .iter()
            .filter_map(|(_, event)| match event {
                TurnEvent::TurnEnded { text } => Some(text.text().to_owned()),
                _ => None,
            })
            .collect();
        prop_assert_eq!(turns, expected);
    }

    #[test]
    fn no_order_of_events_loses_words_or_leaves_a_turn_open(
        steps in proptest::collection::vec(chaos(), 1..60),
    ) {
        let mut bench = Bench::new();
        let (mut now, mut word, mut expected) = (0, 0, Vec::new());
        for (wait, step) in steps {
            now += wait;
            let at = ms(now);
            if matches!(step, Chaos::Clean) {
                // What was said before is void, and so are words that come within the late time.
                bench.pass(at);
                bench.told.clear();
                expected.clear();
                now += 1_500;
            }
            bench.act(at, |turns| match step {
                Chaos::Voice => turns.voice_started(at),
                Chaos::Quiet => turns.voice_stopped(at),
                Chaos::Interim => turns.transcript(at, &interim("maybe")),
                Chaos::Final(over) => {
                    word += 1;
                    expected.push(format!("w{word}x"));
                    turns.transcript(at, &fixed(&format!("w{word}x"), over));
                }
                Chaos::TurnStarted => turns.transcript(at, &SttEvent::TurnStarted),
                Chaos::Eager => turns.transcript(at, &eager("maybe")),
                Chaos::Resumed => turns.transcript(at, &SttEvent::TurnResumed),
                Chaos::Over => {
                    // With a start, since an end alone may be of a turn that was discarded.
                    turns.transcript(at, &SttEvent::TurnStarted);
                    word += 1;
                    expected.push(format!("w{word}x"));
                    turns.transcript(at, &over(&format!("w{word}x")));
                }
                Chaos::BlankFinal(over) => turns.transcript(at, &fixed("", over)),
                Chaos::Clean => turns.start_clean(at),
                Chaos::Bot(speaking) => turns.bot_speaking(speaking),
            });
        }
        bench.pass(Duration::MAX);
        let told = bench.told;
        prop_assert_eq!(bench.turns.deadline(), None);
        check_order(&told)?;
        prop_assert!(told.last().is_none_or(|(at, _)| *at <= now + 66_000));
        let all: String = told
            .iter()
            .filter_map(|(_, event)| match event {
                TurnEvent::TurnEnded { text } => Some(format!(" {} ", text.text())),
                _ => None,
            })
            .collect();
        for word in &expected {
            prop_assert!(all.contains(&format!(" {word} ")), "{} is not in {}", word, all);
        }
    }

}

proptest! {
    // Real sound takes its time.
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn no_mute_at_any_time_wedges_the_next_turn(
        mutes in proptest::collection::vec((0usize..150, any::<bool>()), 0..6),
    ) {
        let mut caller = Caller::new();
        let noise = speech(2_500);
        for (n, frame) in noise.iter().enumerate() {
            for &(at, muted) in &mutes {
                if at == n {
                    caller.taker.mute(muted);
                }
            }
            caller.hear(frame);
        }
        caller.taker.mute(true);
        prop_assert_eq!(caller.taker.deadline(), None);
        caller.taker.mute(false);
        prop_assert_eq!(caller.taker.poll_event(), None);
        caller.told.clear();

        let begun = caller.now;
        caller.listen(&speech(600));
        prop_assert!(matches!(caller.told[..], [(at, SpeechStarted)] if at <= begun + ms(250)), "{:?}", caller.told);
        caller.listen(&frames(&silence(300)));
        caller.taker.transcript(caller.now, &fixed("after all", true));
        caller.listen(&frames(&silence(500)));
        prop_assert_eq!(&caller.told[1].1, &SpeechStopped);
        prop_assert_eq!(&caller.told[2].1, &ended("after all"));
    }
}

/// A turn taker that is fed with sound, frame by frame.
struct Caller {
    taker: TurnTaker,
    now: Duration,
    told: Vec<(Duration, TurnEvent)>,
}

impl Caller {
    fn new() -> Self {
        Self { taker: TurnTaker::new(TurnSettings::default()), now: Duration::ZERO, told: Vec::new() }
    }

    fn hear(&mut self, frame: &Frame) {
        self.now += ms(20);
        self.taker.hear(self.now, frame);
        self.collect();
    }

    fn listen(&mut self, frames: &[Frame]) {
        frames.iter().for_each(|frame| self.hear(frame));
    }

    fn collect(&mut self) {
        while let Some(event) = self.taker.poll_event() {
            self.told.push((self.now, event));
        }
    }
}

fn speech(length: usize) -> Vec<Frame> {
    frames(&over_the_phone(&voice(150.0, length, -20.0)))
}

#[test]
fn a_gap_of_300_ms_in_real_sound_is_one_turn() {
    let mut caller = Caller::new();
    for part in ["I want to", "speak to a manager"] {
        caller.listen(&speech(600));
        for frame in frames(&silence(300)) {
            caller.hear(&frame);
            // A recogniser without any delay is the hardest.
            if matches!(caller.told.last(), Some((at, SpeechStopped)) if *at == caller.now) {
                caller.taker.transcript(caller.now, &fixed(part, true));
            }
        }
    }
    caller.listen(&frames(&silence(1_000)));
    let events: Vec<_> = caller.told.iter().map(|(_, event)| event.clone()).collect();
    let whole = ended("I want to speak to a manager");
    assert_eq!(events, [SpeechStarted, SpeechStopped, SpeechStarted, SpeechStopped, whole]);
    let (over, _) = caller.told[4];
    assert!(over < ms(600 + 300 + 600 + 600), "the end of the turn came late: {over:?}");
}

#[test]
fn a_line_that_goes_dead_ends_the_speech() {
    let mut caller = Caller::new();
    caller.listen(&speech(600));
    assert_eq!(caller.taker.deadline(), Some(caller.now + ms(1_000)));
    caller.taker.tick(ms(1_600));
    assert_eq!(caller.taker.poll_event(), Some(SpeechStopped));
    caller.taker.tick(ms(2_800));
    assert_eq!(caller.taker.poll_event(), Some(ended("")));
    assert_eq!(caller.taker.deadline(), None);
}

#[test]
fn what_was_said_while_muted_is_not_told_even_if_its_words_come_late() {
    let mut caller = Caller::new();
    caller.taker.mute(true);
    caller.listen(&speech(600));
    caller.taker.transcript(caller.now, &interim("my card number"));
    caller.taker.mute(false);
    caller.taker.transcript(caller.now + ms(300), &fixed("my card number is", true));
    caller.taker.tick(ms(60_000));
    assert_eq!(caller.taker.poll_event(), None);
    assert_eq!(caller.taker.deadline(), None);
}
