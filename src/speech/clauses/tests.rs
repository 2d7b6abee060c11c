//! From bytes to samples, on the paused clock; the clients over HTTP are tested in `tests/http_voices.rs`.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use proptest::prelude::*;
use tokio::time::Instant;

use super::clause::convert;
use super::*;

const VENDOR: &str = "test";

type Piece = Result<Bytes, String>;

/// All samples of a clause, and how it ended.
async fn converted(bytes: impl Stream<Item = Piece>, rate: u32) -> (Vec<i16>, Result<(), SpeechError>) {
    let (give, mut pieces) = mpsc::channel(1000);
    let end = convert(VENDOR, bytes, rate, &give).await;
    drop(give);
    let mut samples = Vec::new();
    while let Some(piece) = pieces.recv().await {
        samples.extend(piece.unwrap());
    }
    (samples, end)
}

fn tone(samples: usize) -> Vec<u8> {
    (0..samples).flat_map(|n| (((n as f64 * 0.1).sin() * 9_000.0) as i16).to_le_bytes()).collect()
}

#[tokio::test(start_paused = true)]
async fn three_samples_become_two() {
    let whole = stream::iter([Ok(Bytes::from(tone(24_000)))]);
    let (samples, end) = converted(whole, 24_000).await;
    assert_eq!(end, Ok(()));
    assert!(samples.len().abs_diff(16_000) < 40, "{}", samples.len());
    assert!(samples.iter().any(|&sample| sample > 8_000));
}

#[tokio::test(start_paused = true)]
async fn a_clause_that_stalls_or_breaks_keeps_what_was_heard() {
    let began = Instant::now();
    let stalled = stream::iter([Ok(Bytes::from(tone(2_400)))]).chain(stream::pending());
    let (samples, end) = converted(stalled, 24_000).await;
    assert_eq!(end, Err(SpeechError::Silent { vendor: VENDOR, waited: Duration::from_secs(5) }));
    assert_eq!((samples.len(), began.elapsed().as_secs()), (1_600, 5));
    let broken = stream::iter([Ok(Bytes::from(tone(2_400))), Err("reset".to_owned())]);
    let (samples, end) = converted(broken, 24_000).await;
    assert!(matches!(end, Err(SpeechError::Disconnected { .. })) && samples.len() == 1_600);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_sample_is_none() {
    for pieces in [vec![], vec![Ok(Bytes::from_static(b"x"))]] {
        let (_, end) = converted(stream::iter(pieces), 16_000).await;
        assert!(matches!(end, Err(SpeechError::Protocol { .. })), "{end:?}");
    }
}

proptest! {
    #[test]
    fn where_the_network_cuts_makes_no_difference(cuts in proptest::collection::vec(0usize..900, 0..20)) {
        let bytes = tone(450);
        let mut cuts = cuts;
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<Piece> =
            cuts.windows(2).map(|w| Ok(Bytes::copy_from_slice(&bytes[w[0]..w[1]]))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (whole, _) = runtime.block_on(converted(stream::iter([Ok(Bytes::from(bytes))]), 16_000));
        prop_assert_eq!(runtime.block_on(converted(stream::iter(pieces), 16_000)).0, whole);
    }
}
