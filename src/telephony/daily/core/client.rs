//! One call client of the native library, on a thread of its own from its creation to its destruction.
//!
//! A call into the library may block, and destroying a client takes as long as a join that is under way;
//! so no call is ever made on a thread of the runtime. What the library answers comes through the [`Line`].

use std::ffi::{CString, NulError};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::abi;
use super::event::Said;
use super::legs::LegRequest;
use super::line::{Line, next_request};
use super::listener::Registration;
use crate::audio::{Frame, SAMPLE_RATE};
use crate::pii::ApiKey;
use crate::telephony::LegId;

/// Our name in a room. Nobody on a telephone sees it; it tells us what is our own.
pub(super) const NAME: &str = "callflow";
/// Orders that may wait: five seconds of audio.
const WAITING_ORDERS: usize = 256;
/// Frames of our voice that the library may hold: nothing in it takes them back when somebody interrupts.
const FRAMES_AHEAD: u64 = 4;
/// After so many frames in a row that were not played, one second, nobody hears us any more.
const FRAMES_LOST: u32 = 50;
/// How long the library may take to let go of a room before the client is destroyed all the same.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);
/// Bits a second of our voice; the library's own default for speech.
const BITRATE: u32 = 32_000;

/// What a client is to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Play 20 ms.
    Play(Frame),
    /// Publish or unpublish the microphone.
    Publish(bool),
    /// Subscribe to a participant's voice.
    Listen(LegId),
    /// Unsubscribe from it.
    Ignore(LegId),
    /// Command a leg, as the request of this number.
    Leg(u64, LegRequest),
    /// Leave the room.
    Leave,
}

/// Gives orders to a client. When this is dropped, the client leaves and is destroyed.
#[derive(Debug)]
pub(super) struct Orders(SyncSender<Order>);

/// A client that takes no orders: it is gone, or the library has not returned for seconds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unresponsive;

impl Orders {
    /// Gives an order; never waits.
    pub(super) fn give(&self, order: Order) -> Result<(), Unresponsive> {
        self.0.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Unresponsive,
        })
    }
}

/// Where a client goes.
pub(super) struct Invitation {
    pub(super) url: String,
    pub(super) token: ApiKey,
}

/// Starts a client, which joins the room at once. Its place is given back when it is destroyed.
pub(super) fn start(
    library: &'static abi::Library,
    invitation: Invitation,
    line: Arc<Line>,
    place: OwnedSemaphorePermit,
) -> io::Result<Orders> {
    let (orders, orders_in) = sync_channel(WAITING_ORDERS);
    let live = move || {
        let said = Arc::clone(&line);
        match Client::create(library, line, &invitation) {
            Ok(client) => client.live(&orders_in),
            Err(why) => {
                let outcome = Err(format!("Daily's media library: {why}"));
                said.tell(Said::Completed { request: said.join, outcome });
            }
        }
        drop(place);
    };
    thread::Builder::new().name("daily-client".to_owned()).spawn(live)?;
    Ok(Orders(orders))
}

/// Whether so many clients, each with a microphone, can exist at a time and answer. All are destroyed again.
/// Blocks.
pub(super) fn rehearse(library: &'static abi::Library, count: usize) -> bool {
    let create = |_| {
        let line = Arc::new(Line::new());
        let listener = Registration::new(line.clone());
        let client = abi::Client::create(library, &listener)?;
        client.leave(line.leave);
        Some((client, microphone(library).ok()?, listener, line))
    };
    let clients = (0..count).map(create).collect::<Option<Vec<_>>>();
    clients.is_some_and(|clients| clients.iter().all(|(.., line)| line.wait_until_out(LEAVE_PATIENCE)))
}

/// A microphone, and the id by which a client is told to take it: it would take a wrong one without a word
/// and stay mute.
fn microphone(library: &'static abi::Library) -> Result<(abi::Microphone, String), CannotCreate> {
    let rate = i32::try_from(SAMPLE_RATE).unwrap_or(i32::MAX);
    let microphone = abi::Microphone::create(library, rate).ok_or(CannotCreate::Microphone)?;
    let id = microphone.id().and_then(|id| id.into_string().ok()).filter(|id| !id.is_empty());
    Ok((microphone, id.ok_or(CannotCreate::Microphone)?))
}

