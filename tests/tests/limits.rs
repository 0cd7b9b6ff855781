//! Limits of a serving hub, through real sockets: half-open connections, guesses, bodies without end.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::header::ORIGIN;
use reqwest::{Client, StatusCode};
use shared::joining::messages::{EXCHANGE_PATH, JOIN_PATH};
use tests::program;
use tests::stand::{Stand, command};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Somebody at this address of the loopback network.
fn client(last: u8) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let client = Client::builder().local_address(address);
    client
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

async fn guess(client: &Client, stand: &Stand, passphrase: &str) -> StatusCode {
    let body = format!("login=claire&passphrase={passphrase}");
    let post = client
        .post(stand.hub().page("/connexion"))
        .header(ORIGIN, stand.hub().page(""))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    post.send().await.expect("an answer").status()
}

async fn join(client: &Client, stand: &Stand) -> StatusCode {
    let post = client.post(stand.hub().page(JOIN_PATH)).body("{}");
    post.send().await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_guesses_is_slowed_down_and_nobody_else_is() {
    let stand = Stand::new(&[], 0, |hub| hub.page("")).await;
    let (guessing, honest) = (client(2), client(3));
    let right = "quatre+mots+bien+choisis";
    for _ in 0..12 {
        assert_eq!(
            guess(&honest, &stand, right).await,
            StatusCode::SEE_OTHER,
            "an office"
        );
    }
    for _ in 0..10 {
        assert_eq!(guess(&guessing, &stand, "x").await, StatusCode::OK);
        assert_eq!(join(&guessing, &stand).await, StatusCode::BAD_REQUEST);
    }
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(guess(&guessing, &stand, right).await, too_many);
    assert_eq!(join(&guessing, &stand).await, too_many);
    assert_eq!(guess(&honest, &stand, right).await, StatusCode::SEE_OTHER);
    stand.enrol(1, &stand.hub().page(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_keep_no_laptop_from_its_exchange() {
    let stand = Stand::new(&[], 0, |hub| hub.page("")).await;
    stand.enrol(1, &stand.hub().page(""));
    let head = format!("POST {EXCHANGE_PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 9");
    let mut half_open = Vec::new();
    for n in 0..200 {
        let mut connection = TcpStream::connect(stand.hub().address())
            .await
            .expect("a connection");
        // Some say nothing, some a part of a head, some a part of a body.
        let words = [String::new(), head.clone(), format!("{head}\r\n\r\nbody")];
        connection
            .write_all(words[n % 3].as_bytes())
            .await
            .expect("an open connection");
        half_open.push(connection);
    }
    let synced = command(program::node(), &stand.laptop(1), &["sync", "--json"]).success();
    assert_eq!(synced.json()["identical"], true);
    let agent = stand.agent(stand.hub()).await;
    assert!(agent.get("/").await.contains("Claire"));
    drop(half_open);
}
