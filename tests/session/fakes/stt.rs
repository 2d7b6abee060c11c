//! A recogniser that understands what the test tells it, when it is asked to finalize.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use callflow::pii::Utterance;
use callflow::speech::{SpeechError, Stt, SttCommand, SttEvent, SttParams, SttStream};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Log, Opening};

pub struct FakeStt {
    log: Log,
    pub opening: Mutex<Opening>,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    words: Mutex<VecDeque<String>>,
    frames: Mutex<usize>,
    finalized: Mutex<usize>,
    events: Mutex<Option<mpsc::Sender<SttEvent>>>,
    /// It does not answer when it is asked to finalize.
    unanswering: AtomicBool,
}

impl FakeStt {
    pub fn new(log: &Log) -> Self {
        Self { log: log.clone(), opening: Mutex::default(), inner: Arc::default() }
    }

    /// The next time it is asked, it has understood this.
    pub fn will_hear(&self, words: &str) {
        self.inner.words.lock().unwrap().push_back(words.to_owned());
    }

    /// It says this now.
    pub fn event(&self, event: SttEvent) {
        if let Some(events) = &*self.inner.events.lock().unwrap() {
            let _gone = events.try_send(event);
        }
    }

    /// From now on it does not answer when it is asked to finalize.
    pub fn answers_no_more(&self) {
        self.inner.unanswering.store(true, Ordering::SeqCst);
    }

    /// Words are fixed now, unasked.
    pub fn says(&self, words: &str) {
        self.event(SttEvent::Final { text: Utterance::new(words), speech_final: true });
    }

    /// Frames of the caller that it was given.
    pub fn frames(&self) -> usize {
        *self.inner.frames.lock().unwrap()
    }

    /// How often it was asked to finalize.
    pub fn finalized(&self) -> usize {
        *self.inner.finalized.lock().unwrap()
    }
}

impl Stt for FakeStt {
    fn open(&self, _: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>> {
        let (log, inner) = (self.log.clone(), Arc::clone(&self.inner));
        let opening = self.opening.lock().unwrap().clone();
        async move {
            opening.pass().await?;
            log.add("stt opened");
            let (commands, mut commands_in) = mpsc::channel(128);
            let (events, events_out) = mpsc::channel(64);
            *inner.events.lock().unwrap() = Some(events.clone());
            let trace = log.on_drop("stt dropped");
            let task = async move {
                let _trace = trace;
                while let Some(command) = commands_in.recv().await {
                    match command {
                        SttCommand::Audio(_) => *inner.frames.lock().unwrap() += 1,
                        SttCommand::Finalize => {
                            *inner.finalized.lock().unwrap() += 1;
                            if inner.unanswering.load(Ordering::SeqCst) {
                                continue;
                            }
                            let words = inner.words.lock().unwrap().pop_front().unwrap_or_default();
                            let text = Utterance::new(words);
                            let _gone = events.try_send(SttEvent::Final { text, speech_final: true });
                        }
                        SttCommand::Close => log.add("stt told to close"),
                    }
                }
            };
            Ok(SttStream { commands, events: events_out, task: AbortOnDropHandle::new(tokio::spawn(task)) })
        }
        .boxed()
    }
}
