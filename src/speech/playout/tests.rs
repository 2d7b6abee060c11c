//! The queue seen from outside: what frames hold and what is told, for given and for random schedules.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::speech::Word;

const A: ContextId = ContextId(1);
const B: ContextId = ContextId(2);

fn playout() -> Playout {
    Playout::new(PlayoutSettings { lead: Duration::ZERO, ..PlayoutSettings::default() })
}

fn say(playout: &mut Playout, context: ContextId, text: &str, samples: &[i16]) {
    playout.begin(context, &Utterance::new(text));
    playout.push(context, samples);
    playout.end(context);
}

fn events(playout: &mut Playout) -> Vec<PlayoutEvent> {
    std::iter::from_fn(|| playout.poll_event()).collect()
}

fn finished(context: ContextId, text: &str, all: bool) -> PlayoutEvent {
    PlayoutEvent::Finished { context, heard: Heard { text: Utterance::new(text), all } }
}

fn is_silent(frame: &Frame) -> bool {
    *frame == Frame::silence()
}

#[test]
fn utterances_follow_each_other_without_a_gap_and_finish_with_their_last_sample() {
    let mut playout = playout();
    say(&mut playout, A, "one", &[1; 400]);
    say(&mut playout, B, "two", &[2; 240]);
    assert!(!playout.is_speaking() && !playout.is_idle());

    assert_eq!(playout.next_frame().samples(), &[1; FRAME_SAMPLES]);
    assert_eq!(events(&mut playout), [PlayoutEvent::Started { context: A }]);
    assert!(playout.is_speaking());

    let second = playout.next_frame();
    assert_eq!((&second.samples()[..80], &second.samples()[80..]), (&[1; 80][..], &[2; 240][..]));
    let expected = [finished(A, "one", true), PlayoutEvent::Started { context: B }, finished(B, "two", true)];
    assert_eq!(events(&mut playout), expected);
    assert!(playout.is_idle() && !playout.is_speaking());
    assert!(is_silent(&playout.next_frame()));
}

#[test]
fn one_of_several_is_cut_and_the_others_are_heard() {
    let mut playout = playout();
    const C: ContextId = ContextId(3);
    say(&mut playout, A, "one", &[1_000; 400]);
    playout.begin(B, &Utterance::new("two"));
    say(&mut playout, C, "three", &[3_000; 320]);
    playout.next_frame();
    playout.cancel(B);
    assert_eq!(events(&mut playout), [PlayoutEvent::Started { context: A }, finished(B, "", false)]);
    playout.cancel(A);
    playout.cancel(A);
    let [PlayoutEvent::Finished { context: A, heard }] = &events(&mut playout)[..] else { panic!("not cut") };
    assert!(!heard.all);
    let frame = playout.next_frame();
    assert!(frame.samples()[1..80].iter().all(|s| (0..1_000).contains(s)), "a fade of what was left");
    assert_eq!(&frame.samples()[80..], &[3_000; 240]);
    playout.next_frame();
    let expected = [PlayoutEvent::Started { context: C }, finished(C, "three", true)];
    assert_eq!(events(&mut playout), expected);
    assert!(playout.is_idle());
}

/// Samples that tell where they are from; never 0.
fn numbered(count: usize) -> Vec<i16> {
    (0..count).map(|n| 1_000 + (n % 20_000) as i16).collect()
}

