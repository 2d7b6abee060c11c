//! Reading on the paused clock; the whole client over HTTP is tested in `tests/clients.rs`.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use proptest::prelude::*;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::stream::read;
use super::*;
use crate::speech::{LlmEvent, SpeechError};

macro_rules! wire {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/openai/", $name))
    };
}

/// Everything a reader hears, its end included.
async fn hear(chunks: impl Stream<Item = Result<Bytes, &'static str>>) -> Vec<LlmEvent> {
    let (tell, mut events) = mpsc::channel(1000);
    let first_by = Instant::now() + Duration::from_secs(10);
    let end = read(chunks, first_by, &tell).await;
    drop(tell);
    let mut heard: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    heard.push(end.map_or_else(LlmEvent::Failed, |()| LlmEvent::Done));
    heard
}

fn whole(body: &str) -> impl Stream<Item = Result<Bytes, &'static str>> {
    stream::iter([Ok(Bytes::copy_from_slice(body.as_bytes()))])
}

/// The body, and then an open connection on which nothing comes any more.
fn stalled(body: &str) -> impl Stream<Item = Result<Bytes, &'static str>> {
    whole(body).chain(stream::pending())
}

fn text(words: &str) -> LlmEvent {
    LlmEvent::Text(words.into())
}

fn spoken() -> Vec<LlmEvent> {
    vec![text("Of course"), text(", that's 3 € – naïve?"), LlmEvent::Done]
}

fn is_silence(event: Option<&LlmEvent>) -> bool {
    matches!(event, Some(LlmEvent::Failed(SpeechError::Silent { .. })))
}

fn is_break(event: Option<&LlmEvent>) -> bool {
    matches!(event, Some(LlmEvent::Failed(SpeechError::Disconnected { .. })))
}

#[tokio::test(start_paused = true)]
async fn documented_text_is_heard() {
    assert_eq!(hear(whole(wire!("text.sse"))).await, spoken());
}

#[tokio::test(start_paused = true)]
async fn two_tool_calls_come_whole_and_in_order() {
    let arguments = json!({"reason": "billing"}).as_object().cloned().unwrap();
    let call = |id: &str, name: &str, arguments| LlmEvent::ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: Ok(arguments),
    };
    assert_eq!(
        hear(whole(wire!("two_tools.sse"))).await,
        [
            call("call_a", "dial_operator", arguments),
            call("call_b", "terminate_call", serde_json::Map::new()),
            LlmEvent::Done
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_stream_fails_the_reply_after_what_was_said() {
    let heard = hear(whole(wire!("error_mid_stream.sse"))).await;
    assert_eq!(heard[0], text("Let me"));
    assert!(matches!(&heard[1], LlmEvent::Failed(SpeechError::Vendor { .. })), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_cut_anywhere_before_its_finish_is_broken_and_after_it_is_whole() {
    let body = wire!("text.sse");
    let finish = body.find("\"finish_reason\":\"stop\"").unwrap();
    let finish = finish + body[finish..].find('\n').unwrap();
    for cut in (0..body.len()).filter(|cut| body.is_char_boundary(*cut)) {
        let heard = hear(whole(&body[..cut])).await;
        if cut < finish {
            assert!(is_break(heard.last()), "{cut}: {heard:?}");
        } else {
            assert_eq!(heard, spoken(), "{cut}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_tool_call_never_acts() {
    let body = wire!("two_tools.sse");
    let heard = hear(whole(&body[..body.find("terminate_call").unwrap()])).await;
    assert!(heard.len() == 1 && is_break(heard.last()), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn chunks_without_words_are_no_sign_of_life_and_the_bookkeeping_has_its_second() {
    let empty = r#"data: {"choices":[{"index":0,"delta":{"content":""}}]}"#;
    let babble = |body: &'static str| {
        let beats = stream::repeat(()).then(move |()| async move {
            sleep(Duration::from_secs(1)).await;
            Ok(Bytes::from(format!("{empty}\n\n")))
        });
        whole(body).chain(beats)
    };
    let asked = Instant::now();
    assert!(is_silence(hear(babble("")).await.last()));
    assert_eq!(asked.elapsed().as_secs(), 10);
    let finished = "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}\n\n";
    let asked = Instant::now();
    assert_eq!(hear(babble(finished)).await, [text("Yes."), LlmEvent::Done]);
    assert_eq!(asked.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_transport_error_breaks_the_reply() {
    let half = wire!("text.sse").split_once("data: [DONE]").unwrap().0.split_once(", that").unwrap().0;
    let heard = hear(whole(half).chain(stream::iter([Err("reset")]))).await;
    assert!(heard[0] == text("Of course") && is_break(heard.last()), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_before_and_between_chunks_is_noticed() {
    let asked = Instant::now();
    assert!(is_silence(hear(stream::pending()).await.last()));
    assert_eq!(asked.elapsed().as_secs(), 10);

    let first = wire!("text.sse").split_once("\n\n").unwrap().0.to_owned() + "\n\n";
    let asked = Instant::now();
    assert!(is_silence(hear(stalled(&first)).await.last()));
    assert_eq!(asked.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn comments_do_not_count_as_words() {
    let comments = stream::repeat(()).then(|()| async {
        sleep(Duration::from_secs(1)).await;
        Ok(Bytes::from_static(b": still busy\n\n"))
    });
    let asked = Instant::now();
    assert!(is_silence(hear(comments).await.last()));
    assert_eq!(asked.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_missing_goodbye_costs_a_second_and_nothing_else() {
    let body = wire!("text.sse").replace("data: [DONE]\n\n", "");
    let asked = Instant::now();
    assert_eq!(hear(stalled(&body)).await, spoken());
    assert_eq!(asked.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn nonsense_after_the_finish_does_not_spoil_the_reply() {
    let body = wire!("text.sse").replace("data: [DONE]", "data: nonsense");
    assert_eq!(hear(whole(&body)).await, spoken());
    let odd_bill = wire!("text.sse").replace("\"prompt_tokens\":19,", "");
    assert_eq!(hear(whole(&odd_bill)).await, spoken());
}

#[tokio::test(start_paused = true)]
async fn nonsense_before_it_does() {
    let heard = hear(whole("data: nonsense\n\n")).await;
    assert!(matches!(heard[0], LlmEvent::Failed(SpeechError::Protocol { .. })), "{heard:?}");
}

proptest! {
    #[test]
    fn where_the_network_cuts_a_reply_makes_no_difference(
        cuts in proptest::collection::vec(0usize..2000, 0..40),
        crlf in any::<bool>(),
    ) {
        let body = wire!("text.sse");
        let body = if crlf { body.replace('\n', "\r\n") } else { body.to_owned() };
        let bytes = body.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> =
            cuts.windows(2).map(|w| Ok(Bytes::copy_from_slice(&bytes[w[0]..w[1]]))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        prop_assert_eq!(runtime.block_on(hear(stream::iter(pieces))), spoken());
    }
}
