//! Lines of standard input, read on a thread of their own: a terminal cannot be read asynchronously.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// A line as read.
pub(super) struct Typed {
    /// Counted from one.
    pub(super) number: usize,
    pub(super) text: String,
}

/// No line of a script is longer; the rest of a longer one is not read.
const MOST_BYTES: usize = 4096;

/// Reads lines until the end of input; the channel closes then.
///
/// The thread is not joined: it may be waiting for a person who never types again, and ends with the process.
pub(super) fn lines() -> mpsc::Receiver<Typed> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        for (n, line) in std::io::stdin().lock().lines().enumerate() {
            let Ok(mut text) = line else { break };
            text.truncate(text.floor_char_boundary(MOST_BYTES));
            if sender.blocking_send(Typed { number: n + 1, text }).is_err() {
                break;
            }
        }
    });
    receiver
}