/// Why a client was not created.
#[derive(Debug, thiserror::Error)]
enum CannotCreate {
    #[error("no client could be created")]
    Client,
    #[error("no microphone could be created")]
    Microphone,
    #[error("a zero byte in the room's URL or token")]
    Text(#[from] NulError),
}

/// The fields are dropped in this order: nothing is taken from under what uses it.
struct Client {
    client: abi::Client,
    microphone: abi::Microphone,
    listener: Registration,
    line: Arc<Line>,
    written: u64,
    lost_in_a_row: u32,
}

impl Client {
    /// Creates a client and its microphone, and begins to join.
    fn create(
        library: &'static abi::Library,
        line: Arc<Line>,
        invitation: &Invitation,
    ) -> Result<Self, CannotCreate> {
        let listener = Registration::new(line.clone());
        let (microphone, track) = microphone(library)?;
        let client = abi::Client::create(library, &listener).ok_or(CannotCreate::Client)?;

        let (url, token) = (CString::new(invitation.url.as_str())?, CString::new(invitation.token.reveal())?);
        client.update_subscription_profiles(next_request(), &text(&deaf())?);
        client.set_user_name(next_request(), &CString::new(NAME)?);
        client.join(line.join, &url, &token, &text(&settings(&track))?);
        Ok(Self { client, microphone, listener, line, written: 0, lost_in_a_row: 0 })
    }

    /// Obeys until nobody gives orders any more, then leaves.
    fn live(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            if let Err(error) = self.obey(order) {
                tracing::warn!(%error, "an order to Daily's media library could not be written down");
            }
        }
        self.client.leave(self.line.leave);
        if !self.line.wait_until_out(LEAVE_PATIENCE) {
            tracing::debug!("Daily's media library has not left a room yet; its client is destroyed");
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), NulError> {
        match order {
            Order::Play(frame) => self.play(&frame),
            Order::Publish(on) => {
                let publishing = json!({"microphone": {"isPublishing": on}});
                self.client.update_publishing(next_request(), &text(&publishing)?);
            }
            Order::Listen(id) => {
                self.subscribe(&id, "subscribed")?;
                let (renderer, participant) = (next_request(), CString::new(&*id.0)?);
                self.line.listen(renderer, id);
                self.client.render_microphone(renderer, &participant, SAMPLE_RATE);
            }
            Order::Ignore(id) => {
                self.line.stop_listening(&id);
                self.subscribe(&id, "unsubscribed")?;
            }
            Order::Leg(request, LegRequest { function, text }) => {
                self.client.command_leg(function, request, &CString::new(text)?);
            }
            Order::Leave => self.client.leave(self.line.leave),
        }
        Ok(())
    }

    fn subscribe(&self, id: &LegId, state: &str) -> Result<(), NulError> {
        let settings = text(&json!({&*id.0: {"media": {"microphone": state}}}))?;
        self.client.update_subscriptions(next_request(), &settings);
        Ok(())
    }

