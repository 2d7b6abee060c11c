//! How long something takes, for benches that print tables of Markdown: the median of a few runs.

use std::time::Duration;

use tokio::time::Instant;

/// Runs at most, and how long is spent on them: what takes long is run less often, but at least once.
const RUNS: usize = 7;
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// The median of a few runs, and what the last one came to.
pub fn median<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut times = Vec::new();
    loop {
        let began = Instant::now();
        let result = std::hint::black_box(run());
        times.push(began.elapsed());
        if times.len() == RUNS || times.iter().sum::<Duration>() > LONG_ENOUGH {
            times.sort_unstable();
            return (times[times.len() / 2], result);
        }
    }
}

/// Milliseconds, as tables show them.
pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}
