//! Chains over scripted providers, on the paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::speech::vad::sounds;
use crate::speech::{
    ContextId, Llm, LlmEvent, LlmRequest, LlmStream, Message, SpeechError, Stt, SttCapabilities, SttCommand,
    SttEvent, SttParams, SttStream, Tts, TtsCommand, TtsEvent, TtsParams, TtsStream, Word,
};

fn member<P: ?Sized>(provider: Arc<P>, model: &str) -> Member<P> {
    Member { provider, model: model.into(), voice: None, health: Arc::new(Health::new("test")) }
}

fn ill() -> SpeechError {
    SpeechError::Vendor { vendor: "test", detail: "ill".to_owned() }
}

/// A model that says these things, each after so many milliseconds, and is silent then.
struct Model {
    says: Vec<(u64, LlmEvent)>,
    asked: Mutex<Vec<LlmRequest>>,
}

impl Model {
    fn new(says: impl IntoIterator<Item = (u64, LlmEvent)>) -> Arc<Self> {
        Arc::new(Self { says: says.into_iter().collect(), asked: Mutex::default() })
    }
}

impl Llm for Model {
    fn reply(&self, request: LlmRequest) -> LlmStream {
        self.asked.lock().unwrap().push(request);
        let (tell, events) = mpsc::channel(8);
        let says = self.says.clone();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            for (after, event) in says {
                sleep(Duration::from_millis(after)).await;
                if tell.send(event).await.is_err() {
                    return;
                }
            }
            tell.closed().await;
        }));
        LlmStream { events, task }
    }
}

fn text(words: &str) -> LlmEvent {
    LlmEvent::Text(words.to_owned())
}

fn request() -> LlmRequest {
    LlmRequest {
        model: "asked".into(),
        system: "Be brief.".into(),
        messages: vec![Message::User(Utterance::new("Hello"))],
        tools: Vec::new(),
        request_id: "c-1-1".into(),
    }
}

