//! One vendor's WebSocket from the server's side: what comes in, what is due to go out, and the end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::time::{Instant, sleep_until, timeout};

use super::faults::{Fault, Service};
use super::outbox::{Outbox, Step};
use super::site::{OpenStream, Site};

/// A client that does not take a message for so long is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of one message from a client; a second of 48 kHz audio is a tenth of it.
pub(super) const LARGEST_MESSAGE: usize = 1 << 20;
/// Bytes read at a time. The library clears that much before every read; its own 128 KiB take longer than the rest.
pub(super) const READ_AT_ONCE: usize = 4 * 1024;

/// How a stream is closed that is refused in its midst (developers.deepgram.com, troubleshooting of streams).
const UNWILLING: (u16, &str) = (1011, "NET-0000");

/// What happened at the socket.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// Nothing, until the deadline.
    Nothing,
    /// The client is gone, or has been cut off, or the sandbox stops.
    Gone,
}

/// A client's socket with the messages that wait for it.
pub(super) struct Conversation {
    socket: WebSocket,
    outbox: Outbox,
    site: Site,
    service: Service,
    _open: OpenStream,
}

impl Conversation {
    pub(super) fn new(socket: WebSocket, site: Site, service: Service) -> Self {
        let open = site.streams.open(service);
        Self { socket, outbox: Outbox::default(), site, service, _open: open }
    }

    /// Sends what is due until something comes in or the deadline has come.
    pub(super) async fn next(&mut self, deadline: Instant) -> Incoming {
        loop {
            let step = tokio::select! {
                () = self.site.stop.cancelled() => return Incoming::Gone,
                step = self.outbox.next() => step,
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => return Incoming::Text(text.as_str().to_owned()),
                    Some(Ok(Message::Binary(bytes))) => return Incoming::Binary(bytes),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Incoming::Gone,
                },
                () = sleep_until(deadline) => return Incoming::Nothing,
            };
            if !self.perform(step).await {
                return Incoming::Gone;
            }
        }
    }

    /// Sends one message of a stream, with the fault that is due for this kind of it. A stream that falls
    /// silent stays so. One that is refused is closed: a key is looked at when a stream is opened, and what a vendor
    /// who will not go on sends in its midst is a close with 1011.
    pub(super) fn say(&mut self, kind: &str, message: String) {
        let fault = self.fault(kind);
        if matches!(fault, Some(Fault::Refuse { .. })) {
            return self.outbox.close(UNWILLING.0, UNWILLING.1);
        }
        if fault == Some(Fault::Silent) {
            self.outbox.silence();
        }
        self.outbox.push(None, vec![message], fault.as_ref());
    }

    /// Sends the messages of one answer, with a fault that was taken for it.
    pub(super) fn answer(&mut self, topic: &Arc<str>, messages: Vec<String>, fault: Option<&Fault>) {
        self.outbox.push(Some(topic), messages, fault);
    }

    /// Takes back what was not yet sent of a topic.
    pub(super) fn forget(&mut self, topic: &str) {
        self.outbox.forget(topic);
    }

    /// The fault that is due for this kind of message.
    pub(super) fn fault(&self, kind: &str) -> Option<Fault> {
        self.site.faults.take(self.service, kind)
    }

    /// Takes note of what one request on the socket is called.
    pub(super) fn trace(&self, id: &str) {
        self.site.traces.note(self.service, Some(id));
    }

    /// Sends what still waits, and closes.
    pub(super) async fn close(mut self, code: u16, reason: &'static str) {
        self.outbox.release();
        while !self.outbox.is_empty() {
            let step = tokio::select! {
                () = self.site.stop.cancelled() => return,
                step = self.outbox.next() => step,
            };
            if !self.perform(step).await {
                return;
            }
        }
        self.send_close(code, reason).await;
    }

    async fn send_close(&mut self, code: u16, reason: &'static str) {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        if !matches!(timeout(SEND_PATIENCE, self.socket.send(close)).await, Ok(Ok(()))) {
            tracing::debug!(service = ?self.service, "a client was gone before the close");
        }
    }

    async fn perform(&mut self, step: Step) -> bool {
        match step {
            Step::Break => false,
            Step::Close(code, reason) => {
                self.send_close(code, reason).await;
                false
            }
            Step::Send(text) => {
                let sending = self.socket.send(Message::Text(text.into()));
                matches!(timeout(SEND_PATIENCE, sending).await, Ok(Ok(())))
            }
        }
    }
}

/// How a handshake, or a plain request, is to be answered.
pub(super) enum Handshake {
    /// With an open socket; with what was asked for.
    Open,
    /// With this status and explanation.
    Refused(u16, Option<String>),
}

/// Lets a fault befall a handshake; a silent one lasts until the sandbox stops.
pub(super) async fn handshake(site: &Site, service: Service) -> Handshake {
    befall(site, site.faults.take_for_handshake(service)).await
}

/// Lets a fault befall a plain request of this kind.
pub(super) async fn plain_request(site: &Site, service: Service, kind: &str) -> Handshake {
    befall(site, site.faults.take_for_request(service, kind)).await
}

async fn befall(site: &Site, fault: Option<Fault>) -> Handshake {
    match fault {
        Some(Fault::Refuse { status, info }) => Handshake::Refused(status, info),
        Some(Fault::Silent) => {
            site.stop.cancelled().await;
            Handshake::Refused(503, None)
        }
        Some(Fault::Disconnect | Fault::Garbage) => Handshake::Refused(502, None),
        Some(fault) => {
            tokio::select! {
                () = site.stop.cancelled() => {}
                () = tokio::time::sleep(fault.delay()) => {}
            }
            Handshake::Open
        }
        None => Handshake::Open,
    }
}
