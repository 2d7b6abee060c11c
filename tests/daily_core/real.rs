//! The real library, if `DAILY_CORE_LIBRARY` names it: what can be seen of it without a Daily account.

use std::path::PathBuf;
use std::time::Duration;

use callflow::pii::ApiKey;
use callflow::telephony::daily::core::wheel::{self, is_installed};
use callflow::telephony::daily::core::{DailyRooms, check};
use callflow::telephony::{Room, RoomClient, TelephonyError};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::process::{alone, memory, note, threads, wait_until};

/// The real library. Without it, the test says that it is not run.
fn library(test: &str) -> Option<PathBuf> {
    let path = named("DAILY_CORE_LIBRARY");
    if path.is_none() {
        note(&format!("not run, DAILY_CORE_LIBRARY is not set: {test}"));
    }
    path
}

#[expect(clippy::disallowed_methods, reason = "no settings are read here")]
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var(variable).ok().map(PathBuf::from)
}

fn room(url: &str) -> Room {
    Room {
        name: "r".into(),
        url: url.into(),
        token: ApiKey::new("t0ken"),
        sip_endpoint: None,
        expires_at: None,
    }
}

/// A room that no server needs to be asked about: the library refuses its URL.
fn nowhere() -> Room {
    room("not a url")
}

/// A room that there is not; nothing but the first request about it reaches Daily.
fn nobody_s() -> Room {
    room("https://callflow-test.daily.co/there-is-no-such-room")
}

async fn refused(rooms: &DailyRooms) {
    let error = rooms.join(&nowhere()).await.unwrap_err();
    assert!(matches!(error, TelephonyError::Refused(_)), "{error:?}");
}

#[test]
fn it_loads_without_python_and_has_a_microphone() {
    const TEST: &str = "real::it_loads_without_python_and_has_a_microphone";
    let Some(path) = library(TEST) else { return };
    alone(TEST, || {
        let check = check(&path).unwrap();
        assert!(check.has_microphone);
        assert!(check.names_stood_in_for >= 110, "{}", check.names_stood_in_for);
        note(&format!("real library: {:?}, {} names", check.version, check.names_stood_in_for));
    });
}

#[test]
fn fifty_clients_at_a_time_and_a_thousand_in_all_leave_nothing_behind() {
    const TEST: &str = "real::fifty_clients_at_a_time_and_a_thousand_in_all_leave_nothing_behind";
    let Some(path) = library(TEST) else { return };
    alone(TEST, || {
        let rooms = DailyRooms::load(&path).unwrap();
        let rehearse = |times: usize| {
            assert!((0..times).all(|_| rooms.rehearse(50)));
            wait_until("the threads of the sources end", || threads().len() < 20);
            (threads().len(), memory())
        };
        let (before, after) = (rehearse(10), rehearse(20));
        note(&format!("real library, 1000 clients: threads and memory in kB {before:?} -> {after:?}"));
        assert!(after.0 <= before.0, "{:?}", threads());
        assert!(after.1 < before.1 + 3072, "{} kB more", after.1 - before.1);
    });
}

#[test]
fn two_hundred_failing_joins_with_three_clients_each_leave_nothing_behind() {
    const TEST: &str = "real::two_hundred_failing_joins_with_three_clients_each_leave_nothing_behind";
    let Some(path) = library(TEST) else { return };
    alone(TEST, || {
        let runtime = Runtime::new().unwrap();
        let rooms = DailyRooms::load(&path).unwrap();
        let joins = |count: usize| {
            runtime.block_on(async {
                for _ in 0..count / 20 {
                    futures_util::future::join_all((0..20).map(|_| refused(&rooms))).await;
                }
            });
            wait_until("the clients are destroyed", || rooms.clients() == 0);
            wait_until("their threads end", || threads().len() < 24);
            (threads().len(), memory())
        };
        let (before, after) = (joins(200), joins(200));
        note(&format!("real library, 200 failing joins: threads and memory in kB {before:?} -> {after:?}"));
        assert!(after.0 <= before.0, "{:?}", threads());
        assert!(after.1 < before.1 + 3072, "{} kB more", after.1 - before.1);
    });
}

#[test]
fn a_join_that_fails_on_the_network_is_bounded_and_its_clients_go() {
    const TEST: &str = "real::a_join_that_fails_on_the_network_is_bounded_and_its_clients_go";
    let Some(path) = library(TEST) else { return };
    alone(TEST, || {
        let rooms = DailyRooms::load(&path).unwrap();
        let (took, error) = Runtime::new().unwrap().block_on(async {
            let start = Instant::now();
            let error = rooms.join(&nobody_s()).await.unwrap_err();
            (start.elapsed(), error)
        });
        note(&format!("real library, a join that fails: {took:.1?}, {error}"));
        assert!(took < Duration::from_secs(26), "{took:?}");
        assert!(!error.to_string().contains("settings"), "{error}");
        wait_until("the clients are destroyed", || rooms.clients() == 0);
    });
}

/// The process ends here, in the middle of a join, with the library's threads at work.
#[test]
fn a_program_that_ends_while_it_joins_ends_cleanly() {
    const TEST: &str = "real::a_program_that_ends_while_it_joins_ends_cleanly";
    let Some(path) = library(TEST) else { return };
    alone(TEST, || {
        let rooms = DailyRooms::load(&path).unwrap();
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let moment = Duration::from_millis(200);
            let joined = tokio::time::timeout(moment, rooms.join(&nobody_s())).await;
            assert!(joined.is_err(), "{joined:?}");
        });
        assert_eq!(rooms.clients(), 1);
    });
}

/// With `CALLFLOW_TEST_WHEEL`: the wheel as published is the one that is pinned.
#[test]
fn the_published_wheel_is_installed_and_is_the_library_that_was_tested() {
    let Some(file) = named("CALLFLOW_TEST_WHEEL") else {
        return note("not run, CALLFLOW_TEST_WHEEL is not set: the_published_wheel_is_installed_…");
    };
    let data = std::env::temp_dir().join(format!("callflow-real-{}", std::process::id()));
    let pinned = wheel::for_this_machine().unwrap();
    let content = std::fs::read(file).unwrap();
    assert_eq!(content.len() as u64, pinned.size);
    let path = wheel::install(pinned, &content, &data).unwrap();
    assert!(is_installed(pinned, &path));
    let metadata = std::fs::read_to_string(path.with_file_name("METADATA")).unwrap();
    assert!(metadata.contains("License: BSD 2-Clause License"), "the licence that is shown is another");
    std::fs::remove_dir_all(data).unwrap();
}
