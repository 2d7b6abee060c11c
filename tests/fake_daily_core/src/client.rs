//! A call client: its delegate, what it is subscribed to, and its way into a room.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::room::{self, ToRoom};
use crate::{AudioData, Counted, source};

type OnEvent = unsafe extern "C" fn(*mut c_void, *const c_char, isize);
type OnAudio = unsafe extern "C" fn(*mut c_void, u64, *const c_char, *const AudioData);

/// `DailyCallState`.
#[derive(Clone, Copy)]
pub enum State {
    Initialized = 0,
    Joining = 1,
    Joined = 2,
    Left = 4,
}

#[derive(Clone, Copy)]
struct Delegate {
    ptr: usize,
    on_event: usize,
    on_audio: usize,
}

struct Renderer {
    id: u64,
    sample_rate: u32,
}

/// What the client and its threads share.
pub struct Shared {
    delegate: Mutex<Option<Delegate>>,
    events: Mutex<Option<Sender<Value>>>,
    state: AtomicU32,
    /// Whether the microphones of those without a setting of their own are subscribed to.
    by_default: Mutex<bool>,
    subscribed: Mutex<HashMap<String, bool>>,
    renderers: Mutex<HashMap<String, Renderer>>,
}

pub struct Client {
    shared: Arc<Shared>,
    emitter: JoinHandle<()>,
    to_room: Mutex<Option<Sender<ToRoom>>>,
    room: Mutex<Option<JoinHandle<()>>>,
}

impl Client {
    pub fn new() -> Self {
        let (events, emitted) = channel();
        let shared = Arc::new(Shared {
            delegate: Mutex::default(),
            events: Mutex::new(Some(events)),
            state: AtomicU32::new(State::Initialized as u32),
            by_default: Mutex::new(true),
            subscribed: Mutex::default(),
            renderers: Mutex::default(),
        });
        let emits = Arc::clone(&shared);
        let emitter = std::thread::Builder::new().name("fake-emitter".into());
        let emitter = emitter.spawn(move || emits.emit_all(&emitted)).expect("a thread");
        Self { shared, emitter, to_room: Mutex::default(), room: Mutex::default() }
    }

    pub fn set_delegate(&self, ptr: usize, on_event: usize, on_audio: usize) {
        *lock(&self.shared.delegate) = Some(Delegate { ptr, on_event, on_audio });
    }

    pub fn state(&self) -> u32 {
        self.shared.state.load(Ordering::SeqCst)
    }

    pub fn done(&self, request: u64) {
        self.shared.done(request, None);
    }

    pub fn join(&self, request: u64, url: String, token: String, settings: &str) {
        let Ok(settings) = serde_json::from_str::<Value>(settings) else {
            return self.shared.refuse(request, "join", "Invalid client settings: not JSON");
        };
        let (to_room, orders) = channel();
        self.attach_microphone(&settings, &to_room);
        let publishes = publishes(settings.get("publishing"));
        if publishes == Some(true) && is_enabled(&settings) {
            to_room.send(ToRoom::Publish(true)).ok();
        }
        *lock(&self.to_room) = Some(to_room);
        self.shared.set_state(State::Joining);
        let shared = Arc::clone(&self.shared);
        let room = std::thread::Builder::new().name("fake-room".into());
        let room = room.spawn(move || room::run(&shared, &orders, request, &url, &token));
        *lock(&self.room) = room.ok();
    }

    /// As the real one: an unknown track is taken without an error, and the client stays mute.
    fn attach_microphone(&self, settings: &Value, to_room: &Sender<ToRoom>) {
        let id = settings.pointer("/inputs/microphone/settings/customTrack/id").and_then(Value::as_str);
        let tracks = source::list();
        match id.and_then(|id| tracks.get(id)).map(|track| &**track) {
            Some(Counted::Track(track)) => {
                if let Some(source) = track.source() {
                    source.feed(to_room.clone());
                }
            }
            _ => eprintln!("Can't find custom microphone track"),
        }
    }

    /// Waits behind a join that is under way, as the real one.
    pub fn leave(&self, request: u64) {
        let to_room = lock(&self.to_room);
        let sent = to_room.as_ref().map(|room| room.send(ToRoom::Leave(request)));
        if !matches!(sent, Some(Ok(()))) {
            self.shared.done(request, None);
        }
    }

    pub fn update_publishing(&self, request: u64, publishing: &str) {
        match serde_json::from_str(publishing).ok().as_ref().map(|publishing| publishes(Some(publishing))) {
            Some(Some(on)) => {
                self.tell_room(ToRoom::Publish(on));
                self.shared.done(request, None);
            }
            Some(None) => self.shared.done(request, None),
            None => self.shared.refuse(request, "updatePublishing", "Invalid publishing settings"),
        }
    }

    pub fn update_profiles(&self, request: u64, profiles: &str) {
        let Ok(profiles) = serde_json::from_str::<Value>(profiles) else {
            return self.shared.refuse(request, "updateSubscriptionProfiles", "Invalid profile settings");
        };
        if let Some(wish) = profiles.pointer("/base/microphone") {
            *lock(&self.shared.by_default) = is_subscribed(wish);
        }
        self.shared.done(request, None);
    }

    pub fn update_subscriptions(&self, request: u64, participants: &str) {
        let participants = serde_json::from_str::<Value>(participants);
        let Some(participants) = participants.as_ref().ok().and_then(Value::as_object) else {
            return self.shared.refuse(request, "updateSubscriptions", "Invalid subscription settings");
        };
        for (id, settings) in participants {
            if let Some(wish) = settings.pointer("/media/microphone") {
                lock(&self.shared.subscribed).insert(id.clone(), is_subscribed(wish));
            }
        }
        let any = lock(&self.shared.subscribed).values().any(|&is| is) || *lock(&self.shared.by_default);
        self.tell_room(ToRoom::Subscribe(any));
        self.shared.done(request, None);
    }

