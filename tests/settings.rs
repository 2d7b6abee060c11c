//! What the environment and the options decide before any call is taken.

use std::collections::BTreeMap;
use std::path::Path;

use callflow::settings::{
    Destinations, DialOutPath, DialRules, LogSettings, Media, NO_KEY, OFFLINE_OPERATOR, Overrides, Service,
    Settings, SettingsError, SettingsErrors, Uses, Vendor, load_dotenv,
};

fn read(variables: &[(&str, &str)], overrides: &Overrides) -> Result<Settings, SettingsErrors> {
    let map: BTreeMap<_, _> = variables.iter().copied().collect();
    Settings::from_env(&|name| map.get(name).map(|&value| value.to_owned()), overrides)
}

fn problems(variables: &[(&str, &str)], overrides: &Overrides) -> Vec<SettingsError> {
    let problems = read(variables, overrides).expect_err("this must be refused").0;
    assert!(problems.iter().all(|problem| !problem.fix().is_empty()));
    problems
}

fn offline() -> Overrides {
    Overrides { offline: true, ..Overrides::default() }
}

fn mix() -> Overrides {
    Overrides { mix: true, ..Overrides::default() }
}

fn base_url(vendor: &Vendor) -> &str {
    match vendor {
        Vendor::Real { base_url, .. } => base_url,
        Vendor::Emulated => "emulated",
        Vendor::Elsewhere => "elsewhere",
    }
}

const LIVE: [(&str, &str); 3] =
    [("DAILY_API_KEY", "d"), ("DEEPGRAM_API_KEY", "g"), ("CARTESIA_API_KEY", "c")];

#[test]
fn with_nothing_set_everything_is_emulated_and_the_operator_has_a_number() {
    let settings = read(&[], &Overrides::default()).unwrap();
    assert!(settings.vendors.explain().iter().all(|note| note.emulated));
    let operator = settings.operator.clone().unwrap();
    assert_eq!((operator.address.reveal(), operator.is_default), (OFFLINE_OPERATOR, true));
    assert_eq!(settings.flow_env(&|_| None)("OPERATOR_NUMBER").as_deref(), Some(OFFLINE_OPERATOR));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:7860");
}

#[test]
fn the_example_file_names_every_variable_and_works_as_it_is() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join(".env.example");
    let file = load_dotenv(&example).unwrap().unwrap();
    let settings = Settings::from_env(
        &|name| match file.get(name) {
            Some(value) => Some(value.to_owned()),
            None => panic!("{name} is read but not in .env.example"),
        },
        &Overrides::default(),
    );
    assert!(settings.unwrap().vendors.needs_sandbox());
    let get = |name: &str| match (name, file.get(name)) {
        ("ENV", _) => Some("production".to_owned()),
        (_, Some(value)) => Some(value.to_owned()),
        (_, None) => panic!("{name} is read but not in .env.example"),
    };
    assert!(Settings::from_env(&get, &Overrides::default()).is_err(), "keys are missing");
    assert!(Settings::for_bot(&get, &Overrides::default()).is_err(), "keys are missing");
}

#[test]
fn the_example_file_names_every_variable_of_the_original() {
    let text = include_str!("../.env.example");
    for name in [
        "DAILY_API_KEY",
        "OPENAI_API_KEY",
        "DEEPGRAM_API_KEY",
        "CARTESIA_API_KEY",
        "OPERATOR_NUMBER",
        "ENV",
        "LOCAL_SERVER_URL",
        "PIPECAT_API_KEY",
        "PIPECAT_AGENT_NAME",
    ] {
        assert!(text.lines().any(|line| line.split('=').next() == Some(name)), "{name}");
    }
}

#[test]
fn offline_ignores_all_keys_even_unusable_ones() {
    let mut variables = LIVE.to_vec();
    variables.extend([("OPENAI_API_KEY", "not a key"), ("DEEPGRAM_URL", "http://127.0.0.1:9")]);
    let settings = read(&variables, &offline()).unwrap();
    assert!(settings.vendors.explain().iter().all(|note| note.emulated));
}

#[test]
fn a_real_model_goes_with_emulated_phones() {
    let settings = read(&[("OPENAI_API_KEY", "sk")], &Overrides::default()).unwrap();
    assert_eq!(base_url(&settings.vendors.openai), "https://api.openai.com/v1");
    assert!(settings.vendors.is_phone_emulated());
    let own = [("OPENAI_BASE_URL", "http://localhost:11434/v1/")];
    let settings = read(&own, &Overrides::default()).unwrap();
    assert_eq!(base_url(&settings.vendors.openai), "http://localhost:11434/v1");
    assert!(matches!(&settings.vendors.openai, Vendor::Real { key, .. } if key.reveal() == NO_KEY));
}