#[test]
fn what_was_paused_goes_on_at_the_word_that_was_broken_off_and_is_heard_whole() {
    let mut playout = playout();
    let voice = numbered(3_200);
    let word = |text: &str, from: u64, to: u64| Word {
        text: text.to_owned(),
        start: Duration::from_millis(from),
        end: Duration::from_millis(to),
    };
    playout.begin(A, &Utterance::new("one two three"));
    playout.words(A, vec![word("one", 0, 35), word("two", 50, 120), word("three", 130, 200)]);
    playout.push(A, &voice);
    playout.end(A);
    for _ in 0..4 {
        playout.next_frame();
    }
    playout.pause();
    playout.pause();
    let faded = playout.next_frame();
    assert!(faded.samples()[..240].iter().zip(&voice[1_280..]).all(|(heard, said)| heard <= said));
    assert!(faded.samples()[240..].iter().all(|sample| *sample == 0), "15 ms, and nothing after them");
    for _ in 0..50 {
        assert!(is_silent(&playout.next_frame()));
        assert!(playout.is_paused() && playout.is_speaking());
    }
    playout.resume();
    let mut heard = Vec::new();
    while !playout.is_idle() {
        heard.extend_from_slice(playout.next_frame().samples());
        while let Some(event) = playout.poll_event() {
            if let PlayoutEvent::Finished { heard, .. } = event {
                assert_eq!(heard, Heard { text: Utterance::new("one two three"), all: true });
            }
        }
    }
    // 50 ms in, where "two" begins, with a rise of 5 ms.
    assert_eq!(&heard[80..2_400], &voice[880..]);
    assert!(heard[..80].iter().zip(&voice[800..]).all(|(heard, said)| heard <= said));
}

#[test]
fn what_is_cut_while_it_is_paused_makes_no_sound_any_more() {
    let mut playout = playout();
    say(&mut playout, A, "one two three", &numbered(3_200));
    playout.next_frame();
    playout.pause();
    playout.next_frame();
    playout.cut();
    assert!(!playout.is_paused());
    assert!(is_silent(&playout.next_frame()) && is_silent(&playout.next_frame()));
    say(&mut playout, B, "new", &[5; 320]);
    assert_eq!(playout.next_frame().samples(), &[5; FRAME_SAMPLES]);
}

#[test]
fn what_was_heard_of_a_number_is_told_as_it_was_written() {
    let mut playout = playout();
    playout.begin(A, &Utterance::default());
    playout.append_text(A, "It is $5.50 now.", "It is five dollars and fifty cents now.");
    playout.push(A, &numbered(16_000));
    playout.end(A);
    for _ in 0..25 {
        playout.next_frame();
    }
    playout.cut();
    let cut = events(&mut playout).pop();
    assert_eq!(cut, Some(finished(A, "It is", false)), "half of the number does not count");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pauses_lose_nothing_of_what_is_said(pauses in proptest::collection::vec((0usize..30, 0usize..5), 0..6)) {
        let mut playout = playout();
        let voice = numbered(16_000);
        say(&mut playout, A, "one two three four", &voice);
        let mut frames = Vec::new();
        for (speak, pause) in pauses {
            frames.extend((0..speak).map(|_| playout.next_frame()));
            playout.pause();
            frames.extend((0..pause).map(|_| playout.next_frame()));
            playout.resume();
        }
        while !playout.is_idle() {
            frames.push(playout.next_frame());
            while playout.poll_event().is_some() {}
        }
        let heard: std::collections::HashSet<i16> = frames.iter().flat_map(|frame| *frame.samples()).collect();
        let lost: Vec<_> = voice.iter().filter(|sample| !heard.contains(sample)).collect();
        // Only a rise or a fade can have changed a sample, and what is faded out is said again.
        prop_assert!(lost.len() <= 6 * 80, "{} of {}", lost.len(), voice.len());
    }
}

#[test]
fn a_place_is_kept_for_what_has_no_audio_yet() {
    let mut playout = playout();
    playout.begin(A, &Utterance::new("first"));
    say(&mut playout, B, "second", &[2; 320]);
    assert!(is_silent(&playout.next_frame()));
    assert_eq!(events(&mut playout), []);
    playout.push(A, &[1; 320]);
    assert_eq!(playout.next_frame().samples()[0], 1);
    assert!(is_silent(&playout.next_frame()), "not told that this was all");
    playout.end(A);
    assert_eq!(playout.next_frame().samples()[0], 2);
}