/// What two models came to: all words, the last event, and how long it took.
async fn replied(first: &Arc<Model>, second: &Arc<Model>) -> (String, LlmEvent, Duration) {
    let chain =
        LlmChain::new(vec![member(Arc::clone(first) as _, "one"), member(Arc::clone(second) as _, "two")]);
    let began = Instant::now();
    let mut stream = chain.reply(request());
    let mut words = String::new();
    loop {
        match stream.events.recv().await.unwrap() {
            LlmEvent::Text(more) => words.push_str(&more),
            last => return (words, last, began.elapsed()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_slow_with_its_first_word_is_replaced() {
    let slow = Model::new([(4_000, text("Late.")), (0, LlmEvent::Done)]);
    let other = Model::new([(200, text("Here.")), (0, LlmEvent::Done)]);
    let (words, last, took) = replied(&slow, &other).await;
    assert_eq!((words.as_str(), last, took.as_millis()), ("Here.", LlmEvent::Done, 2_700));
    let asked = other.asked.lock().unwrap();
    assert_eq!((&*asked[0].model, &*asked[0].request_id, asked[0].messages.len()), ("two", "c-1-1-2", 1));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_breaks_off_goes_on_and_is_not_said_twice() {
    let breaks = Model::new([(100, text("We are open ")), (100, LlmEvent::Failed(ill()))]);
    let other = Model::new([(100, text("We are ")), (50, text("open on Monday.")), (0, LlmEvent::Done)]);
    let (words, last, took) = replied(&breaks, &other).await;
    assert_eq!((words.trim_end(), last), ("We are open  on Monday.", LlmEvent::Done));
    assert_eq!(took.as_millis(), 350);
    let asked = other.asked.lock().unwrap();
    assert_eq!(asked[0].messages[1], Message::Assistant(Utterance::new("We are open ")));
}

#[tokio::test(start_paused = true)]
async fn the_last_model_is_waited_for_and_its_failure_is_the_chain_s() {
    let refuses = Model::new([(0, LlmEvent::Failed(SpeechError::Unauthorized { vendor: "test" }))]);
    let slow = Model::new([(5_000, text("At last.")), (0, LlmEvent::Failed(ill()))]);
    let (words, last, took) = replied(&refuses, &slow).await;
    assert_eq!((words.as_str(), last, took.as_secs()), ("At last.", LlmEvent::Failed(ill()), 5));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_not_asked_by_the_next_call() {
    let down = Model::new([(0, LlmEvent::Failed(ill()))]);
    let well = Model::new([(0, text("Yes.")), (0, LlmEvent::Done)]);
    let chain =
        LlmChain::new(vec![member(Arc::clone(&down) as _, "one"), member(Arc::clone(&well) as _, "two")]);
    for _ in 0..5 {
        let mut stream = chain.reply(request());
        while stream.events.recv().await.is_some() {}
    }
    assert_eq!((down.asked.lock().unwrap().len(), well.asked.lock().unwrap().len()), (3, 5));
    sleep(Duration::from_secs(10)).await;
    let mut stream = chain.reply(request());
    while stream.events.recv().await.is_some() {}
    assert_eq!(down.asked.lock().unwrap().len(), 4, "it is tried again");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_was_not_asked_was_not_tried_either() {
    let (well, down) = (Model::new([(0, text("Yes.")), (0, LlmEvent::Done)]), Model::new([]));
    let members = vec![member(Arc::clone(&well) as _, "one"), member(Arc::clone(&down) as _, "two")];
    let second = Arc::clone(&members[1].health);
    second.failed(&SpeechError::Unauthorized { vendor: "test" });
    sleep(Duration::from_secs(10)).await;
    let mut stream = LlmChain::new(members).reply(request());
    while stream.events.recv().await.is_some() {}
    assert!(down.asked.lock().unwrap().is_empty());
    assert!(second.may_be_asked(), "the first call that needs it may try it");
}

type Opened<C, E> = (mpsc::Receiver<C>, mpsc::Sender<E>);

/// A provider of streams whose ends the test holds.
struct Ends<C, E> {
    opened: Mutex<VecDeque<Opened<C, E>>>,
    can: SttCapabilities,
}

impl<C, E> Ends<C, E> {
    fn new(can: SttCapabilities) -> Arc<Self> {
        Arc::new(Self { opened: Mutex::default(), can })
    }

    fn open(&self) -> (mpsc::Sender<C>, mpsc::Receiver<E>, AbortOnDropHandle<()>) {
        let (commands, told) = mpsc::channel(1_000);
        let (tell, events) = mpsc::channel(1_000);
        self.opened.lock().unwrap().push_back((told, tell));
        (commands, events, AbortOnDropHandle::new(tokio::spawn(async {})))
    }

    fn ends(&self) -> Opened<C, E> {
        self.opened.lock().unwrap().pop_front().expect("it was not opened")
    }
}

impl Stt for Ends<SttCommand, SttEvent> {
    fn open(&self, _: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>> {
        let (commands, events, task) = self.open();
        async move { Ok(SttStream { commands, events, task }) }.boxed()
    }

    fn capabilities(&self) -> SttCapabilities {
        self.can
    }
}

impl Tts for Ends<TtsCommand, TtsEvent> {
    fn open(&self, _: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        let (commands, events, task) = self.open();
        async move { Ok(TtsStream { commands, events, task }) }.boxed()
    }
}

const INTERIMS: SttCapabilities = SttCapabilities { interims: true, ends_turns: false };

async fn two_ears() -> (SttStream, [Arc<Ends<SttCommand, SttEvent>>; 2]) {
    let ears = [Ends::new(INTERIMS), Ends::new(INTERIMS)];
    let chain = SttChain::new(ears.iter().map(|ear| member(Arc::clone(ear) as Arc<dyn Stt>, "m")).collect());
    let params = SttParams { model: "m".into(), language: "en".into(), call_id: "c".into() };
    (chain.open(params).await.unwrap(), ears)
}

/// Takes all commands that have come: how many frames, and whether the last one is to finalize.
fn taken(commands: &mut mpsc::Receiver<SttCommand>) -> (usize, bool) {
    let all: Vec<_> = std::iter::from_fn(|| commands.try_recv().ok()).collect();
    let frames = all.iter().filter(|command| matches!(command, SttCommand::Audio(_))).count();
    (frames, matches!(all.last(), Some(SttCommand::Finalize)))
}

async fn hear(stream: &SttStream, frames: usize) {
    for _ in 0..frames {
        stream.commands.send(SttCommand::Audio(Frame::silence())).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
}

fn fixed(words: &str) -> SttEvent {
    SttEvent::Final { text: Utterance::new(words), speech_final: true }
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_breaks_is_replaced_and_the_last_ten_seconds_are_heard_again() {
    let (mut stream, [first, second]) = two_ears().await;
    let (mut commands, tell) = first.ends();
    hear(&stream, 700).await;
    assert_eq!(taken(&mut commands), (700, false));
    tell.send(SttEvent::Closed(Err(ill()))).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let (mut commands, tell) = second.ends();
    sleep(Duration::from_millis(50)).await;
    assert_eq!(taken(&mut commands), (500, false));
    tell.send(fixed("Hello")).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(fixed("Hello")));
}

#[tokio::test(start_paused = true)]
async fn words_that_are_owed_after_the_end_of_speech_are_asked_of_another() {
    let (mut stream, [first, second]) = two_ears().await;
    let (mut commands, tell) = first.ends();
    hear(&stream, 50).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(taken(&mut commands), (50, true));
    tell.send(fixed("One")).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(fixed("One")));
    hear(&stream, 60).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    sleep(Duration::from_millis(1_250)).await;
    let (mut commands, _tell) = second.ends();
    let (frames, finalizes) = taken(&mut commands);
    assert!(finalizes && (60..=65).contains(&frames), "what is fixed is not heard again: {frames}");
}

#[tokio::test(start_paused = true)]
async fn when_no_recogniser_answers_the_stream_ends_and_does_not_go_round_for_ever() {
    let (mut stream, [first, second]) = two_ears().await;
    let began = Instant::now();
    for ears in [&first, &second].into_iter().cycle() {
        sleep(Duration::from_millis(10)).await;
        if ears.opened.lock().unwrap().is_empty() {
            break;
        }
        let (_commands, tell) = ears.ends();
        tell.send(SttEvent::Closed(Err(ill()))).await.unwrap();
    }
    assert_eq!(stream.events.recv().await, Some(SttEvent::Closed(Err(ill()))));
    assert!(began.elapsed() < Duration::from_secs(1));
}

/// Four seconds of somebody who is heard to speak, in real time; meanwhile the recogniser tells that, every second.
async fn speak_wordless(stream: &SttStream, tell: Option<(&mpsc::Sender<SttEvent>, SttEvent)>) {
    for (n, frame) in sounds::frames(&sounds::voice(120.0, 4_000, -20.0)).into_iter().enumerate() {
        if let Some((tell, event)) = &tell
            && n % 50 == 49
        {
            tell.send(event.clone()).await.unwrap();
        }
        stream.commands.send(SttCommand::Audio(frame)).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_hears_and_finds_no_words_is_not_deaf_and_one_that_is_mute_is() {
    let (mut stream, [first, second]) = two_ears().await;
    let (_commands, tell) = first.ends();
    let blank = SttEvent::Interim(Utterance::default());
    speak_wordless(&stream, Some((&tell, blank))).await;
    assert!(second.opened.lock().unwrap().is_empty(), "a healthy recogniser was replaced");
    // Nobody is told of what changes nothing.
    assert!(stream.events.try_recv().is_err());
    speak_wordless(&stream, None).await;
    assert!(!second.opened.lock().unwrap().is_empty());
}

const ONE: ContextId = ContextId(1);

async fn two_voices() -> (TtsStream, [Arc<Ends<TtsCommand, TtsEvent>>; 2]) {
    let voices = [Ends::new(INTERIMS), Ends::new(INTERIMS)];
    let chain =
        TtsChain::new(voices.iter().map(|one| member(Arc::clone(one) as Arc<dyn Tts>, "m")).collect());
    let params = TtsParams { model: "m".into(), voice: None, language: "en".into(), call_id: "c".into() };
    (chain.open(params).await.unwrap(), voices)
}

fn audio(samples: usize) -> TtsEvent {
    TtsEvent::Audio { context: ONE, samples: vec![1; samples] }
}

fn word(text: &str, start: u64, end: u64) -> Word {
    Word { text: text.to_owned(), start: Duration::from_millis(start), end: Duration::from_millis(end) }
}

async fn told(commands: &mut mpsc::Receiver<TtsCommand>) -> (String, bool) {
    match commands.recv().await.unwrap() {
        TtsCommand::Speak { context: ONE, text, last } => (text.text().to_owned(), last),
        other => panic!("{other:?}"),
    }
}

async fn speak(stream: &TtsStream, text: &str) {
    let text = Utterance::new(text);
    stream.commands.send(TtsCommand::Speak { context: ONE, text, last: true }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_voice_without_a_first_sound_is_replaced_after_1200_ms() {
    let (stream, [first, second]) = two_voices().await;
    let (mut commands, _tell) = first.ends();
    let began = Instant::now();
    speak(&stream, "Hello there.").await;
    assert_eq!(told(&mut commands).await, ("Hello there.".to_owned(), true));
    sleep(Duration::from_millis(1_210)).await;
    let (mut commands, _tell) = second.ends();
    assert_eq!(told(&mut commands).await, ("Hello there.".to_owned(), true));
    assert!(began.elapsed().as_millis() <= 1_211);
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_breaks_off_is_replaced_at_a_word_and_its_words_keep_their_places() {
    let (mut stream, [first, second]) = two_voices().await;
    let (_commands, tell) = first.ends();
    speak(&stream, "One two three.").await;
    let words = vec![word("One", 0, 400), word("two", 400, 1_000), word("three.", 1_000, 1_500)];
    tell.send(TtsEvent::Words { context: ONE, words: words.clone() }).await.unwrap();
    tell.send(audio(16 * 500)).await.unwrap();
    tell.send(TtsEvent::Failed(ONE, ill())).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Words { context: ONE, words }));
    assert_eq!(stream.events.recv().await, Some(audio(16 * 500)));
    sleep(Duration::from_millis(10)).await;
    let (mut commands, tell) = second.ends();
    assert_eq!(told(&mut commands).await, ("two three.".to_owned(), true));
    tell.send(TtsEvent::Words { context: ONE, words: vec![word("two", 0, 300)] }).await.unwrap();
    tell.send(audio(160)).await.unwrap();
    tell.send(audio(160)).await.unwrap();
    tell.send(TtsEvent::Done(ONE)).await.unwrap();
    let moved = TtsEvent::Words { context: ONE, words: vec![word("two", 500, 800)] };
    assert_eq!(stream.events.recv().await, Some(moved));
    // Nobody may take this for the first voice's sound.
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Substituted(ONE)));
    assert_eq!(stream.events.recv().await, Some(audio(160)));
    assert_eq!(stream.events.recv().await, Some(audio(160)));
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Done(ONE)));
}

#[tokio::test(start_paused = true)]
async fn with_no_voice_left_the_sentence_fails_and_the_next_one_is_tried() {
    let (mut stream, [first, second]) = two_voices().await;
    let began = Instant::now();
    speak(&stream, "Hello.").await;
    sleep(Duration::from_millis(1_300)).await;
    let (_commands, _tell) = first.ends();
    let (mut commands, tell) = second.ends();
    let failed = stream.events.recv().await;
    assert_eq!(began.elapsed().as_millis() / 100, 55, "as long as one alone may take");
    assert!(matches!(failed, Some(TtsEvent::Failed(ONE, SpeechError::Silent { .. }))), "{failed:?}");
    assert_eq!(told(&mut commands).await, ("Hello.".to_owned(), true));
    let text = Utterance::new("Again.");
    stream.commands.send(TtsCommand::Speak { context: ContextId(2), text, last: true }).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let sound = TtsEvent::Audio { context: ContextId(2), samples: vec![1; 160] };
    tell.send(sound.clone()).await.unwrap();
    tell.send(TtsEvent::Done(ContextId(2))).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Substituted(ContextId(2))));
    assert_eq!(stream.events.recv().await, Some(sound));
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Done(ContextId(2))));
}

#[tokio::test(start_paused = true)]
async fn the_last_voice_may_be_as_slow_as_it_would_be_alone() {
    let (mut stream, [first, second]) = two_voices().await;
    speak(&stream, "Hello.").await;
    sleep(Duration::from_millis(1_210)).await;
    let (_commands, _tell) = first.ends();
    let (mut commands, tell) = second.ends();
    assert_eq!(told(&mut commands).await, ("Hello.".to_owned(), true));
    sleep(Duration::from_millis(3_000)).await;
    tell.send(audio(160)).await.unwrap();
    tell.send(TtsEvent::Done(ONE)).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Substituted(ONE)));
    assert_eq!(stream.events.recv().await, Some(audio(160)));
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Done(ONE)));
}