    /// As the real one: what cannot be read, and anything outside of a call, is refused with the library's words.
    pub fn command_leg(&self, request: u64, name: &'static str, properties: &str) {
        let properties = serde_json::from_str::<Value>(properties).ok().filter(|read| is_complete(name, read));
        let Some(properties) = properties else {
            let why = "data did not match any variant of untagged enum DailyStartDialoutProperties";
            return self.shared.refuse(request, name, why);
        };
        self.ask(request, name, properties);
    }

    pub fn stop_dialout(&self, request: u64, participant: &str) {
        let is_uuid = participant.len() == 36 && participant.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        if !is_uuid {
            return self.shared.refuse(request, "stopDialout", "invalid participant id");
        }
        self.ask(request, "stopDialout", json!(participant));
    }

    fn ask(&self, request: u64, name: &'static str, properties: Value) {
        let is_in = self.state() == State::Joined as u32;
        let order = ToRoom::Request { id: request, name, properties };
        let asked = is_in && lock(&self.to_room).as_ref().is_some_and(|room| room.send(order).is_ok());
        if !asked {
            self.shared.refuse(request, name, "Dialout(CallState(NotInACall))");
        }
    }

    pub fn render(&self, request: u64, id: u64, participant: String, sample_rate: u32) {
        lock(&self.shared.renderers).insert(participant, Renderer { id, sample_rate });
        self.shared.done(request, None);
    }

    /// Returns when nothing of the client runs any more, a join under way included.
    pub fn finish(self) {
        self.tell_room(ToRoom::Finish);
        if let Some(room) = lock(&self.room).take() {
            room.join().ok();
        }
        drop(lock(&self.shared.events).take());
        self.emitter.join().ok();
    }

    fn tell_room(&self, order: ToRoom) {
        if let Some(room) = lock(&self.to_room).as_ref() {
            room.send(order).ok();
        }
    }
}

impl Shared {
    /// Hands events to the delegate in order, on one thread.
    fn emit_all(&self, events: &Receiver<Value>) {
        while let Ok(event) = events.recv() {
            let Some(delegate) = *lock(&self.delegate) else { continue };
            let text = CString::new(event.to_string()).expect("JSON has no zero byte");
            let length = isize::try_from(text.as_bytes().len()).unwrap_or(0);
            unsafe {
                let on_event: OnEvent = std::mem::transmute(delegate.on_event);
                on_event(delegate.ptr as *mut c_void, text.as_ptr(), length);
            }
        }
    }

    pub fn emit(&self, event: Value) {
        if let Some(events) = lock(&self.events).as_ref() {
            events.send(event).ok();
        }
    }

    pub fn done(&self, request: u64, success: Option<Value>) {
        let mut event = json!({"action": "request-completed", "requestId": {"id": request}});
        if let Some(success) = success {
            event["requestSuccess"] = success;
        }
        self.emit(event);
    }

    /// An error is told twice, as the real one does.
    pub fn refuse(&self, request: u64, what: &str, why: &str) {
        let error = json!({"msg": why});
        self.emit(
            json!({"action": "request-completed", "requestError": error, "requestId": {"id": request}}),
        );
        self.emit(json!({"action": "error", "message": format!("Error handling {what}: {why}")}));
    }

    pub fn set_state(&self, state: State) {
        self.state.store(state as u32, Ordering::SeqCst);
    }

    /// 10 ms at a time, to the renderer of a participant that is subscribed to.
    pub fn play(&self, participant: &str, samples: &[i16]) {
        let by_default = *lock(&self.by_default);
        if !lock(&self.subscribed).get(participant).copied().unwrap_or(by_default) {
            return;
        }
        let renderer = match lock(&self.renderers).get(participant) {
            Some(renderer) if renderer.sample_rate == 16_000 => renderer.id,
            _ => return,
        };
        let (Some(delegate), Ok(peer)) = (*lock(&self.delegate), CString::new(participant)) else { return };
        for samples in samples.chunks(160) {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
            let data = AudioData {
                bits_per_sample: 16,
                sample_rate: 16_000,
                num_channels: 1,
                num_audio_frames: samples.len(),
                audio_frames: bytes.as_ptr(),
            };
            unsafe {
                let on_audio: OnAudio = std::mem::transmute(delegate.on_audio);
                on_audio(delegate.ptr as *mut c_void, renderer, peer.as_ptr(), &raw const data);
            }
        }
    }
}

fn publishes(publishing: Option<&Value>) -> Option<bool> {
    publishing?.pointer("/microphone/isPublishing").and_then(Value::as_bool)
}

/// What is mandatory is there: an address, or the leg and where to.
fn is_complete(name: &str, properties: &Value) -> bool {
    let has = |field: &str| properties.get(field).is_some_and(Value::is_string);
    match name {
        "startDialout" => has("phoneNumber") != has("sipUri"),
        "sendDtmf" => has("sessionId") && has("tones"),
        _ => has("sessionId") && has("toEndPoint"),
    }
}

fn is_enabled(settings: &Value) -> bool {
    settings.pointer("/inputs/microphone/isEnabled") == Some(&Value::Bool(true))
}

fn is_subscribed(wish: &Value) -> bool {
    wish == "subscribed" || wish.get("subscriptionState").is_some_and(|state| state == "subscribed")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
