//! Whole rooms through the C functions, over the stand-in library.

use std::time::Duration;

use callflow::audio::Frame;
use callflow::telephony::daily::core::{CoreError, DailyRooms, check};
use callflow::telephony::{
    CloseReason, LegId, RoomClient, RoomCommand, RoomEvent, RoomSession, TelephonyError,
};
use serde_json::json;

use crate::process::{alone, memory, note, threads, wait_until};
use crate::room::{BOT, CALLER, Site, Visitor};
use crate::{stand_in_library, within};

fn rooms() -> DailyRooms {
    DailyRooms::load(&stand_in_library()).unwrap()
}

fn caller() -> LegId {
    LegId::new(CALLER)
}

fn tone(loudness: i16) -> Frame {
    Frame::from_samples(&[loudness; 320])
}

async fn event(session: &mut RoomSession) -> RoomEvent {
    within(session.events.recv()).await.expect("the queue of events has ended")
}

async fn command(session: &RoomSession, command: RoomCommand) {
    within(session.commands.send(command)).await.unwrap();
}

/// Waits until the session has got everything that the room has sent so far.
async fn after_all_before(guest: &mut Visitor, session: &mut RoomSession) {
    guest.say(json!({"action": "dtmf-event", "sessionId": CALLER, "tone": "#"})).await;
    assert_eq!(event(session).await, RoomEvent::Dtmf { id: Some(caller()), tone: '#' });
}