#[tokio::test(start_paused = true)]
async fn a_slow_voice_is_asked_again_when_the_other_one_fails() {
    let (mut stream, [first, second]) = two_voices().await;
    speak(&stream, "Hello.").await;
    sleep(Duration::from_millis(1_210)).await;
    let (_slow, _tell) = first.ends();
    let (_commands, tell) = second.ends();
    tell.send(TtsEvent::Failed(ONE, ill())).await.unwrap();
    sleep(Duration::from_millis(2_000)).await;
    let (mut commands, tell) = first.ends();
    assert_eq!(told(&mut commands).await, ("Hello.".to_owned(), true));
    tell.send(audio(160)).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(audio(160)));
}

#[tokio::test(start_paused = true)]
async fn a_call_may_change_its_voice_as_often_as_it_must() {
    let (mut stream, voices) = two_voices().await;
    let (mut commands, mut tell) = voices[0].ends();
    for sentence in 0..10_usize {
        speak(&stream, "One two.").await;
        told(&mut commands).await;
        tell.send(TtsEvent::Failed(ONE, ill())).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        (commands, tell) = voices[(sentence + 1) % 2].ends();
        told(&mut commands).await;
        tell.send(audio(160)).await.unwrap();
        tell.send(TtsEvent::Done(ONE)).await.unwrap();
        loop {
            match stream.events.recv().await {
                Some(TtsEvent::Done(ONE)) => break,
                Some(TtsEvent::Failed(..)) | None => panic!("sentence {sentence} is not spoken"),
                Some(_) => {}
            }
        }
    }
}