#[test]
fn only_keys_of_vendors_that_the_flows_use_are_wanted() {
    let uses = |hearing: &[Service], voice: &[Service], model| Uses {
        hearing: hearing.to_vec(),
        voice: voice.to_vec(),
        model,
        own_model: !model,
    };
    let with = |uses| Overrides { uses, ..Overrides::default() };
    let (deepgram, openai) = (Service::Deepgram, Service::OpenAi);
    let aura = with(uses(&[deepgram], &[deepgram], false));
    let vendors = read(&LIVE[..2], &aura).unwrap().vendors;
    assert!(!vendors.needs_sandbox(), "neither Cartesia nor OpenAI is asked for a key");
    let heard = with(uses(&[openai], &[openai], true));
    let missing = SettingsError::Mixed { set: vec!["DAILY_API_KEY"], missing: vec!["OPENAI_API_KEY"] };
    assert_eq!(problems(&LIVE[..1], &heard), [missing]);
    let vendors = read(&[("OPENAI_API_KEY", "sk")], &heard).unwrap().vendors;
    assert!(
        !vendors.openai.is_emulated() && vendors.openai_audio.is_emulated(),
        "speech goes with the phones"
    );
    let parts: Vec<_> =
        vendors.explain().iter().map(|note| (note.part, note.vendor, note.emulated)).collect();
    assert_eq!(
        parts,
        [
            ("phones and rooms", "Daily", true),
            ("hearing", "OpenAI", true),
            ("model", "OpenAI", false),
            ("voice", "OpenAI", true),
        ]
    );
}

#[test]
fn all_keys_make_a_live_call_over_the_native_library() {
    let mut keys = LIVE.to_vec();
    assert_eq!(problems(&keys, &Overrides::default()), [SettingsError::LiveWithoutModel]);
    keys.push(("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1"));
    for overrides in [Overrides::default(), mix()] {
        let vendors = read(&keys, &overrides).unwrap().vendors;
        assert_eq!(vendors.media, Media::NativeLibrary);
        assert!(!vendors.needs_sandbox() && vendors.explain().iter().all(|note| !note.emulated));
    }
}

#[test]
fn legs_are_commanded_over_rest_unless_the_client_is_asked_for() {
    let path = |value: &str| {
        let get = |name: &str| (name == "DAILY_DIAL_OUT").then(|| value.to_owned());
        Settings::from_env(&get, &Overrides::default()).map(|settings| settings.vendors.dial_out)
    };
    assert_eq!(path("").unwrap(), DialOutPath::Rest);
    assert_eq!(path("rest").unwrap(), DialOutPath::Rest);
    assert_eq!(path(" Client ").unwrap(), DialOutPath::Client);
    let error = path("sip").unwrap_err().to_string();
    assert!(error.contains("DAILY_DIAL_OUT") && error.contains("`rest` or `client`"), "{error}");
    // Nothing of a live call matters offline.
    let offline = Overrides { offline: true, ..Overrides::default() };
    let get = |name: &str| (name == "DAILY_DIAL_OUT").then(|| "client".to_owned());
    assert_eq!(Settings::from_env(&get, &offline).unwrap().vendors.dial_out, DialOutPath::Rest);
}

#[test]
fn rooms_of_an_emulator_are_joined_with_the_library_only_if_it_is_named() {
    let media =
        |variables: &[(&str, &str)], overrides: Overrides| read(variables, &overrides).unwrap().vendors.media;
    let (url, library) = (("DAILY_API_URL", "http://127.0.0.1:9000/v1"), ("DAILY_CORE_LIBRARY", "my.so"));
    assert_eq!(media(&[url], mix()), Media::SandboxRoom);
    assert_eq!(media(&[url, library], mix()), Media::NativeLibrary);
    assert_eq!(media(&[library], mix()), Media::NativeLibrary);
    // Without --mix the library is for live calls, and does not change an offline one.
    assert_eq!(media(&[library], Overrides::default()), Media::SandboxRoom);
    assert_eq!(media(&[library], offline()), Media::SandboxRoom);
    // A gateway in front of Daily is Daily, unless --mix says otherwise.
    let mut keys = LIVE.to_vec();
    keys.extend([url, ("OPENAI_API_KEY", "sk")]);
    assert_eq!(media(&keys, Overrides::default()), Media::NativeLibrary);
    assert_eq!(media(&keys, mix()), Media::SandboxRoom);
}