    fn play(&mut self, frame: &Frame) {
        let ahead = self.written.saturating_sub(self.line.written_so_far());
        if ahead < FRAMES_AHEAD && self.microphone.write(frame.samples(), &self.listener) {
            self.written += 1;
            self.lost_in_a_row = 0;
            return;
        }
        // One now and then is the difference of two clocks.
        self.lost_in_a_row += 1;
        if self.lost_in_a_row == FRAMES_LOST {
            self.line.tell(Said::Out(Some("Daily's media library does not play our voice".to_owned())));
        }
    }
}

fn text(json: &Value) -> Result<CString, NulError> {
    CString::new(json.to_string())
}

/// Nobody's audio or video unless it is asked for.
fn deaf() -> Value {
    let off = "unsubscribed";
    json!({"base": {"camera": off, "microphone": off, "screenVideo": off, "screenAudio": off}})
}

/// A published microphone, which is silent until something is played, and no camera: the settings with
/// which Pipecat's bots join.
fn settings(track: &str) -> Value {
    json!({
        "inputs": {
            "camera": {"isEnabled": false, "settings": {"customTrack": {"id": "no-camera-track"}}},
            "microphone": {"isEnabled": true, "settings": {"customTrack": {"id": track}}},
        },
        "publishing": {
            "camera": {"isPublishing": false, "sendSettings": {}},
            "microphone": {
                "isPublishing": true,
                "sendSettings": {"channelConfig": "mono", "bitrate": BITRATE},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use super::super::legs::LegFunction;
    use super::super::library;
    use super::super::line::News;
    use super::*;
    use crate::pii::Address;
    use crate::telephony::{DialOut, LegCommand};

    /// Every text we send, outside of a room: what the real library cannot read, it refuses at once.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_real_library_reads_all_that_we_send() {
        #[expect(clippy::disallowed_methods, reason = "no settings are read here")]
        let Ok(path) = std::env::var("DAILY_CORE_LIBRARY") else {
            let note =
                "note: not run, DAILY_CORE_LIBRARY is not set: the_real_library_reads_all_that_we_send";
            // Past the test runner, which shows only what failing tests print.
            return std::io::stderr().write_all(format!("{note}\n").as_bytes()).unwrap();
        };
        let library = library::load(Path::new(&path)).unwrap();
        let line = Arc::new(Line::new());
        let listener = Registration::new(line.clone());
        let (mine, track) = microphone(library).unwrap();
        let client = abi::Client::create(library, &listener).unwrap();
        let anybody = c"22b32b65-0000-4000-8000-000000000001";
        let subscription = json!({anybody.to_str().unwrap(): {"media": {"microphone": "subscribed"}}});
        let publishing = json!({"microphone": {"isPublishing": false}});

        client.update_subscription_profiles(1, &text(&deaf()).unwrap());
        client.set_user_name(2, &CString::new(NAME).unwrap());
        client.update_subscriptions(3, &text(&subscription).unwrap());
        client.update_publishing(4, &text(&publishing).unwrap());
        client.render_microphone(5, anybody, SAMPLE_RATE);
        client.join(6, c"not a url", c"t0ken", &text(&settings(&track)).unwrap());
        client.leave(7);
        client.update_publishing(8, c"{\"microphone\":7}");
        let leg = LegId::new(anybody.to_str().unwrap());
        let to = |address| DialOut {
            to: Address::parse(address).unwrap(),
            display_name: Some("operator".into()),
            caller_id: Some("22b32b65-0000-4000-8000-00000000000c".into()),
            extension: Some("w12".into()),
            deaf: true,
        };
        let commands = [
            LegCommand::Start(to("+15550100100")),
            LegCommand::Start(to("sip:desk@example.com")),
            LegCommand::Stop(leg.clone()),
            LegCommand::Keys(leg.clone(), "1#".to_owned()),
            LegCommand::Transfer(leg.clone(), to("+15550100100")),
            LegCommand::Refer(leg, to("sip:desk@example.com").to),
        ];
        for (request, command) in (9..).zip(&commands) {
            let LegRequest { function, text } = LegRequest::new(command).unwrap();
            client.command_leg(function, request, &CString::new(text).unwrap());
        }
        client.command_leg(LegFunction::Start, 15, c"{}");
        let mut answers = std::collections::BTreeMap::new();
        while answers.len() < 15 {
            let news = tokio::time::timeout(Duration::from_secs(20), line.said()).await.expect("an answer");
            match news {
                News::Said(Said::Completed { request, outcome }) => drop(answers.insert(request, outcome)),
                News::Said(Said::Out(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        for request in [1, 2, 3, 4, 5, 7] {
            assert_eq!(answers[&request], Ok(Value::Null), "{request}");
        }
        assert!(answers[&6].as_ref().is_err_and(|why| why.contains("url")), "{:?}", answers[&6]);
        assert!(answers[&8].is_err(), "it refuses what it cannot read");
        // We are in no room: that is said of what was read.
        for request in 9..15 {
            let refused = answers[&request].as_ref().unwrap_err();
            assert!(refused.contains("NotInACall"), "{request}: {refused}");
        }
        let unreadable = answers[&15].as_ref().unwrap_err();
        assert!(!unreadable.contains("NotInACall"), "{unreadable}");
        drop((client, mine));
    }
}
