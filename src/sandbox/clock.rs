//! Virtual time for whole calls: tokio's paused clock, moved by a metronome instead of by idleness.
//!
//! A paused tokio clock jumps to the next timer whenever nothing is runnable, and bytes on their way through
//! a loopback socket do not count as runnable: timeouts would fire before answers arrive. The metronome
//! keeps the runtime busy and moves the clock one millisecond at a time, with enough rounds of socket
//! polling between two steps for a request and its answer to get through. It knows no emulator.

use std::time::Duration;

use tokio::task::yield_now;
use tokio_util::task::AbortOnDropHandle;

/// The step of virtual time, which is also the resolution of tokio's timers.
const STEP: Duration = Duration::from_millis(1);
/// Rounds of socket polling between two steps: the longest chain of hops (room, network, phone, and an
/// HTTP exchange among them) that is to take no virtual time at all.
const ROUNDS: usize = 12;

/// Moves this runtime's clock for as long as it lives.
///
/// After it is dropped the clock stays paused, as `tokio::time::pause` leaves it.
#[derive(Debug)]
pub struct Metronome {
    _task: AbortOnDropHandle<()>,
}

impl Metronome {
    /// Pauses the runtime's clock and moves it: `None` as fast as the machine can, `Some(x)` at x times
    /// real time (late rather than never, if the machine is too slow for x).
    ///
    /// # Panics
    /// Outside a `current_thread` runtime, or when the clock is paused already.
    #[must_use = "time stands still when it is dropped"]
    pub fn start(speed: Option<f64>) -> Self {
        tokio::time::pause();
        let task = match speed {
            None => tokio::spawn(as_fast_as_possible()),
            Some(speed) => tokio::spawn(at_speed(speed.max(0.001))),
        };
        Self { _task: AbortOnDropHandle::new(task) }
    }
}

async fn as_fast_as_possible() {
    loop {
        step().await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "virtual time is measured against real time here, and only here"
)]
async fn at_speed(speed: f64) {
    let started = std::time::Instant::now();
    let mut steps = 0u64;
    loop {
        step().await;
        steps += 1;
        let due = STEP.mul_f64(steps as f64 / speed);
        let early = due.saturating_sub(started.elapsed());
        if !early.is_zero() {
            // Blocks this thread, not a timer: a parked runtime would move the paused clock by itself.
            // At most one step long, so that sockets and keyboard are never late by more than that.
            std::thread::sleep(early.min(STEP));
        }
        while started.elapsed() < due {
            yield_now().await;
        }
    }
}

async fn step() {
    for _ in 0..ROUNDS {
        yield_now().await;
    }
    tokio::time::advance(STEP).await;
}

/// Seconds since 1970, for expiry times and time stamps: the only absolute time in the sandbox.
#[expect(clippy::disallowed_methods, reason = "Daily's expiry times are absolute")]
pub(crate) fn unix_now() -> f64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A time, in seconds since 1970, as Daily writes times.
pub(crate) fn iso_8601(unix: f64) -> String {
    jiff::Timestamp::from_millisecond((unix * 1_000.0) as i64)
        .map(|time| format!("{time:.3}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    #[test]
    fn times_are_written_as_daily_writes_them() {
        assert_eq!(iso_8601(1_795_363_200.25), "2026-11-22T16:00:00.250Z");
    }

    #[tokio::test]
    async fn an_hour_passes_quickly_and_sockets_are_not_overtaken_by_timeouts() {
        let _clock = Metronome::start(None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut byte = [0];
            while socket.read_exact(&mut byte).await.is_ok() {
                socket.write_all(&byte).await.unwrap();
            }
        });
        let mut socket = TcpStream::connect(address).await.unwrap();
        let started = Instant::now();
        for n in 0..100u8 {
            sleep(Duration::from_millis(20)).await;
            let exchange = async {
                socket.write_all(&[n]).await.unwrap();
                socket.read_u8().await.unwrap()
            };
            let answer = timeout(Duration::from_millis(20), exchange).await;
            assert_eq!(answer, Ok(n));
        }
        let took = started.elapsed().as_millis();
        assert!((2000..2300).contains(&took), "{took} ms of virtual time");
        drop(socket);
        echo.await.unwrap();
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "compares virtual with real time")]
    async fn a_speed_is_kept_to() {
        let real = std::time::Instant::now();
        let _clock = Metronome::start(Some(20.0));
        sleep(Duration::from_secs(2)).await;
        let took = real.elapsed().as_millis();
        assert!(took >= 99, "two seconds at twentyfold speed take a tenth of one, not {took} ms");
    }
}
