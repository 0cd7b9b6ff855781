//! Whether a connection goes on: how much has moved on it, and how many of its requests are under way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// What has happened on a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// Requests that have begun.
    pub(super) requests: u64,
    /// Those among them whose answer has not been sent to its end.
    pub(super) under_way: u64,
    /// Bytes written.
    written: u64,
    /// Bytes read.
    read: u64,
}

impl Pulse {
    /// Whether it has gone on since `before`. What is read counts only for a request that is under way.
    pub(super) fn has_gone_on(self, before: Self) -> bool {
        self.requests != before.requests
            || self.under_way != before.under_way
            || self.written != before.written
            || (before.under_way > 0 && self.read != before.read)
    }
}

/// Where a connection notes what happens; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulsing {
    pulse: Arc<watch::Sender<Pulse>>,
}

/// A request that is under way, until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    pulsing: Pulsing,
}

impl Pulsing {
    pub(super) fn subscribe(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// A request has begun.
    pub(super) fn under_way(&self) -> UnderWay {
        self.pulse.send_modify(|pulse| {
            pulse.requests += 1;
            pulse.under_way += 1;
        });
        UnderWay {
            pulsing: self.clone(),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.pulsing.pulse.send_modify(|pulse| pulse.under_way -= 1);
    }
}

/// A stream that notes what moves on it.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    pulsing: Pulsing,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, pulsing: Pulsing) -> Self {
        Self { stream, pulsing }
    }

    fn wrote(&self, written: &Poll<std::io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            let bytes = *bytes as u64;
            self.pulsing
                .pulse
                .send_modify(|pulse| pulse.written += bytes);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = (buffer.filled().len() - before) as u64;
        if bytes > 0 {
            self.pulsing.pulse.send_modify(|pulse| pulse.read += bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
