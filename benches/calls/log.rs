//! What the engine says of itself in its log: where each answer's time went, and how late its beats came.

use std::io::{BufRead as _, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// Collected while the engine runs.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Said>>);

/// What was said since it was taken last.
#[derive(Default)]
pub struct Said {
    /// The engine's own part of each answer: turn to request, first word to first text, first audio to the room.
    pub added: Vec<Duration>,
    /// Replies that were asked for before the turn was over.
    pub guessed: usize,
    /// Of each call: how late the beats came, 99th percentile.
    pub late: Vec<Duration>,
}

impl Log {
    /// Reads until the engine ends.
    pub fn read(stderr: ChildStderr) -> Self {
        let log = Self::default();
        let said = Arc::clone(&log.0);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str::<Value>(&line) {
                    said.lock().expect("nobody panics here").note(&line);
                }
            }
        });
        log
    }

    /// Takes what was said.
    pub fn take(&self) -> Said {
        std::mem::take(&mut self.0.lock().expect("nobody panics here"))
    }
}

impl Said {
    fn note(&mut self, line: &Value) {
        let fields = if line["fields"].is_object() { &line["fields"] } else { line };
        let ms = |name: &str| fields[name].as_f64();
        if ms("total_ms").is_some() {
            let parts = ["request_ms", "first_text_ms", "sent_ms"].map(|name| ms(name).unwrap_or_default());
            self.added.push(Duration::from_secs_f64(parts.iter().sum::<f64>() / 1000.0));
            self.guessed += usize::from(fields["guessed"] == true);
        } else if let (Some(_), Some(late)) = (ms("beats"), ms("p99_ms")) {
            self.late.push(Duration::from_secs_f64(late / 1000.0));
        }
    }
}