#[test]
fn emulated_and_real_speech_do_not_mix_whichever_key_is_there() {
    for one in LIVE {
        let others: Vec<_> = LIVE.iter().filter(|other| **other != one).copied().collect();
        for set in [vec![one], others] {
            let [SettingsError::Mixed { set: named, missing }] = &problems(&set, &Overrides::default())[..]
            else {
                panic!("not refused as a mix: {set:?}");
            };
            assert_eq!(named.len() + missing.len(), 3);
            assert!(set.iter().all(|(name, _)| named.contains(name)));
        }
    }
}

#[test]
fn an_emulator_of_ones_own_needs_mix_and_then_no_key() {
    let url = [("DEEPGRAM_URL", "ws://127.0.0.1:9000/deepgram/")];
    assert!(matches!(problems(&url, &Overrides::default())[..], [SettingsError::UrlWithoutKey { .. }]));
    for overrides in [mix(), Overrides { offline: true, ..mix() }] {
        let settings = read(&url, &overrides).unwrap();
        assert_eq!(base_url(&settings.vendors.deepgram), "http://127.0.0.1:9000/deepgram");
        assert!(settings.vendors.cartesia.is_emulated() && settings.vendors.is_phone_emulated());
    }
    let daily = [("DAILY_API_URL", "http://127.0.0.1:9000/v1"), ("DAILY_API_KEY", "k")];
    assert_eq!(base_url(&read(&daily, &mix()).unwrap().vendors.telephony), "http://127.0.0.1:9000/v1");
}

#[test]
fn offline_with_mix_sends_no_key_anywhere() {
    let variables = [("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"), ("OPENAI_API_KEY", "sk-mine")];
    let settings = read(&variables, &Overrides { offline: true, ..mix() }).unwrap();
    assert!(matches!(&settings.vendors.openai, Vendor::Real { key, .. } if key.reveal() == NO_KEY));
}

const PRODUCTION: [(&str, &str); 4] = [
    ("ENV", "Production"),
    ("PIPECAT_API_KEY", "pk_1"),
    ("PIPECAT_AGENT_NAME", "my-agent"),
    ("DAILY_API_KEY", "d"),
];

#[test]
fn production_needs_its_three_variables_and_no_speech_key() {
    let needs = |name| SettingsError::ProductionNeeds { name };
    assert_eq!(
        problems(&PRODUCTION[..1], &Overrides::default()),
        [needs("PIPECAT_API_KEY"), needs("PIPECAT_AGENT_NAME"), needs("DAILY_API_KEY")]
    );
    assert_eq!(problems(&PRODUCTION[..3], &Overrides::default()), [needs("DAILY_API_KEY")]);
    let settings = read(&PRODUCTION, &Overrides::default()).unwrap();
    let production = settings.production.unwrap();
    assert_eq!((&*production.agent, production.key.reveal()), ("my-agent", "pk_1"));
    assert_eq!(production.api_url, "https://api.pipecat.daily.co/v1");
    assert_eq!(base_url(&settings.vendors.telephony), "https://api.daily.co/v1");
    assert!(!settings.vendors.needs_sandbox());
    let local = read(&[("ENV", "local"), ("PIPECAT_API_KEY", "two words")], &Overrides::default()).unwrap();
    assert!(local.production.is_none());
}

#[test]
fn production_says_what_cannot_be_used() {
    fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        PRODUCTION.iter().copied().chain([(name, value)]).collect()
    }
    for bad in ["My-Agent", "an agent", &"a".repeat(55)] {
        let problems = problems(&with("PIPECAT_AGENT_NAME", bad), &Overrides::default());
        assert!(
            matches!(&problems[..], [SettingsError::Unreadable { name: "PIPECAT_AGENT_NAME", .. }]),
            "{bad}"
        );
    }
    let url = problems(&with("PIPECAT_API_URL", "nowhere"), &Overrides::default());
    assert_eq!(url, [SettingsError::BadUrl { name: "PIPECAT_API_URL" }]);
    assert_eq!(problems(&PRODUCTION, &offline()), [SettingsError::ProductionOffline]);
    let elsewhere = with("PIPECAT_API_URL", "http://127.0.0.1:9/pipecat/v1/");
    let settings = read(&elsewhere, &Overrides::default()).unwrap();
    assert_eq!(settings.production.unwrap().api_url, "http://127.0.0.1:9/pipecat/v1");
}

fn bot(variables: &[(&str, &str)], overrides: &Overrides) -> Result<Settings, SettingsErrors> {
    let map: BTreeMap<_, _> = variables.iter().copied().collect();
    Settings::for_bot(&|name| map.get(name).map(|&value| value.to_owned()), overrides)
}

