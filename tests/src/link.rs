//! The line between a laptop and the hub: a TCP relay on 127.0.0.1 that a test cuts, holds up, restores and counts.
//!
//! A laptop is told the link's address instead of the hub's. The link knows nothing of what it carries. It runs on a
//! thread of its own and ends when it is dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::thread;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes that move at once; small, so that a cut can fall anywhere.
const PIECE_BYTES: usize = 4096;

/// A direction, seen from the laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the laptop to the hub.
    Up,
    /// From the hub to the laptop.
    Down,
}

/// One line. It starts whole.
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
}

/// All that a link knows. Bytes pass only under its lock, so that after a cut not one more arrives.
#[derive(Clone)]
struct State {
    target: SocketAddr,
    condition: Condition,
    /// How often the line was cut: a connection ends when this moves on, even if the line is whole again by then.
    cuts: u64,
    up: Counter,
    down: Counter,
}

#[derive(Clone, Copy, PartialEq)]
enum Condition {
    Whole,
    Held,
    Cut,
    Gone,
}

#[derive(Clone, Default)]
struct Counter {
    passed: u64,
    /// Bytes that may still pass before the line cuts itself.
    left: Option<u64>,
}

impl State {
    fn counter(&mut self, way: Way) -> &mut Counter {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    fn cut(&mut self) {
        self.condition = Condition::Cut;
        self.cuts += 1;
        self.up.left = None;
        self.down.left = None;
    }
}

impl Link {
    /// A line to the hub at `target`.
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
        let (state, watcher) = watch::channel(State {
            target,
            condition: Condition::Whole,
            cuts: 0,
            up: Counter::default(),
            down: Counter::default(),
        });
        let relay = state.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build();
            let runtime = runtime.expect("a runtime can be made");
            runtime.block_on(serve(listener, relay, watcher));
        });
        Self { address, state }
    }

    /// What the laptop is told instead of the hub's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads new connections to another address: a hub that was started again.
    pub fn point_at(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = target);
    }

    /// Cuts the line: open connections end at once, new ones end as soon as they are made.
    pub fn cut(&self) {
        self.state.send_modify(State::cut);
    }

    /// Cuts the line by itself once `bytes` more have passed this way.
    pub fn cut_after(&self, way: Way, bytes: u64) {
        self.state
            .send_modify(|state| state.counter(way).left = Some(bytes));
    }

    /// Lets nothing pass although connections stay open and can be made: a line that hangs.
    pub fn hold(&self) {
        self.state
            .send_modify(|state| state.condition = Condition::Held);
    }

    /// Makes the line whole again after a cut or a hold.
    pub fn resume(&self) {
        self.state
            .send_modify(|state| state.condition = Condition::Whole);
    }

    /// Is the line cut, by [`Link::cut`] or by [`Link::cut_after`]?
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.state.borrow().condition == Condition::Cut
    }

    /// How many bytes have passed this way in all.
    #[must_use]
    pub fn passed(&self, way: Way) -> u64 {
        match way {
            Way::Up => self.state.borrow().up.passed,
            Way::Down => self.state.borrow().down.passed,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.state
            .send_modify(|state| state.condition = Condition::Gone);
    }
}

async fn serve(
    listener: StdListener,
    state: watch::Sender<State>,
    mut watcher: watch::Receiver<State>,
) {
    let listener = TcpListener::from_std(listener).expect("the socket does not block");
    loop {
        tokio::select! {
            biased;
            _ = watcher.wait_for(|s| s.condition == Condition::Gone) => return,
            accepted = listener.accept() => {
                let State { target, condition, cuts, .. } = *state.borrow();
                if let (Ok((laptop, _)), true) = (accepted, condition != Condition::Cut) {
                    tokio::spawn(connection(laptop, target, cuts, state.clone()));
                }
            }
        }
    }
}

/// Carries one connection until both sides have said all, or the line is cut.
async fn connection(laptop: TcpStream, target: SocketAddr, cuts: u64, state: watch::Sender<State>) {
    // A hub that is not there looks to the laptop like a line that ends.
    let Ok(hub) = TcpStream::connect(target).await else {
        return;
    };
    let (from_laptop, to_laptop) = laptop.into_split();
    let (from_hub, to_hub) = hub.into_split();
    let mut watcher = state.subscribe();
    tokio::select! {
        _ = watcher.wait_for(|s| s.cuts != cuts) => {}
        _ = async { tokio::join!(
            carry(from_laptop, to_hub, Way::Up, cuts, &state),
            carry(from_hub, to_laptop, Way::Down, cuts, &state),
        ) } => {}
    }
}