#[test]
fn a_dry_voice_goes_on_only_with_a_lead() {
    let mut playout = Playout::new(PlayoutSettings::default());
    playout.begin(A, &Utterance::new("a b c"));
    playout.push(A, &[1; 639]);
    assert!(is_silent(&playout.next_frame()), "one sample short of 40 ms");
    playout.push(A, &[1; 1]);
    assert_eq!(playout.next_frame().samples()[0], 1);
    assert_eq!(playout.next_frame().samples()[319], 1);
    playout.push(A, &[2; 320]);
    assert!(is_silent(&playout.next_frame()));
    playout.end(A);
    assert_eq!(playout.next_frame().samples()[0], 2, "there will be no more to wait for");
}

#[test]
fn nothing_old_is_heard_after_a_cut_but_a_short_fade() {
    let mut playout = playout();
    say(&mut playout, A, "one two three four", &[10_000; 3_200]);
    say(&mut playout, B, "never", &[20_000; 3_200]);
    for _ in 0..5 {
        playout.next_frame();
    }
    events(&mut playout);
    playout.cut();
    assert_eq!(events(&mut playout), [finished(A, "one two", false), finished(B, "", false)]);
    assert!(playout.is_idle());

    playout.push(A, &[10_000; 320]);
    playout.push(B, &[20_000; 320]);
    playout.end(B);
    let fading = playout.next_frame();
    assert!(fading.samples()[..240].windows(2).all(|pair| pair[0] > pair[1]));
    assert!(fading.samples()[0] <= 10_000);
    assert!(fading.samples()[240..].iter().all(|&s| s == 0));
    assert!(is_silent(&playout.next_frame()));
    assert_eq!(events(&mut playout), []);
}

#[test]
fn what_is_said_right_after_a_cut_waits_for_the_fade_only() {
    let mut playout = playout();
    say(&mut playout, A, "old", &[10_000; 3_200]);
    playout.next_frame();
    playout.cut();
    say(&mut playout, B, "new", &[7; 80]);
    assert_eq!(playout.next_frame().samples()[240..], [7; 80]);
}

#[test]
fn word_times_tell_what_was_heard() {
    let mut playout = playout();
    playout.begin(A, &Utterance::new("Hello there, "));
    playout.append_text(A, "my friend.", "my friend.");
    let at = Duration::from_millis;
    let word = |text: &str, start, end| Word { text: text.into(), start: at(start), end: at(end) };
    playout.words(A, vec![word("Hello", 0, 20), word("there", 20, 30)]);
    playout.words(A, vec![word("my", 30, 50), word("friend", 300, 400)]);
    playout.push(A, &[1; 16_000]);
    playout.next_frame();
    playout.next_frame();
    playout.cut();
    assert_eq!(events(&mut playout).last(), Some(&finished(A, "Hello there, my", false)));
}

#[test]
fn what_has_run_dry_has_begun_though_something_is_heard_before_it_and_music_is_nobody_s() {
    let mut playout = playout();
    playout.begin(A, &Utterance::new("one two"));
    playout.push(A, &[1; 320]);
    playout.next_frame();
    assert_eq!((playout.has_begun(A), playout.sounding()), (true, Some(A)));
    playout.hold(Some(vec![7; 320].into()));
    playout.interject(B, &Utterance::new("wait"), &[2; 320]);
    assert!(playout.has_begun(A), "it would be said again from its beginning");
    playout.next_frame();
    assert_eq!(playout.sounding(), Some(B));
    for _ in 0..100 {
        playout.next_frame();
    }
    assert_eq!((playout.silence(), playout.sounding()), (Duration::ZERO, None), "there is music");
}

#[test]
fn what_is_given_once_more_is_heard_once() {
    let mut playout = playout();
    say(&mut playout, A, "one", &[1; 320]);
    playout.begin(B, &Utterance::new("two three"));
    playout.push(B, &[2; 160]);
    playout.restart(B);
    playout.push(B, &[3; 320]);
    playout.end(B);
    assert_eq!(playout.next_frame().samples(), &[1; 320]);
    assert_eq!(playout.next_frame().samples(), &[3; 320], "nothing of what was given before");
    playout.restart(A);
    assert_eq!(events(&mut playout).last(), Some(&finished(B, "two three", true)));
}

