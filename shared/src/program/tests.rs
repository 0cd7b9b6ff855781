//! Serving, through real sockets: what ends a connection, what does not, and the graceful end of a program.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use super::*;

/// A moment: what is closed for its silence is closed within some of them.
const MOMENT: Duration = Duration::from_millis(100);
/// For what must not happen by itself.
const NEVER: Duration = Duration::from_secs(600);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Limits that none of the tests reaches but those which it names.
const PATIENT: Limits = Limits {
    first_within: NEVER,
    idle_within: NEVER,
    stall_within: NEVER,
    body_within: NEVER,
    connections_max: 800,
    stop_within: NEVER,
};

struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn serving(router: Router, limits: Limits) -> Serving {
    let listening = Listening::on("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listening.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listening.within(limits), router, async {
        let _ = stopped.await;
    }));
    Serving {
        address,
        stop,
        served,
    }
}

impl Serving {
    /// A connection that has said this.
    async fn said(&self, words: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(words).await.unwrap();
        client
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
        assert!(TcpStream::connect(self.address).await.is_err());
    }
}

/// Everything until the server closes the connection.
async fn rest(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is cut while something was unread ends in an error.
    let _ = client.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// Reads an answer whose body is « done » and leaves the connection open.
async fn done(client: &mut TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"done") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
    }
}

fn simple() -> Router {
    let whole = |body: Bytes| async move { body };
    Router::new()
        .route("/", get(async || "done"))
        .route("/", post(whole))
}

/// A page whose answer never ends.
fn endless() -> Router {
    let endless = async || {
        let (sender, stream) = mpsc::channel::<Result<&str, Infallible>>(1);
        sender.send(Ok("first")).await.unwrap();
        tokio::spawn(async move { sender.closed().await });
        Body::from_stream(ReceiverStream::new(stream))
    };
    Router::new().route("/", get(endless))
}

#[tokio::test]
async fn an_address_of_the_network_is_refused_unless_the_line_is_covered() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let refused = Listening::on(everywhere).await;
    assert!(matches!(refused, Err(NotListening::NotLoopback(_))));
    let listening = Listening::covered(everywhere, Cover::Proxy).await.unwrap();
    let port = listening.address().port();
    let hosts = listening.named(vec!["maison.example".to_owned()]).hosts();
    for host in [
        "maison.example".to_owned(),
        format!("maison.example:{port}"),
        format!("127.0.0.1:{port}"),
    ] {
        assert!(hosts.contains(&host), "{host}");
    }
}

#[tokio::test]
async fn a_connection_without_a_whole_head_is_closed() {
    let limits = Limits {
        first_within: MOMENT,
        ..PATIENT
    };
    let serving = serving(simple(), limits).await;
    for words in [&b""[..], b"G", &GET[..GET.len() - 1]] {
        assert_eq!(rest(&mut serving.said(words).await).await, "");
    }
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_but_not_for_ever() {
    let limits = Limits {
        first_within: MOMENT,
        idle_within: 5 * MOMENT,
        ..PATIENT
    };
    let serving = serving(simple(), limits).await;
    let mut client = serving.said(GET).await;
    done(&mut client).await;
    client.write_all(GET).await.unwrap();
    done(&mut client).await;
    // A second head that trickles in is no request.
    client.write_all(b"GET /").await.unwrap();
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_given_up() {
    let limits = Limits {
        body_within: MOMENT,
        ..PATIENT
    };
    let serving = serving(simple(), limits).await;
    let post = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nslow";
    let answer = rest(&mut serving.said(post).await).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    // What is left of an answer that was made to its end belongs to no request any more.
    let limits = Limits {
        stall_within: MOMENT,
        idle_within: MOMENT,
        ..PATIENT
    };
    let large = Router::new().route("/", get(async || vec![b'x'; 64 << 20]));
    let serving = serving(large, limits).await;
    let mut client = serving.said(GET).await;
    client.read_exact(&mut [0]).await.unwrap();
    // Closed from the other side while nothing is read here.
    let mut rest = Vec::new();
    serving.stop().await;
    let _ = client.read_to_end(&mut rest).await;
    assert!(rest.len() < 64 << 20);
}

#[tokio::test]
async fn two_hundred_half_open_connections_keep_nobody_else_from_being_served() {
    let limits = Limits {
        first_within: 20 * MOMENT,
        ..PATIENT
    };
    let serving = serving(simple(), limits).await;
    let mut half_open = Vec::new();
    for _ in 0..200 {
        half_open.push(serving.said(&GET[..10]).await);
    }
    let mut client = serving.said(GET).await;
    done(&mut client).await;
    for mut client in half_open {
        assert_eq!(rest(&mut client).await, "");
    }
    client.write_all(GET).await.unwrap();
    done(&mut client).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away_and_others_go_on() {
    let limits = Limits {
        connections_max: 2,
        ..PATIENT
    };
    let serving = serving(simple(), limits).await;
    let mut both = [serving.said(GET).await, serving.said(GET).await];
    for client in &mut both {
        done(client).await;
    }
    assert_eq!(rest(&mut serving.said(GET).await).await, "");
    for client in &mut both {
        client.write_all(GET).await.unwrap();
        done(client).await;
    }
}

#[tokio::test]
async fn a_program_told_to_stop_lets_the_answer_under_way_end() {
    let (arrived, has_arrived) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let waits = std::sync::Arc::new(std::sync::Mutex::new(Some((arrived, may_go_on))));
    let slow = move || {
        let taken = waits.lock().unwrap().take();
        async move {
            let (arrived, may_go_on) = taken.unwrap();
            arrived.send(()).unwrap();
            may_go_on.await.unwrap();
            "done"
        }
    };
    let serving = serving(Router::new().route("/", get(slow)), PATIENT).await;
    let mut client = serving.said(GET).await;
    has_arrived.await.unwrap();
    let (_, answer) = tokio::join!(serving.stop(), async {
        go_on.send(()).unwrap();
        rest(&mut client).await
    });
    assert!(answer.ends_with("done"), "{answer}");
}

#[tokio::test]
async fn a_program_told_to_stop_cuts_what_never_ends() {
    let limits = Limits {
        stop_within: MOMENT,
        ..PATIENT
    };
    let serving = serving(endless(), limits).await;
    let mut client = serving.said(GET).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"first\r\n") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
    }
    serving.stop().await;
    assert_eq!(rest(&mut client).await, "");
}
