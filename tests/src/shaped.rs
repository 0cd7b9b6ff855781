//! A slow line between laptops and the hub: a TCP relay on 127.0.0.1 that delays, paces and counts.
//!
//! What the relay in `link` does to break a line, this one does to make it slow; neither knows what it carries. All
//! connections share the line's two directions. Each direction is a token bucket that holds one piece: bytes leave as
//! fast as tokens come, and arrive one way's delay later. A new connection waits one round trip, as the handshake of
//! TCP would. Only payload is counted, where it enters the line.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::link::Way;

/// Bytes that move at once on a paced line: what one packet carries.
const PACKET_BYTES: usize = 1_460;
/// Bytes that move at once on an unpaced line.
const PIECE_BYTES: usize = 16 * 1024;
/// Pieces under way at once; more than any of our lines needs to be full.
const UNDER_WAY_MAX: usize = 64;
/// How long [`ShapedLink::settle`] waits for programs that have ended to let go of their connections.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a line is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Delay of one direction; a round trip is twice this.
    pub one_way: Duration,
    /// Bits a second from the laptop to the hub; `None` for as fast as the machine.
    pub up_bits_s: Option<u64>,
    /// Bits a second from the hub to the laptop.
    pub down_bits_s: Option<u64>,
}

impl Shape {
    /// As fast as the machine.
    pub const LOOP: Self = Self {
        one_way: Duration::ZERO,
        up_bits_s: None,
        down_bits_s: None,
    };
    /// A poor 2G connection.
    pub const TWO_G: Self = Self {
        one_way: Duration::from_millis(300),
        up_bits_s: Some(50_000),
        down_bits_s: Some(100_000),
    };
}

/// What has passed since the shape was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Payload bytes from laptops to the hub.
    pub bytes_up: u64,
    /// Payload bytes from the hub to laptops.
    pub bytes_down: u64,
    /// Connections made.
    pub connections: u64,
}

/// One line. It ends when it is dropped.
pub struct ShapedLink {
    address: SocketAddr,
    line: Arc<Line>,
    /// Dropped with the link, which ends the relay.
    _end: oneshot::Sender<()>,
}

impl ShapedLink {
    /// A line to the hub at `target`, unshaped until [`ShapedLink::shape`].
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can be set");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let line = Arc::new(Line::new(target));
        let (end, ended) = oneshot::channel();
        let served = Arc::clone(&line);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(serve(listener, served, ended));
        });
        Self {
            address,
            line,
            _end: end,
        }
    }

    /// What a laptop is told instead of the hub's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads new connections to another address: a hub that was started again.
    pub fn point_at(&self, target: SocketAddr) {
        self.line.state().target = target;
    }

    /// Gives the line a shape and starts counting anew.
    pub fn shape(&self, shape: Shape) {
        let mut state = self.line.state();
        state.shape = shape;
        state.up = Lane::new(shape.one_way, shape.up_bits_s);
        state.down = Lane::new(shape.one_way, shape.down_bits_s);
        state.tally = Tally::default();
    }

    /// What has passed since then.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.line.state().tally
    }

    /// Waits until every connection has ended, so that the tally is complete.
    ///
    /// # Panics
    /// When one does not end.
    pub fn settle(&self) {
        let state = self.line.state();
        let is_open = |state: &mut State| state.open > 0;
        let waited = self
            .line
            .closed
            .wait_timeout_while(state, PATIENCE, is_open);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{} connections stay open", state.open);
    }
}

/// The line, which its connections share.
struct Line {
    state: Mutex<State>,
    closed: Condvar,
}

struct State {
    target: SocketAddr,
    shape: Shape,
    up: Lane,
    down: Lane,
    tally: Tally,
    open: usize,
}

