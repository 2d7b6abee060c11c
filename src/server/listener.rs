//! Connections with limits: so many at once, and none that is silent for long.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How many connections may be open. More wait.
const AT_ONCE: usize = 512;
/// How long a connection may carry nothing in either direction; longer than any answer takes.
const IDLE: Duration = Duration::from_secs(30);
/// What is waited when the system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// A listener with limits.
pub(super) struct Connections {
    inner: TcpListener,
    permits: Arc<Semaphore>,
}

impl Connections {
    pub(super) fn new(inner: TcpListener) -> Self {
        Self { inner, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A place for one more. When all are taken, idle ones free theirs within [`IDLE`].
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        timeout(IDLE, Arc::clone(&self.permits).acquire_owned()).await.ok()?.ok()
    }
}

impl axum::serve::Listener for Connections {
    type Io = Connection<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Some(permit) = self.place().await else {
                tracing::warn!("all {AT_ONCE} connections are in use");
                continue;
            };
            match self.inner.accept().await {
                Ok((stream, peer)) => return (Connection::new(stream, permit), peer),
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A connection that ends when nothing moves for [`IDLE`].
pub(super) struct Connection<S> {
    stream: S,
    silence: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl<S> Connection<S> {
    fn new(stream: S, permit: OwnedSemaphorePermit) -> Self {
        Self { stream, silence: Box::pin(sleep(IDLE)), _permit: permit }
    }

    /// Passes on what the stream said, unless it says nothing for too long.
    fn watch<T>(&mut self, said: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.silence.as_mut().reset(Instant::now() + IDLE);
            return said;
        }
        match self.silence.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch(said, cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(said, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_and_a_slow_one_does_not() {
        let permits = Arc::new(Semaphore::new(1));
        let (mut far, near) = duplex(64);
        let mut near = Connection::new(near, Arc::clone(&permits).acquire_owned().await.unwrap());
        for _ in 0..10 {
            sleep(IDLE / 2).await;
            far.write_all(b"x").await.unwrap();
            near.read_u8().await.unwrap();
        }
        let begin = Instant::now();
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), IDLE);
        drop(near);
        assert_eq!(permits.available_permits(), 1);
    }
}
