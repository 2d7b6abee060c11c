//! Facts of an installation where all is well, for tests that spoil one of them.

use std::path::PathBuf;
use std::time::Duration;

use super::super::probe::Facts;
use super::super::probe::account::{AccountFacts, Details, RoomTrial};
use super::super::probe::local::{EnvFile, LocalFacts, Port};
use super::super::probe::pulse::Pulse;
use super::super::probe::speech::SpeechFacts;
use super::super::probe::webhook::WebhookFacts;
use super::super::subject::{Flow, Subject, Target};
use crate::cli::doctor::unix_now;
use crate::pii::{Address, ApiKey, PhoneNumber};
use crate::plan::Services;
use crate::settings::{Overrides, Survey};
use crate::speech::account::Voice;
use crate::telephony::daily::account::{
    DialInConfig, DialInKind, DialInSettings, LogEntry, PurchasedNumber, RoomFacts, TokenFacts,
};
use crate::telephony::daily::core::Check;

pub(super) const NUMBER: &str = "+14155550110";
pub(super) const NUMBER_ID: &str = "85a70a9a-e22f-4a8d-8302-bbf1b88dd909";
pub(super) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

pub(super) fn subject() -> Subject {
    let get = |name: &str| {
        let value = match name {
            "LOCAL_SERVER_URL" => "https://bot.example.com",
            "CALLFLOW_WEBHOOK_SECRET" => SECRET,
            _ => return None,
        };
        Some(value.to_owned())
    };
    Subject {
        survey: Survey::from_env(&get, &Overrides::default()),
        run: Ok(Vec::new()),
        is_production: false,
        needs_library: true,
        env_file: PathBuf::from(".env"),
        flow: Flow {
            name: None,
            errors: None,
            services: Services::default(),
            targets: vec![target("+14155550199")],
        },
        number: None,
        library: None,
    }
}

pub(super) fn target(address: &str) -> Target {
    let address = Address::parse(address).unwrap();
    Target { name: "operator".to_owned(), address, caller_id: None, refused: None }
}

pub(super) fn number(number: &str) -> PurchasedNumber {
    PurchasedNumber {
        id: format!("id of {number}"),
        number: PhoneNumber::parse(number).unwrap(),
        verified: Some(true),
        bought: None,
    }
}

pub(super) fn details_of<'a>(facts: &'a mut Facts<'_>) -> &'a mut Details {
    facts.daily.as_mut().unwrap().details.as_mut().unwrap()
}

pub(super) fn fine(subject: &Subject) -> Facts<'_> {
    let pulse = || Pulse {
        took: vec![Duration::from_millis(40); 4],
        ahead: Some(0),
        answered: true,
        ..Pulse::default()
    };
    let dialled = LogEntry {
        method: "POST".to_owned(),
        url: "/v1/rooms/a/dialOut/start".to_owned(),
        status: 200,
        at: Some(unix_now()),
        refusal: None,
        dials_phone: true,
        is_test: false,
    };
    let config = DialInConfig {
        id: "c".to_owned(),
        kind: DialInKind::Pinless,
        settings: DialInSettings {
            number: Some(PhoneNumber::parse(NUMBER).unwrap()),
            webhook: Some("https://bot.example.com/start".to_owned()),
            secret: Some(ApiKey::new(SECRET)),
            ..DialInSettings::default()
        },
    };
    let room = RoomFacts {
        dial_out: true,
        dial_in: true,
        sip_endpoint: Some("1.0@example.sip.daily.co".to_owned()),
        expires: None,
    };
    let trial = RoomTrial {
        room: Ok(room),
        token: Ok(TokenFacts { room: Some("r".to_owned()), is_owner: true }),
        name: "r".to_owned(),
        deleted: Ok(()),
    };
    let instance = Some("this one".to_owned());
    let voice = Voice { name: "Hailey".to_owned(), language: Some("en".to_owned()) };
    Facts {
        subject,
        local: LocalFacts {
            env_file: Some(EnvFile { path: PathBuf::from(".env"), is_open: false }),
            library: Some(Ok(Check {
                version: Some("0.36.0"),
                sha256: String::new(),
                names_stood_in_for: 110,
                has_microphone: true,
            })),
            port: Port::Ours(subject.survey.listen),
        },
        pulses: [pulse(), pulse(), pulse(), pulse()],
        daily: Some(AccountFacts {
            domain: Ok("acme".to_owned()),
            details: Some(Details {
                numbers: Ok(vec![PurchasedNumber { id: NUMBER_ID.to_owned(), ..number(NUMBER) }]),
                dial_ins: Ok(vec![config]),
                room: Ok(trial),
                api_log: Ok(vec![dialled]),
                webhook_log: Ok(Vec::new()),
            }),
        }),
        speech: SpeechFacts {
            deepgram: Some(Ok(1)),
            cartesia: Some(Ok(voice)),
            openai: Some(Ok(vec!["gpt-4o".to_owned()])),
        },
        webhook: WebhookFacts {
            ping: Some(Ok(200)),
            instance: instance.clone(),
            local_instance: instance,
            stand_in: false,
            unsigned: Some(401),
            signed: Some(400),
        },
    }
}