#[test]
fn without_audio_nothing_was_heard() {
    let mut playout = playout();
    say(&mut playout, A, "lost", &[]);
    assert_eq!(events(&mut playout), [finished(A, "", false)]);
    say(&mut playout, B, " ", &[]);
    assert_eq!(events(&mut playout), [finished(B, " ", true)]);
}

#[test]
fn a_failed_voice_is_heard_as_far_as_it_came() {
    let mut playout = playout();
    playout.begin(A, &Utterance::new("one two three four five six seven"));
    playout.push(A, &[1; 16_000]);
    playout.fail(A);
    for _ in 0..50 {
        playout.next_frame();
    }
    let told = events(&mut playout);
    let Some(PlayoutEvent::Finished { heard, .. }) = told.last() else { panic!("{told:?}") };
    assert_eq!((heard.text.text(), heard.all), ("one two three", false));
}

#[test]
fn a_transports_own_delay_delays_the_news_but_not_a_cut() {
    let mut playout = Playout::new(PlayoutSettings { downstream_frames: 3, ..PlayoutSettings::default() });
    say(&mut playout, A, "one", &[1; 320]);
    for frame in 1..=6 {
        playout.next_frame();
        match frame {
            4 => assert_eq!(
                events(&mut playout),
                [PlayoutEvent::Started { context: A }, finished(A, "one", true)]
            ),
            _ => assert_eq!(events(&mut playout), [], "frame {frame}"),
        }
        assert_eq!(playout.is_speaking(), frame < 4);
    }
    say(&mut playout, B, "two", &[1; 3_200]);
    playout.next_frame();
    playout.cut();
    assert_eq!(events(&mut playout).len(), 2);
}

#[test]
fn what_does_not_fit_fails_and_hurts_nothing_else() {
    let settings = PlayoutSettings {
        longest_audio: Duration::from_millis(20),
        most_contexts: 2,
        ..PlayoutSettings::default()
    };
    let mut playout = Playout::new(settings);
    playout.begin(A, &Utterance::new("long"));
    playout.push(A, &[1; 320]);
    playout.push(A, &[1; 1]);
    say(&mut playout, B, "fits", &[2; 320]);
    say(&mut playout, ContextId(3), "too many", &[3; 320]);
    assert_eq!(events(&mut playout), [finished(ContextId(3), "", false)]);
    assert_eq!(playout.next_frame().samples(), &[1; 320]);
    assert_eq!(playout.next_frame().samples(), &[2; 320]);
    assert_eq!(events(&mut playout).last(), Some(&finished(B, "fits", true)));
}

#[test]
fn hold_audio_gives_way_to_speech_and_comes_back() {
    let mut playout = playout();
    let loudest = |frame: &Frame| frame.samples().iter().map(|s| s.abs()).max();
    playout.hold(Some(Arc::from([1_000i16; 500])));
    for _ in 0..12 {
        playout.next_frame();
    }
    assert_eq!(playout.next_frame().samples(), &[1_000; 320]);

    playout.begin(A, &Utterance::new("a"));
    assert_eq!(playout.next_frame().samples()[319], 1_000, "nothing is said yet");
    playout.push(A, &[3; 640]);
    playout.end(A);
    assert_eq!(playout.next_frame().samples()[240..], [3; 80], "faded out under the speech");
    assert_eq!(playout.next_frame().samples(), &[3; 320]);
    let back = playout.next_frame();
    assert!(back.samples()[0] < 50 && back.samples()[319] > 50);

    playout.hold(None);
    assert!(loudest(&playout.next_frame()) < Some(1_000));
    assert!(is_silent(&playout.next_frame()));
    playout.hold(Some(Arc::from([])));
    assert!(is_silent(&playout.next_frame()));
}

/// One thing done to a queue of up to eight contexts, each of which sounds as its own number.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    Push(usize, usize),
    End(usize),
    Fail(usize),
    Cut,
    Frame,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Begin),
        5 => (0usize..8, 0usize..900).prop_map(|(back, n)| Step::Push(back, n)),
        3 => (0usize..8).prop_map(Step::End),
        1 => (0usize..8).prop_map(Step::Fail),
        1 => Just(Step::Cut),
        8 => Just(Step::Frame),
    ]
}

