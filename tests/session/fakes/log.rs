//! One chronicle of everything that was done to the world.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

/// What happened, when. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    began: Instant,
    lines: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Log {
    pub fn new() -> Self {
        Self { began: Instant::now(), lines: Arc::default() }
    }

    pub fn add(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push((self.began.elapsed(), line.into()));
    }

    /// Time since the world began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn len(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// Index and time of the first line from an index on that begins so.
    pub fn find(&self, from: usize, line: &str) -> Option<(usize, Duration)> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .enumerate()
            .skip(from)
            .find(|(_, (_, l))| l.starts_with(line))
            .map(|(n, (at, _))| (n, *at))
    }

    /// The same, by time, passing over some lines.
    pub fn find_since(&self, since: Duration, but: &HashSet<usize>, line: &str) -> Option<(usize, Duration)> {
        let lines = self.lines.lock().unwrap();
        let fits = |(n, (at, l)): &(usize, &(Duration, String))| {
            at.as_millis() >= since.as_millis() && !but.contains(n) && l.starts_with(line)
        };
        lines.iter().enumerate().find(fits).map(|(n, (at, _))| (n, *at))
    }

    pub fn count(&self, line: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|(_, l)| l.starts_with(line)).count()
    }

    /// A guard that adds a line when it is dropped.
    pub fn on_drop(&self, line: &'static str) -> Trace {
        Trace { log: self.clone(), line }
    }

    pub fn text(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(at, l)| format!("{:>8} ms  {l}\n", at.as_millis())).collect()
    }
}

pub struct Trace {
    log: Log,
    line: &'static str,
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.log.add(self.line);
    }
}