#[test]
fn it_does_not_load_without_the_names_that_we_bring() {
    let check = check(&stand_in_library()).unwrap();
    assert_eq!((check.names_stood_in_for, check.version, check.has_microphone), (3, None, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_passes_through_from_the_welcome_to_the_farewell() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let (session, mut guest) = tokio::join!(rooms.join(&room), site.guest());
    let mut session = session.unwrap();
    let id = caller();

    guest
        .say(json!({"action": "participant-joined", "participant": {"session_id": BOT, "owner": true}}))
        .await;
    guest.say(json!({"action": "dialin-ready", "sipEndpoint": "1.0@x", "provider": "signalwire"})).await;
    guest.say(json!({"action": "dialin-connected", "sessionId": CALLER, "sipFrom": "x"})).await;
    let joined =
        json!({"action": "participant-joined", "participant": {"session_id": CALLER, "user_name": "+1"}});
    guest.say(joined.clone()).await;
    guest.say(joined).await;
    guest.say(json!({"action": "dtmf-event", "sessionId": CALLER, "tone": "5"})).await;
    guest.say(json!({"action": "dialout-error", "sessionId": CALLER, "errorMsg": "no: +15550100123"})).await;
    assert_eq!(event(&mut session).await, RoomEvent::DialinReady { sip_endpoint: "1.0@x".into() });
    assert_eq!(event(&mut session).await, RoomEvent::DialinConnected { id: id.clone() });
    assert_eq!(event(&mut session).await, RoomEvent::ParticipantJoined { id: id.clone() });
    assert_eq!(event(&mut session).await, RoomEvent::Dtmf { id: Some(id.clone()), tone: '5' });
    let failed = RoomEvent::DialoutError { id: Some(id.clone()), message: "no: •••".into() };
    assert_eq!(event(&mut session).await, failed);

    // Nobody is heard until we want to hear, and then in order.
    guest.play(CALLER, 1).await;
    after_all_before(&mut guest, &mut session).await;
    command(&session, RoomCommand::Subscribe(true)).await;
    assert_eq!(guest.text().await, json!({"type": "subscribe", "audio": true}));
    let first = loop {
        guest.play(CALLER, 2).await;
        let moment = Duration::from_millis(100);
        if let Ok(heard) = tokio::time::timeout(moment, session.audio.recv()).await {
            break heard;
        }
    };
    assert_eq!(first, Some((id.clone(), tone(2))));
    after_all_before(&mut guest, &mut session).await;
    while session.audio.try_recv().is_ok() {}
    for loudness in 3..8 {
        guest.play(CALLER, loudness).await;
        assert_eq!(within(session.audio.recv()).await, Some((id.clone(), tone(loudness))));
    }
    command(&session, RoomCommand::Subscribe(false)).await;
    assert_eq!(guest.text().await, json!({"type": "subscribe", "audio": false}));
    guest.play(CALLER, 9).await;
    after_all_before(&mut guest, &mut session).await;
    assert!(session.audio.try_recv().is_err(), "heard although we do not want to hear");

    // We are silent until the microphone is on, and unpublished when it is off.
    command(&session, RoomCommand::Audio(tone(9))).await;
    assert_eq!(guest.audio().await, [0; 320]);
    command(&session, RoomCommand::Microphone(true)).await;
    command(&session, RoomCommand::Audio(tone(100))).await;
    while guest.audio().await != [100; 320] {}
    command(&session, RoomCommand::Microphone(false)).await;
    assert_eq!(guest.text().await, json!({"type": "microphone", "on": false}));
    command(&session, RoomCommand::Microphone(true)).await;
    assert_eq!(guest.text().await, json!({"type": "microphone", "on": true}));

    command(&session, RoomCommand::Leave).await;
    guest.farewell().await;
    assert_eq!(event(&mut session).await, RoomEvent::Closed { reason: CloseReason::Left });
    assert_eq!(within(session.events.recv()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_voice_arrives_whole_and_in_order() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let (session, mut guest) = tokio::join!(rooms.join(&room), site.guest());
    let session = session.unwrap();
    command(&session, RoomCommand::Microphone(true)).await;
    let speak = async {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        for loudness in 1..=50 {
            clock.tick().await;
            command(&session, RoomCommand::Audio(tone(loudness))).await;
        }
    };
    let hear = async {
        let mut heard = Vec::new();
        while heard.last() != Some(&50) {
            heard.extend(guest.audio().await.into_iter().filter(|&sample| sample != 0));
        }
        heard
    };
    let ((), heard) = tokio::join!(speak, hear);
    assert!(heard.is_sorted());
    // Two clocks beat here; one frame may have been too much.
    assert!(heard.len() >= 48 * 320, "{} of {} samples", heard.len(), 50 * 320);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_comes_too_fast_is_cut_and_does_not_pile_up() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let (session, mut guest) = tokio::join!(rooms.join(&room), site.guest());
    let mut session = session.unwrap();
    command(&session, RoomCommand::Microphone(true)).await;
    for loudness in 1..=20 {
        command(&session, RoomCommand::Audio(tone(loudness))).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    command(&session, RoomCommand::Audio(tone(99))).await;
    let mut heard = Vec::new();
    while heard.last() != Some(&99) {
        heard.extend(guest.audio().await.first().copied().filter(|&sample| sample != 0));
    }
    assert!((2..=9).contains(&heard.len()), "{heard:?}");
    assert!(session.events.try_recv().is_err(), "the room was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_there_before_us_are_told_and_a_late_twin_of_ours_is_not() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let let_in = async {
        let mut guest = site.visitor().await;
        let there = json!({"session_id": CALLER, "user_name": "+1"});
        guest.say(json!({"action": "participant-joined", "participant": there})).await;
        guest.say(json!({"action": "dialin-ready", "sipEndpoint": "1.0@x"})).await;
        guest.welcome().await;
        let twin = json!({"session_id": "22b32b65-0000-4000-8000-0000000000b1", "user_name": "callflow"});
        guest.say(json!({"action": "participant-joined", "participant": twin})).await;
        guest.say(json!({"action": "participant-left", "participant": twin, "reason": "leftCall"})).await;
        guest.say(json!({"action": "participant-left", "participant": there, "reason": "leftCall"})).await;
        guest
    };
    let (session, _guest) = tokio::join!(rooms.join(&room), let_in);
    let mut session = session.unwrap();
    assert_eq!(event(&mut session).await, RoomEvent::ParticipantJoined { id: caller() });
    assert_eq!(event(&mut session).await, RoomEvent::DialinReady { sip_endpoint: "1.0@x".into() });
    assert_eq!(event(&mut session).await, RoomEvent::ParticipantLeft { id: caller() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_join_is_tried_again_with_fresh_clients_and_then_says_why() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let refusal = json!({"action": "error", "errorMsg": "the room is full: +15550100123"});
    let refuse_twice = async {
        for _ in 0..2 {
            site.visitor().await.say(refusal.clone()).await;
        }
        site.guest().await
    };
    let (session, _guest) = tokio::join!(rooms.join(&room), refuse_twice);
    session.unwrap();

    let refuse_always = async {
        for _ in 0..3 {
            site.visitor().await.say(refusal.clone()).await;
        }
    };
    let (session, ()) = tokio::join!(rooms.join(&room), refuse_always);
    assert_eq!(session.unwrap_err(), TelephonyError::Refused("the room is full: •••".into()));

    drop(site);
    let error = rooms.join(&room).await.unwrap_err();
    assert!(matches!(error, TelephonyError::Unreachable(_)), "{error:?}");
}

/// On the paused clock, which runs as soon as the runtime has nothing to do: all deadlines pass at once.
#[tokio::test(start_paused = true)]
async fn a_library_that_does_not_answer_is_given_up_in_time_and_nothing_of_it_stays() {
    let (site, rooms) = (Site::open().await, rooms());
    let start = tokio::time::Instant::now();
    let error = rooms.join(&site.room()).await.unwrap_err();
    assert!(matches!(error, TelephonyError::Unreachable(_)), "{error:?}");
    assert!(start.elapsed() <= Duration::from_secs(25), "{:?}", start.elapsed());
    // The joins are still under way: their clients cannot be destroyed yet, and nobody waits for them.
    assert_eq!(rooms.clients(), 3);
    drop(site);
    wait_until("the clients are destroyed", || rooms.clients() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_room_and_a_broken_one_are_told_apart() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let (session, mut guest) = tokio::join!(rooms.join(&room), site.guest());
    let mut session = session.unwrap();
    guest.say(json!({"action": "left-meeting", "reason": "ended"})).await;
    assert_eq!(event(&mut session).await, RoomEvent::Closed { reason: CloseReason::Ended });
    assert_eq!(within(session.events.recv()).await, None);

    let (session, guest) = tokio::join!(rooms.join(&room), site.guest());
    let mut session = session.unwrap();
    drop(guest);
    let closed = event(&mut session).await;
    assert!(matches!(closed, RoomEvent::Closed { reason: CloseReason::Lost(_) }), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_session_leaves_the_room_and_so_does_dropping_the_commands() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let (session, guest) = tokio::join!(rooms.join(&room), site.guest());
    drop(session.unwrap());
    guest.farewell().await;

    let (session, guest) = tokio::join!(rooms.join(&room), site.guest());
    let RoomSession { mut events, commands, task: _task, .. } = session.unwrap();
    drop(commands);
    guest.farewell().await;
    let closed = within(events.recv()).await;
    assert_eq!(closed, Some(RoomEvent::Closed { reason: CloseReason::Left }));
    wait_until("the clients are destroyed", || rooms.clients() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_only_keeps_the_room_needs_not_listen() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let (session, mut guest) = tokio::join!(rooms.join(&room), site.guest());
    let RoomSession { mut events, audio, commands, task: _task, .. } = session.unwrap();
    drop(audio);
    guest.say(json!({"action": "participant-joined", "participant": {"session_id": CALLER}})).await;
    assert_eq!(within(events.recv()).await, Some(RoomEvent::ParticipantJoined { id: caller() }));
    within(commands.send(RoomCommand::Subscribe(true))).await.unwrap();
    assert_eq!(guest.text().await, json!({"type": "subscribe", "audio": true}));
    for loudness in 0..50 {
        guest.play(CALLER, loudness).await;
    }
    guest.say(json!({"action": "dialout-stopped", "sessionId": CALLER})).await;
    assert_eq!(within(events.recv()).await, Some(RoomEvent::DialoutStopped { id: caller() }));
}

/// Joined while another attempt is under way and given up half-way: neither harms the other.
#[tokio::test(flavor = "multi_thread")]
async fn giving_up_a_join_destroys_its_client_in_the_background() {
    let (site, rooms) = (Site::open().await, rooms());
    let room = site.room();
    let knocked = {
        let join = rooms.join(&room);
        tokio::select! {
            _ = join => panic!("joined a room that says nothing"),
            knocked = site.knock() => knocked,
        }
    };
    assert_eq!(rooms.clients(), 1);
    let (session, _guest) = tokio::join!(rooms.join(&room), site.guest());
    session.unwrap();
    drop(knocked);
    wait_until("the clients are destroyed", || rooms.clients() == 0);
}

#[test]
fn three_hundred_rooms_leave_no_thread_and_no_memory_behind() {
    alone("stand_in::three_hundred_rooms_leave_no_thread_and_no_memory_behind", || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rooms = rooms();
        let call = async |(n, site): (usize, &Site)| {
            let room = site.room();
            let (session, guest) = tokio::join!(rooms.join(&room), site.guest());
            let session = session.unwrap();
            command(&session, RoomCommand::Audio(tone(1))).await;
            match n % 2 {
                0 => command(&session, RoomCommand::Leave).await,
                _ => drop(session),
            }
            guest.farewell().await;
        };
        let calls = |count: usize| {
            runtime.block_on(async {
                for _ in 0..count / 20 {
                    let sites: Vec<_> = futures_util::future::join_all((0..20).map(|_| Site::open())).await;
                    futures_util::future::join_all(sites.iter().enumerate().map(call)).await;
                }
            });
            wait_until("the clients are destroyed", || rooms.clients() == 0);
            wait_until("the sources stop", || !threads().iter().any(|name| name.starts_with("fake-")));
            (threads().len(), memory())
        };
        let (before, after) = (calls(300), calls(300));
        note(&format!("stand-in, 300 rooms: threads and memory in kB {before:?} -> {after:?}"));
        assert_eq!(before.0, after.0);
        assert!(after.1 < before.1 + 4096, "{} kB more", after.1 - before.1);
    });
}

#[test]
fn what_cannot_be_used_is_one_sentence_that_names_the_command() {
    let folder = std::env::temp_dir().join(format!("callflow-core-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let library = std::fs::read(stand_in_library()).unwrap();
    let error_of = |name: &str, content: Option<&[u8]>| {
        let path = folder.join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = DailyRooms::load(&path).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`callflow daily fetch`") && text.contains(name), "{text}");
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(check(&path).unwrap_err(), error);
        error
    };
    let without = |name: &[u8]| {
        let mut library = library.clone();
        let places = 0..library.len() - name.len();
        let places: Vec<_> = places.filter(|&at| library[at..].starts_with(name)).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| library[at] = b'X');
        library
    };
    assert!(matches!(error_of("missing.so", None), CoreError::Missing { .. }));
    let old = without(b"daily_core_string_free\0");
    assert!(matches!(error_of("old.so", Some(&old)), CoreError::TooOld { .. }));
    let other = without(b"daily_core_call_client_join\0");
    assert!(matches!(error_of("other.so", Some(&other)), CoreError::Unusable { .. }));
    let mut foreign = library.clone();
    foreign[18] ^= 1;
    assert!(matches!(error_of("foreign.so", Some(&foreign)), CoreError::Unusable { .. }));
    assert!(matches!(error_of("cut.so", Some(&library[..5000])), CoreError::Unusable { .. }));
    assert!(matches!(error_of("empty.so", Some(b"")), CoreError::Unusable { .. }));
    assert!(matches!(error_of("wheel.so", Some(b"PK\x03\x04")), CoreError::Unusable { .. }));
    std::fs::remove_dir_all(folder).unwrap();
}