/// What a schedule must lead to, kept apart from the code under test.
#[derive(Default)]
struct Ledger {
    begun: u64,
    given: HashMap<u64, usize>,
    heard: HashMap<u64, usize>,
    ended: HashMap<u64, bool>,
    cut: Vec<u64>,
    finished: HashMap<u64, Heard>,
    last_heard: u64,
}

impl Ledger {
    fn take_frame(&mut self, frame: &Frame) -> Result<(), TestCaseError> {
        for &sample in frame.samples().iter().filter(|&&s| s != 0) {
            let context = sample as u64;
            prop_assert!(context >= self.last_heard, "{} after {}", context, self.last_heard);
            prop_assert!(!self.cut.contains(&context), "{} was cut", context);
            self.last_heard = context;
            *self.heard.entry(context).or_default() += 1;
        }
        Ok(())
    }

    fn take_events(&mut self, playout: &mut Playout) -> Result<(), TestCaseError> {
        while let Some(event) = playout.poll_event() {
            if let PlayoutEvent::Finished { context, heard } = event {
                let before = self.finished.insert(context.0, heard);
                prop_assert!(before.is_none(), "{} finished twice", context.0);
            }
        }
        Ok(())
    }

    fn is_open(&self, context: u64) -> bool {
        context > 0 && !self.finished.contains_key(&context) && !self.cut.contains(&context)
    }
}

proptest! {
    #[test]
    fn every_context_sounds_in_order_unaltered_and_finishes_once(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let settings = PlayoutSettings { fade: Duration::ZERO, most_contexts: 5, ..PlayoutSettings::default() };
        let mut playout = Playout::new(settings);
        let mut ledger = Ledger::default();
        for step in steps {
            let recent = |back: usize| ledger.begun.saturating_sub(back as u64);
            match step {
                Step::Begin => {
                    ledger.begun += 1;
                    playout.begin(ContextId(ledger.begun), &Utterance::new("some words to be heard"));
                }
                Step::Push(back, n) => {
                    let context = recent(back);
                    playout.push(ContextId(context), &vec![context as i16; n]);
                    if ledger.is_open(context) && !ledger.ended.contains_key(&context) {
                        *ledger.given.entry(context).or_default() += n;
                    }
                }
                Step::End(back) => {
                    playout.end(ContextId(recent(back)));
                    ledger.ended.entry(recent(back)).or_insert(true);
                }
                Step::Fail(back) => {
                    playout.fail(ContextId(recent(back)));
                    ledger.ended.entry(recent(back)).or_insert(false);
                }
                Step::Cut => {
                    playout.cut();
                    ledger.cut.extend(1..=ledger.begun);
                }
                Step::Frame => {
                    let frame = playout.next_frame();
                    ledger.take_frame(&frame)?;
                }
            }
            ledger.take_events(&mut playout)?;
        }
        for context in 1..=ledger.begun {
            playout.end(ContextId(context));
            ledger.ended.entry(context).or_insert(true);
        }
        for _ in 0..5_000 {
            if playout.is_idle() {
                break;
            }
            let frame = playout.next_frame();
            ledger.take_frame(&frame)?;
            ledger.take_events(&mut playout)?;
        }
        ledger.take_events(&mut playout)?;
        prop_assert!(playout.is_idle());
        prop_assert_eq!(ledger.finished.len() as u64, ledger.begun);
        for (context, heard) in &ledger.finished {
            let given = ledger.given.get(context).copied().unwrap_or(0);
            let samples = ledger.heard.get(context).copied().unwrap_or(0);
            prop_assert!(samples <= given);
            if heard.all {
                prop_assert!(samples == given && samples > 0);
                prop_assert!(ledger.ended[context]);
            } else if !ledger.cut.contains(context) {
                prop_assert!(samples == given, "{} lost samples", context);
                prop_assert!(given == 0 || !ledger.ended[context]);
            }
        }
    }
}
