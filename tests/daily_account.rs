//! The client for what belongs to a Daily account, against the sandbox: numbers, dial-in configuration, the
//! log, rooms and tokens as they really are.

use std::time::Duration;

use callflow::pii::{ApiKey, PhoneNumber};
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::telephony::daily::Daily;
use callflow::telephony::daily::account::{Account, DialInKind, DialInSettings, LogSource, NumberSearch};
use callflow::telephony::{LegRefusal, RoomRequest, Telephony, TelephonyError};

const OWNED: &str = "+15550100777";

async fn place(numbers: usize) -> (Sandbox, Account) {
    let numbers = (0..numbers).map(|n| PhoneNumber::parse(&format!("+1555010{n:04}")).unwrap());
    let numbers = [PhoneNumber::parse(OWNED).unwrap()].into_iter().chain(numbers).collect();
    let sandbox = Sandbox::start(SandboxOptions { numbers, ..SandboxOptions::default() }).await.unwrap();
    let account = Account::new(&sandbox.urls().daily, ApiKey::new("k")).unwrap();
    (sandbox, account)
}

#[tokio::test]
async fn a_number_is_found_bought_and_listed_and_cannot_be_released_at_once() {
    let (_sandbox, account) = place(0).await;
    assert_eq!(account.domain().await.unwrap(), "sandbox");
    let search = NumberSearch { areacode: Some("949".to_owned()), ..NumberSearch::default() };
    let offers = account.available_numbers(&search).await.unwrap();
    let [offer] = offers.as_slice() else { panic!("{offers:?}") };
    let bought = account.buy_number(Some(&offer.number)).await.unwrap();
    assert_eq!(bought.number, offer.number);
    let listed = account.purchased_numbers().await.unwrap();
    assert_eq!(listed.iter().map(|n| n.number.reveal()).collect::<Vec<_>>(), [OWNED, offer.number.reveal()]);
    assert_eq!((&listed[1].id, listed[1].verified), (&bought.id, Some(true)));

    let again = account.buy_number(Some(&offer.number)).await;
    assert_eq!(again.unwrap_err(), TelephonyError::Refused("Number is invalid.".to_owned()));
    let early = account.release_number(&bought.id).await.unwrap_err();
    assert!(early.to_string().contains("try again in 14 days"), "{early}");
    account.release_number(&listed[0].id).await.unwrap();
    assert!(matches!(account.release_number(&listed[0].id).await, Err(TelephonyError::NotFound(_))));
    let impossible = NumberSearch { city: Some("Irvine".to_owned()), ..NumberSearch::default() };
    assert!(matches!(account.available_numbers(&impossible).await, Err(TelephonyError::Refused(_))));
}

#[tokio::test]
async fn lists_longer_than_a_page_are_read_whole() {
    let (_sandbox, account) = place(230).await;
    let listed = account.purchased_numbers().await.unwrap();
    assert_eq!((listed.len(), listed[230].number.reveal()), (231, "+15550100229"));
}

#[tokio::test]
async fn a_dial_in_configuration_is_made_changed_and_deleted() {
    let (_sandbox, account) = place(0).await;
    assert!(account.dial_ins().await.unwrap().is_empty());
    let settings = DialInSettings {
        number: Some(PhoneNumber::parse(OWNED).unwrap()),
        webhook: Some("http://127.0.0.1:9/start".to_owned()),
        secret: Some(ApiKey::new("MDEyMzQ1Njc4OWFiY2RlZg==")),
        timeout_message: Some("Nobody can take your call".to_owned()),
        ..DialInSettings::default()
    };
    let made = account.create_dial_in(&settings).await.unwrap();
    assert_eq!(made.kind, DialInKind::Pinless);
    assert_eq!(made.settings.secret.as_ref().unwrap().reveal(), "MDEyMzQ1Njc4OWFiY2RlZg==");
    assert!(matches!(account.create_dial_in(&settings).await, Err(TelephonyError::Refused(_))));

    let moved = DialInSettings { webhook: Some("http://127.0.0.1:9/other".to_owned()), ..made.settings };
    account.change_dial_in(&made.id, &moved).await.unwrap();
    let [listed] = account.dial_ins().await.unwrap().try_into().unwrap();
    let read = account.dial_in(&made.id).await.unwrap().settings;
    assert_eq!(listed.settings.webhook, moved.webhook);
    assert_eq!(read.timeout_message.as_deref(), Some("Nobody can take your call"));
    account.delete_dial_in(&made.id).await.unwrap();
    assert!(matches!(account.dial_in(&made.id).await, Err(TelephonyError::NotFound(_))));

    let stranger = DialInSettings { number: Some(PhoneNumber::parse("+12096181843").unwrap()), ..settings };
    let refused = account.create_dial_in(&stranger).await.unwrap_err().to_string();
    assert!(refused.contains("not associated with domain") && !refused.contains("12096181843"), "{refused}");
}

#[tokio::test]
async fn a_room_and_its_token_are_what_was_asked_for_and_the_log_has_the_refusals() {
    let (sandbox, account) = place(0).await;
    let daily = Daily::new(&sandbox.urls().daily, ApiKey::new("k")).unwrap();
    let request = RoomRequest { caller: None, lifetime: Duration::from_secs(60), now: 4_000_000_000 };
    let room = daily.create_room(request).await.unwrap();
    let facts = account.room(&room.name).await.unwrap();
    assert!(facts.dial_out && facts.dial_in && facts.expires == Some(4_000_000_060), "{facts:?}");
    assert_eq!(facts.sip_endpoint.map(|e| format!("sip:{e}")), room.sip_endpoint);
    let token = account.token(&room.token).await.unwrap();
    assert_eq!((token.room.as_ref(), token.is_owner), (Some(&room.name), true));
    assert!(matches!(account.token(&ApiKey::new("a.b.c")).await, Err(TelephonyError::Refused(_))));

    let plan = "property 'enable_dialout' cannot be set to that value with your current plan";
    let refusal = Fault::Refuse { status: 400, info: Some(plan.to_owned()) };
    sandbox.faults().inject(Injection::once(Service::Daily, refusal).on("rooms")).unwrap();
    let request = RoomRequest { caller: None, lifetime: Duration::from_secs(60), now: 4_000_000_000 };
    let refused = daily.create_room(request).await.unwrap_err();
    assert!(matches!(refused, TelephonyError::LegRefused { why: LegRefusal::Plan, .. }), "{refused}");
    let log = account.log(LogSource::Api).await.unwrap();
    assert_eq!((log[0].url.as_str(), log[0].status, log[0].is_failure()), ("/v1/rooms", 400, true));
    assert_eq!(log[0].refusal.as_deref(), Some(plan));
    assert!(log.iter().any(|entry| !entry.is_failure()) && log[0].at.is_some());
}

#[tokio::test]
async fn a_wrong_key_and_a_vendor_that_is_gone_are_told_apart() {
    let options = SandboxOptions { api_key: Some(ApiKey::new("right")), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let account = |key: &str| Account::new(&sandbox.urls().daily, ApiKey::new(key)).unwrap();
    assert_eq!(account("wrong").domain().await, Err(TelephonyError::Unauthorized));
    let right = account("right");
    assert!(right.domain().await.is_ok());
    sandbox.shutdown().await;
    assert!(matches!(right.domain().await, Err(TelephonyError::Unreachable(_))));
}
