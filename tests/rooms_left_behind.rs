//! Rooms that an earlier process left behind are deleted, and no others: not another server's, not one with
//! people in it, not one that is being joined.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use callflow::pii::ApiKey;
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::telephony::daily::{Daily, ServerMark, Sweep};
use callflow::telephony::ws_room::WsRooms;
use callflow::telephony::{Room, RoomClient, RoomRequest, Telephony, TelephonyError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Long after all rooms of these tests were created.
const LATER: i64 = 3600;

struct World {
    sandbox: Sandbox,
    _clock: Metronome,
}

impl World {
    async fn new() -> Self {
        let clock = Metronome::start(None);
        Self { sandbox: Sandbox::start(SandboxOptions::default()).await.unwrap(), _clock: clock }
    }

    fn server(&self, name: &str) -> Daily {
        Daily::new(&self.sandbox.urls().daily, ApiKey::new("k")).unwrap().of_server(ServerMark::of(name))
    }

    fn rooms(&self) -> BTreeSet<String> {
        self.sandbox.state().rooms.into_iter().map(|room| room.name).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "rooms are as old as the time of day says")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

async fn room_of(server: &Daily) -> Room {
    let request = RoomRequest { caller: None, lifetime: Duration::from_secs(7200), now: unix_now() };
    server.create_room(request).await.unwrap()
}

#[tokio::test]
async fn only_old_empty_rooms_of_this_server_are_deleted() {
    let world = World::new().await;
    let (ours, theirs) = (world.server("phone-1:7860"), world.server("phone-2:7860"));
    let (orphan, busy, foreign) = (room_of(&ours).await, room_of(&ours).await, room_of(&theirs).await);
    let _in_call = WsRooms::new().join(&busy).await.unwrap();

    // Their bots may still be on the way.
    assert_eq!(ours.sweep(unix_now()).await, Ok(Sweep::default()));
    assert_eq!(world.rooms().len(), 3);

    let restarted = world.server("phone-1:7860");
    let sweep = restarted.sweep(unix_now() + LATER).await;
    assert_eq!(sweep, Ok(Sweep { found: 2, deleted: 1, occupied: 1 }));
    assert_eq!(world.rooms(), BTreeSet::from([busy.name, foreign.name]), "{} is left", orphan.name);
}

#[tokio::test]
async fn a_room_on_a_later_page_is_found() {
    let world = World::new().await;
    let (ours, theirs) = (world.server("phone-1:7860"), world.server("phone-2:7860"));
    let orphan = room_of(&ours).await;
    for _ in 0..210 {
        room_of(&theirs).await;
    }
    let sweep = ours.sweep(unix_now() + LATER).await;
    assert_eq!(sweep, Ok(Sweep { found: 1, deleted: 1, occupied: 0 }));
    assert!(world.rooms().len() == 210 && !world.rooms().contains(&orphan.name));
}

#[tokio::test]
async fn deletions_keep_to_the_rate_that_calls_need_too() {
    let clock = Metronome::start(None);
    let options = SandboxOptions { rate_limits: true, ..SandboxOptions::default() };
    let world = World { sandbox: Sandbox::start(options).await.unwrap(), _clock: clock };
    let ours = world.server("phone-1:7860");
    for _ in 0..60 {
        room_of(&ours).await;
    }
    let sweep = ours.sweep(unix_now() + LATER).await;
    assert_eq!(sweep, Ok(Sweep { found: 60, deleted: 60, occupied: 0 }));
    let newest = room_of(&ours).await;
    ours.delete_room(&newest.name).await.unwrap();
}

/// The documented frames, read by the client: their rooms are old, and not ours.
#[tokio::test]
async fn documented_lists_are_read() {
    let rooms = include_str!("wire/daily/rooms.json")
        .replace("\"second\"", &format!("{:?}", names_of_ours().await[0]));
    let presence = include_str!("wire/daily/presence.json");
    let site = Router::new()
        .route("/v1/rooms", get(async move || rooms.clone()))
        .route("/v1/rooms/{name}/presence", get(async move || presence));
    let (daily, _server) = serve(site).await;
    assert_eq!(daily.sweep(2_000_000_000).await, Ok(Sweep { found: 1, deleted: 0, occupied: 1 }));
}

#[tokio::test]
async fn what_daily_does_not_say_clearly_deletes_nothing() {
    let world = World::new().await;
    let ours = world.server("phone-1:7860");
    room_of(&ours).await;
    for fault in [Fault::Garbage, Fault::Refuse { status: 403, info: None }] {
        for kind in ["rooms", "presence"] {
            let fault = Injection { service: Service::Daily, fault: fault.clone(), on: None, times: None };
            world.sandbox.faults().inject(fault.on(kind)).unwrap();
            assert!(ours.sweep(unix_now() + LATER).await.is_err(), "{kind}");
            assert_eq!(world.rooms().len(), 1, "{kind}");
            world.sandbox.faults().clear();
        }
    }
}

/// A Daily of our own.
async fn serve(site: Router) -> (Daily, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let serve = async move { axum::serve(listener, site).await.unwrap() };
    let server = AbortOnDropHandle::new(tokio::spawn(serve));
    let daily = Daily::new(&url, ApiKey::new("k")).unwrap();
    (daily.of_server(ServerMark::of("phone-1:7860")), server)
}

/// Names of two rooms of that server.
async fn names_of_ours() -> [String; 2] {
    let world = World::new().await;
    let ours = world.server("phone-1:7860");
    [room_of(&ours).await.name, room_of(&ours).await.name]
}

const NOBODY: &str = r#"{"total_count":0,"data":[]}"#;

#[tokio::test]
async fn a_room_that_cannot_be_deleted_does_not_stop_the_others() {
    let names = names_of_ours().await;
    let listed = names.clone();
    let list = async move || {
        let room = |name| json!({"id": name, "name": name, "created_at": "2026-11-22T16:00:00.000Z"});
        Json(json!({"total_count": 2, "data": listed.iter().map(room).collect::<Vec<_>>()}))
    };
    let delete = axum::routing::delete(async move |Path(name): Path<String>| {
        let status = if name == names[0] { StatusCode::FORBIDDEN } else { StatusCode::OK };
        (status, Json(json!({})))
    });
    let site = Router::new()
        .route("/v1/rooms", get(list))
        .route("/v1/rooms/{name}/presence", get(NOBODY))
        .route("/v1/rooms/{name}", delete);
    let (daily, _server) = serve(site).await;
    assert_eq!(daily.sweep(2_000_000_000).await, Ok(Sweep { found: 2, deleted: 1, occupied: 0 }));
}

/// A Daily whose two cursors mean the opposite: its documents say both.
#[tokio::test]
async fn both_readings_of_the_cursors_lead_to_older_rooms() {
    let [orphan, _] = names_of_ours().await;
    for older in ["starting_after", "ending_before"] {
        let (orphan, deleted) = (orphan.clone(), Arc::new(Mutex::new(Vec::new())));
        let gone = Arc::clone(&deleted);
        // Newest first: 249 rooms of others, and then ours.
        let list = move |Query(query): Query<Vec<(String, String)>>| async move {
            let value = |name| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let older_than = value(older).map(|id| id.parse::<usize>().unwrap());
            let other = if older == "starting_after" { "ending_before" } else { "starting_after" };
            let newer_than = value(other).map(|id| id.parse::<usize>().unwrap());
            let first = older_than.map_or(0, |id| id + 1);
            let (first, end) = match newer_than {
                Some(id) => (id.saturating_sub(100), id),
                None => (first, 250.min(first + 100)),
            };
            let room = |id: usize| {
                let name = if id == 249 { orphan.clone() } else { format!("other-{id}") };
                json!({"id": id.to_string(), "name": name, "created_at": "2026-11-22T16:00:00.000Z"})
            };
            Json(json!({"total_count": 250, "data": (first..end).map(room).collect::<Vec<_>>()}))
        };
        let delete = axum::routing::delete(async move |Path(name): Path<String>| {
            gone.lock().unwrap().push(name);
            Json(json!({"deleted": true}))
        });
        let site = Router::new()
            .route("/v1/rooms", get(list))
            .route("/v1/rooms/{name}/presence", get(NOBODY))
            .route("/v1/rooms/{name}", delete);
        let (daily, _server) = serve(site).await;
        let sweep = daily.sweep(2_000_000_000).await;
        assert_eq!(sweep, Ok(Sweep { found: 1, deleted: 1, occupied: 0 }), "{older}");
        assert_eq!(deleted.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_not_read_for_ever() {
    let _clock = Metronome::start(None);
    let asked = Arc::new(Mutex::new(0_usize));
    let count = Arc::clone(&asked);
    let list = move || async move {
        let page = {
            let mut asked = count.lock().unwrap();
            *asked += 1;
            *asked
        };
        let room = |n: usize| json!({"id": format!("{page}-{n}"), "name": "x", "created_at": "2020-01-01T00:00:00Z"});
        Json::<Value>(json!({"total_count": 1_000_000, "data": (0..100).map(room).collect::<Vec<_>>()}))
    };
    let (daily, _server) = serve(Router::new().route("/v1/rooms", get(list))).await;
    assert_eq!(daily.sweep(2_000_000_000).await, Ok::<_, TelephonyError>(Sweep::default()));
    assert_eq!(*asked.lock().unwrap(), 20);
}