/// Cannot be opened.
struct Shut;

impl Tts for Shut {
    fn open(&self, _: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        async { Err(ill()) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_cannot_be_opened_does_not_take_the_place_of_the_one_that_speaks() {
    let first: Arc<Ends<TtsCommand, TtsEvent>> = Ends::new(INTERIMS);
    let chain = TtsChain::new(vec![member(Arc::clone(&first) as _, "m"), member(Arc::new(Shut) as _, "m")]);
    let params = TtsParams { model: "m".into(), voice: None, language: "en".into(), call_id: "c".into() };
    let mut stream = chain.open(params).await.unwrap();
    let (_commands, tell) = first.ends();
    speak(&stream, "Hello.").await;
    tell.send(TtsEvent::Failed(ONE, ill())).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Failed(ONE, ill())));
    speak(&stream, "Again.").await;
    sleep(Duration::from_millis(10)).await;
    tell.send(audio(160)).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(audio(160)), "it is the first voice's sound");
}

#[tokio::test(start_paused = true)]
async fn what_a_voice_garbled_is_spoken_again_by_another() {
    let (mut stream, [first, second]) = two_voices().await;
    let (_commands, tell) = first.ends();
    speak(&stream, "Hello there.").await;
    tell.send(TtsEvent::Garbled(ONE)).await.unwrap();
    tell.send(audio(160)).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let (mut commands, tell) = second.ends();
    assert_eq!(told(&mut commands).await, ("Hello there.".to_owned(), true));
    tell.send(audio(320)).await.unwrap();
    tell.send(TtsEvent::Done(ONE)).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Substituted(ONE)), "nothing of the first is heard");
    assert_eq!(stream.events.recv().await, Some(audio(320)));
    assert_eq!(stream.events.recv().await, Some(TtsEvent::Done(ONE)));
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_says_that_it_has_spoken_and_gave_no_sound_is_replaced() {
    let (stream, [first, second]) = two_voices().await;
    let (mut commands, tell) = first.ends();
    speak(&stream, "Hello there.").await;
    told(&mut commands).await;
    tell.send(TtsEvent::Done(ONE)).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let (mut commands, _tell) = second.ends();
    assert_eq!(told(&mut commands).await, ("Hello there.".to_owned(), true));
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_nothing_when_the_others_fail_goes_on_from_where_it_is() {
    let (mut stream, [first, second]) = two_voices().await;
    let (mut commands, tell) = first.ends();
    let say =
        |id, text: &str, last| TtsCommand::Speak { context: ContextId(id), text: Utterance::new(text), last };
    // A reply whose first clause was spoken, and that waits for the model.
    stream.commands.send(say(1, "One two. ", false)).await.unwrap();
    told(&mut commands).await;
    tell.send(TtsEvent::Words { context: ONE, words: vec![word("One", 0, 400), word("two.", 400, 1_000)] })
        .await
        .unwrap();
    tell.send(audio(16_000)).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    // Another sentence, which neither of the two can speak.
    stream.commands.send(say(2, "Refused.", true)).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    tell.send(TtsEvent::Failed(ContextId(2), ill())).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let (mut commands, tell) = second.ends();
    tell.send(TtsEvent::Failed(ContextId(2), ill())).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    while commands.try_recv().is_ok() {}
    stream.commands.send(say(1, "Three.", true)).await.unwrap();
    assert_eq!(told(&mut commands).await, ("Three.".to_owned(), true));
    tell.send(TtsEvent::Words { context: ONE, words: vec![word("Three.", 0, 400)] }).await.unwrap();
    tell.send(audio(160)).await.unwrap();
    let mut words = Vec::new();
    while words.len() < 3 {
        if let TtsEvent::Words { words: more, .. } = stream.events.recv().await.unwrap() {
            words.extend(more);
        }
    }
    assert_eq!(words[2], word("Three.", 1_000, 1_400), "it lies behind what was spoken before");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_says_nothing_at_all_is_replaced() {
    let mute = Model::new([(100, LlmEvent::Done)]);
    let other = Model::new([(100, text("Here.")), (0, LlmEvent::Done)]);
    let (words, last, took) = replied(&mute, &other).await;
    assert_eq!((words.as_str(), last, took.as_millis()), ("Here.", LlmEvent::Done, 200));
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_is_alone_and_takes_two_seconds_is_heard() {
    let ear = Ends::new(INTERIMS);
    let chain = SttChain::new(vec![member(Arc::clone(&ear) as Arc<dyn Stt>, "m")]);
    let params = SttParams { model: "m".into(), language: "en".into(), call_id: "c".into() };
    let mut stream = chain.open(params).await.unwrap();
    let (_commands, tell) = ear.ends();
    hear(&stream, 50).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    sleep(Duration::from_millis(2_000)).await;
    tell.send(fixed("Hello")).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(fixed("Hello")));
    assert!(ear.opened.lock().unwrap().is_empty(), "it was given up");
}

#[tokio::test(start_paused = true)]
async fn of_a_recogniser_that_ends_turns_it_is_told_that_it_hears() {
    let ears = [Ends::new(SttCapabilities { ends_turns: true, ..INTERIMS }), Ends::new(INTERIMS)];
    let chain = SttChain::new(ears.iter().map(|ear| member(Arc::clone(ear) as Arc<dyn Stt>, "m")).collect());
    let params = SttParams { model: "m".into(), language: "en".into(), call_id: "c".into() };
    let mut stream = chain.open(params).await.unwrap();
    let (_commands, tell) = ears[0].ends();
    let blank = SttEvent::Interim(Utterance::default());
    tell.send(blank.clone()).await.unwrap();
    assert_eq!(stream.events.recv().await, Some(blank));
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_is_alone_and_cut_off_speaks_the_rest_over_a_new_connection_once() {
    let voice = Ends::new(INTERIMS);
    let chain = TtsChain::new(vec![member(Arc::clone(&voice) as Arc<dyn Tts>, "m")]);
    let params = TtsParams { model: "m".into(), voice: None, language: "en".into(), call_id: "c".into() };
    let mut stream = chain.open(params).await.unwrap();
    let cut_off = || SpeechError::Disconnected { vendor: "test", detail: "cut off".to_owned() };
    let (mut commands, tell) = voice.ends();
    speak(&stream, "One two three.").await;
    told(&mut commands).await;
    tell.send(TtsEvent::Words { context: ONE, words: vec![word("One", 0, 500), word("two", 500, 900)] })
        .await
        .unwrap();
    tell.send(audio(16 * 500)).await.unwrap();
    tell.send(TtsEvent::Failed(ONE, cut_off())).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let (mut commands, tell) = voice.ends();
    assert_eq!(told(&mut commands).await, ("two three.".to_owned(), true));
    // Slow is not cut off: it is given its time.
    sleep(Duration::from_secs(4)).await;
    assert!(voice.opened.lock().unwrap().is_empty());
    tell.send(audio(160)).await.unwrap();
    tell.send(TtsEvent::Failed(ONE, cut_off())).await.unwrap();
    let mut events = Vec::new();
    while !matches!(events.last(), Some(TtsEvent::Failed(..))) {
        events.push(stream.events.recv().await.unwrap());
    }
    assert!(events.contains(&TtsEvent::Substituted(ONE)), "two pieces are not to be kept: {events:?}");
    assert!(voice.opened.lock().unwrap().is_empty(), "once");
}
