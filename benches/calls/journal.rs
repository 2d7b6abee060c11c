//! Reads a journal while it is written, to put the engine's steps on this process's clock.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the file is looked at, which is how exact the moments are.
const EVERY: Duration = Duration::from_millis(1);

/// A thread that notes when turns end.
pub struct Tail {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Instant>>,
}

impl Tail {
    /// Follows a journal that exists. Each line is flushed as a whole.
    pub fn follow(path: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut journal = BufReader::new(std::fs::File::open(path).expect("the engine has opened it"));
            let (mut ended, mut line) = (Vec::new(), String::new());
            while !asked.load(Ordering::Relaxed) {
                if journal.read_line(&mut line).expect("a journal is text") == 0 || !line.ends_with('\n') {
                    std::thread::sleep(EVERY);
                    continue;
                }
                if line.contains(r#""type":"turn_ended""#) {
                    ended.push(Instant::now());
                }
                line.clear();
            }
            ended
        });
        Self { stop, thread }
    }

    /// When the turns ended, in order.
    pub fn stop(self) -> Vec<Instant> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread only reads")
    }
}
