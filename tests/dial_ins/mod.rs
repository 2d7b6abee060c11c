//! For worlds that answer calls themselves: the webhook of a sandbox, which hands over each dial-in.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use callflow::sandbox::Sandbox;
use callflow::telephony::DialIn;
use callflow::telephony::daily::webhook::{Webhook, parse};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Points the sandbox's phone number here. The webhook is there as long as the handle.
pub async fn of(sandbox: &Sandbox) -> (mpsc::Receiver<DialIn>, AbortOnDropHandle<()>) {
    let (report, held) = mpsc::channel(8);
    let take = move |body: Bytes| {
        let report = report.clone();
        async move {
            if let Ok(Webhook::DialIn(dial_in)) = parse(&body) {
                report.send(dial_in).await.unwrap();
            }
            StatusCode::OK
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/start", listener.local_addr().unwrap());
    let site = axum::Router::new().route("/start", post(take));
    let webhook = tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    sandbox.set_webhook(&url, None).unwrap();
    (held, AbortOnDropHandle::new(webhook))
}
