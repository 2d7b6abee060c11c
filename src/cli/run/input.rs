//! Lines of standard input, read on a thread of their own: a terminal cannot be read asynchronously.

use std::io::{self, BufRead, Read as _};

use tokio::sync::mpsc;

/// A line as read.
pub(super) struct Typed {
    /// Counted from one.
    pub(super) number: usize,
    pub(super) text: String,
}

/// No line is longer; the rest of a longer one is not kept.
const MOST_BYTES: usize = 4096;

/// Reads lines until the end of input; the channel closes then.
///
/// The thread is not joined: it may be waiting for a person who never types again, and ends with the process.
pub(super) fn lines() -> mpsc::Receiver<Typed> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        for number in 1.. {
            let text = match read_line(&mut input) {
                Ok(Some(text)) => text,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "standard input cannot be read any more");
                    break;
                }
            };
            if sender.blocking_send(Typed { number, text }).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The next line, whatever its bytes are: a script in another encoding has odd letters, but no fewer lines.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(MOST_BYTES as u64).read_until(b'\n', &mut bytes)?;
    if read == MOST_BYTES && bytes.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok((read > 0).then(|| String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(mut bytes: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| read_line(&mut bytes).unwrap()).collect()
    }

    #[test]
    fn lines_are_read_whatever_their_bytes_and_ends_are() {
        assert_eq!(lines_of(b"hello\r\ncaf\xe9\n\nlast"), ["hello", "caf\u{fffd}", "", "last"]);
        assert!(lines_of(b"").is_empty());
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_no_other_line() {
        let text = [&vec![b'x'; 100_000][..], b"\nyes\n", &vec![b'y'; MOST_BYTES], b"\nno"].concat();
        let lines = lines_of(&text);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MOST_BYTES, 3, MOST_BYTES, 2]);
    }
}