impl Line {
    fn new(target: SocketAddr) -> Self {
        let lane = Lane::new(Duration::ZERO, None);
        let state = State {
            target,
            shape: Shape::LOOP,
            up: lane.clone(),
            down: lane,
            tally: Tally::default(),
            open: 0,
        };
        Self {
            state: Mutex::new(state),
            closed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a piece and says when it leaves and arrives.
    fn take(&self, way: Way, now: Instant, bytes: usize) -> Passage {
        let mut state = self.state();
        match way {
            Way::Up => {
                state.tally.bytes_up += bytes as u64;
                state.up.take(now, bytes)
            }
            Way::Down => {
                state.tally.bytes_down += bytes as u64;
                state.down.take(now, bytes)
            }
        }
    }
}

/// One direction: when the next byte can leave, and how long it travels.
#[derive(Clone)]
struct Lane {
    one_way: Duration,
    bits_s: Option<u64>,
    /// When the last piece will have left; `None` before the first.
    free_at: Option<Instant>,
}

/// The way of one piece.
struct Passage {
    /// Its first byte leaves.
    leaves_at: Instant,
    /// Its last byte arrives.
    arrives_at: Instant,
}

impl Lane {
    fn new(one_way: Duration, bits_s: Option<u64>) -> Self {
        Self {
            one_way,
            bits_s,
            free_at: None,
        }
    }

    fn take(&mut self, now: Instant, bytes: usize) -> Passage {
        let leaves_at = self.free_at.map_or(now, |free| free.max(now));
        let needs = self.bits_s.map_or(Duration::ZERO, |bits_s| {
            Duration::from_secs_f64(bytes as f64 * 8.0 / bits_s as f64)
        });
        let left_at = leaves_at + needs;
        self.free_at = Some(left_at);
        Passage {
            leaves_at,
            arrives_at: left_at + self.one_way,
        }
    }
}

async fn serve(listener: StdListener, line: Arc<Line>, ended: oneshot::Receiver<()>) {
    let listener = TcpListener::from_std(listener).expect("the socket does not block");
    let mut ended = pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => return,
            accepted = listener.accept() => {
                if let Ok((laptop, _)) = accepted {
                    tokio::spawn(open(laptop, Arc::clone(&line)));
                }
            }
        }
    }
}

async fn open(laptop: TcpStream, line: Arc<Line>) {
    let target = {
        let mut state = line.state();
        state.tally.connections += 1;
        state.open += 1;
        state.target
    };
    // A line that breaks is seen by both sides; there is nobody else to tell.
    let _ = connection(laptop, TcpStream::connect(target), &line).await;
    line.state().open -= 1;
    line.closed.notify_all();
}