#[test]
fn a_bot_needs_real_speech_and_says_all_that_is_missing() {
    let needs = |name| SettingsError::BotNeeds { name };
    let all = bot(&[], &Overrides::default()).unwrap_err();
    assert_eq!(all.0, [needs("DEEPGRAM_API_KEY"), needs("OPENAI_API_KEY"), needs("CARTESIA_API_KEY")]);
    let bad = [("DEEPGRAM_API_KEY", "g"), ("CARTESIA_API_KEY", "c d"), ("OPENAI_API_KEY", "o")];
    let problems = bot(&bad, &Overrides::default()).unwrap_err();
    assert_eq!(problems.0, [SettingsError::BadKey { name: "CARTESIA_API_KEY" }]);
    assert!(bot(&[], &offline()).unwrap().vendors.needs_sandbox());
}

#[test]
fn a_bot_s_key_of_daily_may_come_with_the_call_and_env_means_nothing_to_it() {
    let speech = [
        ("DEEPGRAM_API_KEY", "g"),
        ("CARTESIA_API_KEY", "c"),
        ("OPENAI_API_KEY", "o"),
        ("ENV", "production"),
    ];
    let settings = bot(&speech, &Overrides::default()).unwrap();
    assert!(settings.production.is_none() && !settings.vendors.needs_sandbox());
    assert!(matches!(&settings.vendors.telephony, Vendor::Real { key, .. } if key.reveal() == NO_KEY));
    assert_eq!((settings.listen.to_string(), settings.drain.as_secs()), ("0.0.0.0:8080".to_owned(), 7200));
    let mut variables = speech.to_vec();
    variables.extend([("PORT", "9000"), ("SHUTDOWN_TIMEOUT", "60"), ("DAILY_API_KEY", "d")]);
    let settings = bot(&variables, &Overrides::default()).unwrap();
    assert_eq!((settings.listen.to_string(), settings.drain.as_secs()), ("0.0.0.0:9000".to_owned(), 60));
    assert!(matches!(&settings.vendors.telephony, Vendor::Real { key, .. } if key.reveal() == "d"));
}

#[test]
fn all_problems_are_told_at_once_with_names_and_fixes_but_without_values() {
    let variables = [
        ("OPERATOR_NUMBER", "4155552671"),
        ("CALLFLOW_PORT", "70000"),
        ("CALLFLOW_BIND", "otherhost"),
        ("CALLFLOW_WEBHOOK_SECRET", "%%%"),
        ("DEEPGRAM_URL", "deepgram"),
        ("OPENAI_API_KEY", "two words"),
        ("ENV", "staging"),
        ("CALLFLOW_LOG_FORMAT", "xml"),
    ];
    let errors = read(&variables, &Overrides::default()).unwrap_err();
    let text = errors.to_string();
    assert_eq!(errors.0.len(), variables.len(), "{text}");
    for (name, value) in variables {
        assert!(text.contains(name), "{name} is not named in:\n{text}");
        assert!(name == "DEEPGRAM_URL" || !text.contains(value), "{value} is repeated in:\n{text}");
    }
}

#[test]
fn urls_are_accepted_as_people_write_them_and_nothing_else_is() {
    for (given, normal) in [
        ("wss://x.example:1/", "https://x.example:1"),
        (" HTTP://127.0.0.1:1/openai/v1// ", "http://127.0.0.1:1/openai/v1"),
        ("ws://[::1]:1", "http://[::1]:1"),
    ] {
        let settings = read(&[("OPENAI_BASE_URL", given)], &Overrides::default()).unwrap();
        assert_eq!(base_url(&settings.vendors.openai), normal);
    }
    for bad in ["127.0.0.1:80", "ftp://x", "http://", "http://x?y=1", "http://x#y", "/v1", "http:x"] {
        let refused = problems(&[("OPENAI_BASE_URL", bad)], &Overrides::default());
        assert_eq!(refused, [SettingsError::BadUrl { name: "OPENAI_BASE_URL" }], "{bad}");
    }
}

#[test]
fn options_win_over_variables() {
    let variables = [("CALLFLOW_PORT", "1"), ("CALLFLOW_BIND", "10.0.0.1"), ("RUST_LOG", "warn")];
    let overrides = Overrides {
        port: Some(0),
        bind: Some([0, 0, 0, 0].into()),
        log: Some("debug".into()),
        log_json: true,
        ..offline()
    };
    let settings = read(&variables, &overrides).unwrap();
    assert_eq!(settings.listen.to_string(), "0.0.0.0:0");
    assert_eq!(settings.log, LogSettings { filter: Some("debug".into()), json: true, color: true });
    assert_eq!(read(&variables, &offline()).unwrap().listen.to_string(), "10.0.0.1:1");
}

