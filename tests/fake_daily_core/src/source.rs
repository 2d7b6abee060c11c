//! Custom audio sources: each plays in real time on a thread of its own, silence when nothing is written.

use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Counted;
use crate::room::ToRoom;

/// `DailyAudioSenderOnWriteFramesFn`.
pub type OnWritten = unsafe extern "C" fn(*mut c_void, u64, usize);

struct Written {
    samples: VecDeque<i16>,
    length: usize,
    request: u64,
    done: OnWritten,
    target: usize,
}

#[derive(Default)]
struct Queue {
    written: VecDeque<Written>,
    listeners: Vec<Sender<ToRoom>>,
}

pub struct Source {
    pub sample_rate: i32,
    pub channels: usize,
    queue: Arc<Mutex<Queue>>,
    stop: Arc<AtomicBool>,
}

impl Source {
    pub fn start(sample_rate: i32, channels: usize) -> Self {
        let queue = Arc::<Mutex<Queue>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (plays, stops) = (Arc::clone(&queue), Arc::clone(&stop));
        let samples = usize::try_from(sample_rate).unwrap_or(0) / 50 * channels;
        let play = move || play(&plays, &stops, samples);
        std::thread::Builder::new().name("fake-source".into()).spawn(play).expect("a thread");
        Self { sample_rate, channels, queue, stop }
    }

    pub fn write(&self, samples: VecDeque<i16>, request: u64, done: OnWritten, target: usize) {
        let length = samples.len();
        lock(&self.queue).written.push_back(Written { samples, length, request, done, target });
    }

    /// Sends what is played to a room.
    pub fn feed(&self, room: Sender<ToRoom>) {
        lock(&self.queue).listeners.push(room);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// 20 ms at a time, by the clock.
fn play(queue: &Mutex<Queue>, stop: &AtomicBool, samples: usize) {
    let mut next = Instant::now();
    while !stop.load(Ordering::SeqCst) {
        next += Duration::from_millis(20);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let mut frame = Vec::with_capacity(samples);
        let mut done = Vec::new();
        {
            let mut queue = lock(queue);
            while frame.len() < samples {
                let Some(first) = queue.written.front_mut() else { break };
                let take = first.samples.len().min(samples - frame.len());
                frame.extend(first.samples.drain(..take));
                if first.samples.is_empty() {
                    done.extend(queue.written.pop_front());
                }
            }
            frame.resize(samples, 0);
            queue.listeners.retain(|room| room.send(ToRoom::Microphone(frame.clone())).is_ok());
        }
        for written in done {
            unsafe { (written.done)(written.target as *mut c_void, written.request, written.length) };
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A track: an id, and a reference to its source.
pub struct Track {
    pub id: String,
    source: Arc<Counted>,
}

impl Track {
    pub fn new(source: Arc<Counted>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        Self { id: format!("7ac40000-0000-4000-8000-{count:012x}"), source }
    }

    pub fn source(&self) -> Option<&Source> {
        match &*self.source {
            Counted::Source(source) => Some(source),
            Counted::Track(_) => None,
        }
    }
}

/// The library's own list of tracks, by id.
pub fn list() -> MutexGuard<'static, HashMap<String, Arc<Counted>>> {
    static LIST: LazyLock<Mutex<HashMap<String, Arc<Counted>>>> = LazyLock::new(Mutex::default);
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}
