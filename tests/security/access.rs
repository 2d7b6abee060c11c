//! Control routes: for holders of the token, or for programs of this machine.

use callflow::pii::ApiKey;
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::server::ServerOptions;

use crate::site::{NOW, Site, TOKEN, bot, options, signature, with_secret};

const JSON: (&str, &str) = ("content-type", "application/json");
const HERE: (&str, &str) = ("host", "127.0.0.1:7860");

fn with_token() -> ServerOptions {
    ServerOptions { api_token: Some(ApiKey::new(TOKEN)), ..options() }
}

async fn start_bot(site: &Site, headers: &[(&str, &str)]) -> u16 {
    site.ask("POST /start_bot", headers, &bot()).await.status
}

#[tokio::test]
async fn a_token_opens_and_nothing_else_does_once_there_is_one() {
    let bearer = format!("Bearer {TOKEN}");
    for options in [
        with_token(),
        ServerOptions { is_public: true, ..with_token() },
        ServerOptions { listen: ([0, 0, 0, 0], 0).into(), ..with_token() },
    ] {
        let site = Site::new(options).await;
        let refused = site.ask("POST /start_bot", &[HERE, JSON], &bot()).await;
        assert_eq!(refused.status, 401);
        assert!(refused.head.contains("www-authenticate: bearer"), "{refused:?}");
        for wrong in ["Bearer", "Bearer ", "Bearer a-token", TOKEN, "Basic dTpw"] {
            assert_eq!(start_bot(&site, &[HERE, JSON, ("authorization", wrong)]).await, 401, "{wrong}");
        }
        assert_eq!(site.bots(), 0);
        assert_eq!(start_bot(&site, &[("host", "bot.example"), ("authorization", &bearer)]).await, 200);
    }
}

#[tokio::test]
async fn without_a_token_a_server_that_can_be_reached_from_outside_starts_no_bots() {
    for options in [
        ServerOptions { is_public: true, ..options() },
        ServerOptions { listen: ([0, 0, 0, 0], 0).into(), ..options() },
        with_secret(),
    ] {
        let site = Site::new(options).await;
        let answer = site.ask("POST /start_bot", &[HERE, JSON], &bot()).await;
        assert_eq!((answer.status, site.bots()), (403, 0));
        assert!(answer.body["error"].as_str().unwrap().contains("CALLFLOW_API_TOKEN"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_signed_webhook_is_no_key_to_the_control_routes() {
    let site = Site::new(with_secret()).await;
    let time = (NOW * 1_000).to_string();
    let signed = signature(&time, &bot());
    let headers = [HERE, JSON, ("X-Pinless-Timestamp", &*time), ("X-Pinless-Signature", &*signed)];
    assert_eq!((start_bot(&site, &headers).await, site.bots()), (403, 0));
}

#[tokio::test]
async fn on_loopback_only_programs_of_this_machine_start_bots() {
    let site = Site::new(options()).await;
    for tunnelled_or_rebound in [
        &[("host", "rebound.evil.example:7860"), JSON][..],
        &[("host", "abc.tunnel.example"), JSON],
        &[HERE, JSON, ("X-Forwarded-For", "203.0.113.7")],
        &[HERE, JSON, ("Forwarded", "for=203.0.113.7")],
        &[HERE, JSON, ("Origin", "https://evil.example")],
        &[HERE, JSON, ("Sec-Fetch-Site", "cross-site")],
        &[HERE, ("host", "evil.example"), JSON],
        &[JSON],
    ] {
        let status = start_bot(&site, tunnelled_or_rebound).await;
        assert!(status == 403 || status == 400, "{status} {tunnelled_or_rebound:?}");
    }
    // What a page can send without asking the server first.
    for form in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        assert_eq!(start_bot(&site, &[HERE, ("content-type", form)]).await, 415, "{form}");
    }
    assert_eq!(start_bot(&site, &[HERE]).await, 415);
    assert_eq!(site.bots(), 0);
    assert_eq!(start_bot(&site, &[HERE, ("content-type", "application/json; charset=utf-8")]).await, 200);
}

async fn control(sandbox: &Sandbox, headers: &[(&'static str, &str)]) -> u16 {
    let mut request = reqwest::Client::new().get(format!("{}/control/state", sandbox.urls().phone));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_sandbox_is_steered_from_this_machine_or_with_the_token() {
    callflow::speech::socket::install_tls();
    let start = async |bind: [u8; 4], token: Option<&str>| {
        let control_token = token.map(ApiKey::new);
        let options = SandboxOptions { bind: bind.into(), control_token, ..SandboxOptions::default() };
        Sandbox::start(options).await.unwrap()
    };
    let here = start([127, 0, 0, 1], None).await;
    assert_eq!(control(&here, &[]).await, 200);
    for other in [
        ("origin", "https://evil.example"),
        ("host", "rebound.evil.example"),
        ("x-forwarded-for", "203.0.113.7"),
    ] {
        assert_eq!(control(&here, &[other]).await, 403, "{other:?}");
    }
    assert_eq!(control(&start([0, 0, 0, 0], None).await, &[]).await, 403);
    let opened = start([0, 0, 0, 0], Some(TOKEN)).await;
    assert_eq!(control(&opened, &[("authorization", "Bearer wrong")]).await, 403);
    assert_eq!(control(&opened, &[("authorization", &format!("Bearer {TOKEN}"))]).await, 200);
}