#[test]
fn settings_do_not_print_keys_or_numbers() {
    let variables = [("OPENAI_API_KEY", "sk-secret"), ("OPERATOR_NUMBER", "+15550107777")];
    let printed = format!("{:?}", read(&variables, &Overrides::default()).unwrap());
    assert!(!printed.contains("sk-secret") && !printed.contains("555010"), "{printed}");
}

#[test]
fn limits_have_defaults_and_the_command_line_wins() {
    let limits = read(&[], &Overrides::default()).unwrap().limits;
    assert_eq!((limits.calls, limits.requests_per_second), (200, 50));
    let variables = [("CALLFLOW_MAX_CALLS", "7"), ("CALLFLOW_REQUESTS_PER_SECOND", "3")];
    assert_eq!(read(&variables, &offline()).unwrap().limits.calls, 7);
    let overrides = Overrides { max_calls: Some(9), ..offline() };
    let limits = read(&variables, &overrides).unwrap().limits;
    assert_eq!((limits.calls, limits.requests_per_second), (9, 3));
}

#[test]
fn emulated_phones_are_dialled_without_limits_and_real_ones_are_not() {
    assert_eq!(read(&[], &offline()).unwrap().limits.dialling, DialRules::default());
    let at_home = [("DAILY_API_URL", "http://127.0.0.1:7900/v1")];
    assert_eq!(read(&at_home, &mix()).unwrap().limits.dialling, DialRules::default());
    let elsewhere = [("DAILY_API_URL", "https://daily.example/v1")];
    assert_eq!(read(&elsewhere, &mix()).unwrap().limits.dialling, DialRules::REAL_PHONES);
    let set = [
        ("CALLFLOW_DIALS_PER_MINUTE", "1"),
        ("CALLFLOW_DIALS_PER_DAY", "0"),
        ("CALLFLOW_DIALS_PER_PREFIX", "4"),
        ("CALLFLOW_DIAL_PREFIXES", " +1, +44=20,sip:Desk.example.com, "),
    ];
    let rules = read(&set, &offline()).unwrap().limits.dialling;
    assert_eq!((rules.per_minute, rules.per_day, rules.per_prefix), (Some(1), Some(0), Some(4)));
    let Destinations::Listed(listed) = rules.destinations else { panic!("{:?}", rules.destinations) };
    let listed: Vec<_> = listed.iter().map(|to| (to.prefix.to_string(), to.per_day)).collect();
    assert_eq!(
        listed,
        [("+1".into(), None), ("+44".into(), Some(20)), ("sip:desk.example.com".into(), None)]
    );
}

#[test]
fn limits_that_mean_nothing_are_refused_by_name() {
    for (name, bad) in [
        ("CALLFLOW_MAX_CALLS", "0"),
        ("CALLFLOW_MAX_CALLS", "many"),
        ("CALLFLOW_REQUESTS_PER_SECOND", "-1"),
        ("CALLFLOW_DIALS_PER_MINUTE", "100001"),
        ("CALLFLOW_DIALS_PER_DAY", "1.5"),
        ("CALLFLOW_DIAL_PREFIXES", "+1, everywhere"),
        ("CALLFLOW_API_TOKEN", "too short"),
        ("CALLFLOW_API_TOKEN", "long enough but with spaces"),
    ] {
        let problems = problems(&[(name, bad)], &offline());
        assert_eq!(problems.len(), 1, "{name}={bad}");
        let text = format!("{} {}", problems[0], problems[0].fix());
        assert!(text.contains(name) && (bad.len() < 9 || !text.contains(bad)), "{text}");
    }
}

#[test]
fn a_server_that_takes_anybody_s_webhooks_from_outside_is_warned_of() {
    let warned = |variables: &[_]| read(variables, &offline()).unwrap().warnings().len();
    assert_eq!(warned(&[]), 0);
    for exposed in [("LOCAL_SERVER_URL", "https://x.ngrok.app"), ("CALLFLOW_BIND", "0.0.0.0")] {
        assert_eq!(warned(&[exposed]), 1, "{exposed:?}");
        assert_eq!(warned(&[exposed, ("CALLFLOW_WEBHOOK_SECRET", "c2VjcmV0")]), 0, "{exposed:?}");
    }
    let warning = read(&[("CALLFLOW_BIND", "0.0.0.0")], &offline()).unwrap().warnings()[0];
    assert!(warning.fix().contains("CALLFLOW_WEBHOOK_SECRET"));
}