/// Carries one connection until both sides have said all, or one of them is gone.
async fn connection<L, H>(
    laptop: L,
    hub: impl Future<Output = io::Result<H>>,
    line: &Line,
) -> io::Result<()>
where
    L: AsyncRead + AsyncWrite,
    H: AsyncRead + AsyncWrite,
{
    let round_trip = line.state().shape.one_way * 2;
    if !round_trip.is_zero() {
        sleep_until(Instant::now() + round_trip).await;
    }
    let (from_laptop, to_laptop) = tokio::io::split(laptop);
    let (from_hub, to_hub) = tokio::io::split(hub.await?);
    tokio::try_join!(
        carry(from_laptop, to_hub, Way::Up, line),
        carry(from_hub, to_laptop, Way::Down, line),
    )?;
    Ok(())
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    line: &Line,
) -> io::Result<()> {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY_MAX);
    let take_in = async move {
        let is_paced = line.state().shape.up_bits_s.is_some();
        let mut buffer = vec![0; if is_paced { PACKET_BYTES } else { PIECE_BYTES }];
        loop {
            let read = from.read(&mut buffer).await?;
            let passage = line.take(way, Instant::now(), read);
            // An empty piece is the end, which travels like the rest. The receiver is gone when writing failed.
            let piece = (passage.arrives_at, buffer[..read].to_vec());
            if sender.send(piece).await.is_err() || read == 0 {
                return Ok(());
            }
            // The next piece waits at its sender until this one is on the line.
            sleep_until(passage.leaves_at).await;
        }
    };
    let give_out = async move {
        while let Some((arrives_at, piece)) = under_way.recv().await {
            sleep_until(arrives_at).await;
            if piece.is_empty() {
                return to.shutdown().await;
            }
            to.write_all(&piece).await?;
        }
        Ok(())
    };
    tokio::try_join!(take_in, give_out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    fn shaped(shape: Shape) -> Arc<Line> {
        let line = Line::new((Ipv4Addr::LOCALHOST, 9).into());
        line.state().shape = shape;
        line.state().up = Lane::new(shape.one_way, shape.up_bits_s);
        line.state().down = Lane::new(shape.one_way, shape.down_bits_s);
        Arc::new(line)
    }

    /// How long it takes to ask in `asked` bytes and have `answered` bytes, connection included.
    async fn exchange(shape: Shape, asked: usize, answered: usize) -> Duration {
        let (mut laptop, laptop_end) = duplex(1 << 20);
        let (mut hub, hub_end) = duplex(1 << 20);
        let line = shaped(shape);
        let started = Instant::now();
        let relay = tokio::spawn(async move {
            connection(laptop_end, std::future::ready(Ok(hub_end)), &line).await
        });
        let hub = tokio::spawn(async move {
            hub.read_exact(&mut vec![0; asked]).await.unwrap();
            hub.write_all(&vec![7; answered]).await.unwrap();
            // Keeps its side open until the laptop has gone.
            hub.read_to_end(&mut Vec::new()).await.unwrap();
        });
        laptop.write_all(&vec![3; asked]).await.unwrap();
        let mut answer = vec![0; answered];
        laptop.read_exact(&mut answer).await.unwrap();
        let took = started.elapsed();
        assert!(answer.iter().all(|byte| *byte == 7));
        drop(laptop);
        hub.await.unwrap();
        relay.await.unwrap().unwrap();
        took
    }

    #[track_caller]
    fn assert_about(took: Duration, expected_ms: u64) {
        let took_ms = u64::try_from(took.as_millis()).unwrap();
        // The runtime's timers are good to a millisecond, and some are in a row.
        let tolerance = expected_ms / 100 + 10;
        assert!(
            took_ms.abs_diff(expected_ms) <= tolerance,
            "{took_ms} ms instead of {expected_ms} ms"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_exchange_costs_the_connection_a_round_trip_and_its_bytes() {
        // 600 ms to connect, 300 ms each way, 16 ms for 100 bytes up, 80 ms for 1 000 bytes down.
        assert_about(exchange(Shape::TWO_G, 100, 1_000).await, 600 + 600 + 96);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_answer_takes_the_time_that_its_bytes_need() {
        assert_about(exchange(Shape::TWO_G, 100, 100_000).await, 1_216 + 8_000);
    }

    #[tokio::test(start_paused = true)]
    async fn the_way_up_has_half_the_speed() {
        assert_about(exchange(Shape::TWO_G, 50_000, 100).await, 1_208 + 8_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unshaped_line_takes_no_time() {
        assert_about(exchange(Shape::LOOP, 100_000, 100_000).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_share_the_line() {
        let line = shaped(Shape::TWO_G);
        let now = Instant::now();
        let first = line.take(Way::Down, now, 12_500);
        let second = line.take(Way::Down, now, 12_500);
        assert_about(first.arrives_at - now, 1_300);
        assert_about(second.arrives_at - now, 2_300);
        assert_about(line.take(Way::Up, now, 0).arrives_at - now, 300);
    }

    #[test]
    fn a_link_counts_payload_and_connections_and_follows_the_hub() {
        use std::io::{Read, Write};
        use std::net::TcpStream as Std;

        let hub = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = ShapedLink::to((Ipv4Addr::LOCALHOST, 9).into());
        link.point_at(hub.local_addr().unwrap());
        for _ in 0..2 {
            let mut laptop = Std::connect(link.address).unwrap();
            laptop.write_all(b"question").unwrap();
            let (mut answering, _) = hub.accept().unwrap();
            let mut question = [0; 8];
            answering.read_exact(&mut question).unwrap();
            answering.write_all(b"no").unwrap();
            laptop.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(answering.read(&mut question).unwrap(), 0);
            drop(answering);
            let mut answer = String::new();
            laptop.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "no");
        }
        link.settle();
        let both = Tally {
            bytes_up: 16,
            bytes_down: 4,
            connections: 2,
        };
        assert_eq!(link.tally(), both);
        link.shape(Shape::LOOP);
        assert_eq!(link.tally(), Tally::default());
    }
}