async fn carry(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    cuts: u64,
    state: &watch::Sender<State>,
) {
    let mut watcher = state.subscribe();
    let mut buffer = [0; PIECE_BYTES];
    loop {
        if from.readable().await.is_err() {
            break;
        }
        let read = match from.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => break,
        };
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            let open = |s: &State| s.condition == Condition::Whole || s.cuts != cuts;
            if watcher.wait_for(open).await.is_err() || to.writable().await.is_err() {
                return;
            }
            let mut passed = Ok(0);
            state.send_if_modified(|s| {
                passed = pass(s, &to, way, cuts, rest);
                s.cuts != cuts
            });
            match passed {
                Ok(passed) => rest = &rest[passed..],
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
    // The other side learns that this one has said all; it may be gone itself.
    let _ = to.shutdown().await;
}

/// Writes what may pass, and cuts the line when no more may; answers how much it wrote.
fn pass(
    state: &mut State,
    to: &OwnedWriteHalf,
    way: Way,
    cuts: u64,
    bytes: &[u8],
) -> std::io::Result<usize> {
    if state.cuts != cuts {
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    if state.condition != Condition::Whole {
        return Ok(0);
    }
    let counter = state.counter(way);
    let most = counter.left.map_or(bytes.len(), |left| {
        bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))
    });
    let passed = to.try_write(&bytes[..most])?;
    counter.passed += passed as u64;
    counter.left = counter.left.map(|left| left - passed as u64);
    if counter.left == Some(0) {
        state.cut();
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    /// Answers on every connection with what it gets, until the test ends.
    fn echo() -> SocketAddr {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        address
    }

    fn connect(link: &Link) -> TcpStream {
        let stream = TcpStream::connect(link.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(bytes)?;
        let mut answer = vec![0; bytes.len()];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn a_whole_line_carries_and_counts() {
        let link = Link::to(echo());
        let mut stream = connect(&link);
        let bytes = vec![7; 3 * PIECE_BYTES + 1];
        assert_eq!(exchange(&mut stream, &bytes).unwrap(), bytes);
        assert_eq!(link.passed(Way::Up), bytes.len() as u64);
        assert_eq!(link.passed(Way::Down), bytes.len() as u64);
    }

    #[test]
    fn the_end_of_one_direction_is_passed_on() {
        let link = Link::to(echo());
        let mut stream = connect(&link);
        stream.write_all(b"bonjour").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "bonjour");
    }

    #[test]
    fn a_cut_ends_open_connections_and_new_ones_until_it_is_resumed() {
        let link = Link::to(echo());
        let mut open = connect(&link);
        exchange(&mut open, b"before").unwrap();
        link.cut();
        assert!(exchange(&mut open, b"after").is_err());
        assert!(exchange(&mut connect(&link), b"after").is_err());
        assert_eq!(link.passed(Way::Up), 6);
        link.resume();
        assert!(
            exchange(&mut open, b"late").is_err(),
            "a cut connection stays cut"
        );
        assert_eq!(exchange(&mut connect(&link), b"new").unwrap(), b"new");
    }

    #[test]
    fn a_line_cuts_itself_after_so_many_bytes() {
        let link = Link::to(echo());
        let mut stream = connect(&link);
        link.cut_after(Way::Down, 4);
        stream.write_all(b"bonjour").unwrap();
        let mut answer = Vec::new();
        // The end may come as an error; what counts is what came before it.
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"bonj");
        assert!(link.is_cut());
        link.resume();
        assert_eq!(
            exchange(&mut connect(&link), b"bonjour").unwrap(),
            b"bonjour"
        );
    }

    #[test]
    fn a_held_line_keeps_its_bytes_until_it_is_resumed() {
        let link = Link::to(echo());
        let mut stream = connect(&link);
        link.hold();
        stream.write_all(b"bonjour").unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        assert!(stream.read_exact(&mut [0; 1]).is_err());
        assert_eq!(link.passed(Way::Up), 0);
        link.resume();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"bonjour");
    }

    #[test]
    fn a_hub_that_is_gone_ends_the_connection() {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::to(listener.local_addr().unwrap());
        let mut stream = connect(&link);
        drop(listener.accept().unwrap());
        assert!(exchange(&mut stream, &[7; 100 * PIECE_BYTES]).is_err());
    }

    #[test]
    fn a_line_leads_to_a_hub_that_was_started_again_elsewhere() {
        let nobody = StdListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        let link = Link::to(nobody);
        assert!(exchange(&mut connect(&link), b"anyone?").is_err());
        link.point_at(echo());
        assert_eq!(exchange(&mut connect(&link), b"there").unwrap(), b"there");
    }
}
