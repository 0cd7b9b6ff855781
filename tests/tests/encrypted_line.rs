//! The encrypted line between real programs: a hub that makes its own certificate, and changes its keys.

use std::time::Instant;

use field_node::Node;
use field_node::attempt::{Attempted, Why, attempt};
use field_node::line::Line;
use shared::time::Clock;
use tests::link::Link;
use tests::program::{self, Finished};
use tests::shaped::{Shape, ShapedLink};
use tests::stand::{Stand, command};

fn sync(stand: &Stand, n: usize) -> Finished {
    command(program::node(), &stand.laptop(n), &["sync", "--json"])
}

fn rotate(stand: &Stand, more: &[&str]) -> Finished {
    let words = [&["certificate", "rotate"][..], more].concat();
    command(program::hub(), &stand.hub_directory(), &words)
}

/// What laptops call the hub through a line that leads to it wherever it listens.
fn url(link: &Link) -> String {
    format!("https://{}", link.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn laptops_know_the_hub_by_its_keys_and_a_change_of_keys_locks_none_out() {
    let mut stand = Stand::new(&["--tls"], 0, |hub| hub.page("")).await;
    let link = Link::to(stand.hub().address());
    let restart = |stand: &mut Stand| {
        stand.restart_hub(&["--tls"]);
        link.point_at(stand.hub().address());
    };
    stand.enrol(1, &url(&link));
    stand.enrol(2, &url(&link));

    assert_eq!(rotate(&stand, &[]).code, Some(0));
    restart(&mut stand);
    assert_eq!(
        sync(&stand, 1).code,
        Some(0),
        "the reserve was in its ticket"
    );

    // The second laptop was away: another change would lock it out.
    let refused = rotate(&stand, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("Portable 2") && !refused.stderr.contains("Portable 1"));
    assert_eq!(sync(&stand, 2).code, Some(0));
    assert_eq!(rotate(&stand, &[]).code, Some(0));
    restart(&mut stand);
    for n in [1, 2] {
        assert_eq!(sync(&stand, n).code, Some(0), "it learnt the next reserve");
    }

    // Against all advice: the hub is not the one that they know any more, until there is a new ticket.
    for _ in 0..2 {
        assert_eq!(rotate(&stand, &["--force"]).code, Some(0));
    }
    restart(&mut stand);
    let unknown = sync(&stand, 1);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert_eq!(unknown.json()["error"], "not_the_hub");
    stand.enrol(1, &url(&link));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serving_hub_shows_another_key_by_itself() {
    let stand = Stand::new(&["--tls"], 0, |hub| hub.page("")).await;
    stand.enrol(1, &stand.hub().page(""));
    // The laptop knows the next key from its ticket, but the one after that only from the hub that shows the next.
    assert_eq!(rotate(&stand, &[]).code, Some(0));
    while rotate(&stand, &[]).code != Some(0) {
        assert_eq!(sync(&stand, 1).code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pins_a_certificate_that_nobody_vouches_for_is_refused() {
    let stand = Stand::new(&["--tls"], 0, |hub| hub.page("")).await;
    let ticket = stand.ticket(
        "Portable 1",
        &stand.hub().page(""),
        &["--public-certificate"],
    );
    let enrolled = command(program::node(), &stand.laptop(1), &["enrol", &ticket]);
    assert_eq!(enrolled.code, Some(1), "{enrolled:?}");
    assert!(
        enrolled.stderr.contains("autre chose que le hub"),
        "{enrolled:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_served_on_the_encrypted_line_and_its_cookie_stays_there() {
    let stand = Stand::new(&["--tls"], 0, |hub| hub.page("")).await;
    let agent = stand.agent(stand.hub()).await;
    assert!(agent.get("/").await.contains("Claire"));
    assert!(agent.cookie_attributes().contains("; Secure"));
    let mut live = agent.live().await;
    assert!(live.next().await.is_some());
    // An open stream does not keep the hub from stopping.
    let mut stand = stand;
    stand.restart_hub(&["--tls"]);
    while live.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_network_needs_an_encrypted_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let at_hub = directory.path().join("hub");
    let serve = |more: &[&str]| {
        let words = [&["serve", "--listen", "0.0.0.0:0", "--json"][..], more].concat();
        command(program::hub(), &at_hub, &words)
    };
    let refused = serve(&[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--tls") && refused.stderr.contains("--behind-proxy"));
    let missing = serve(&["--certificate", "/nowhere/c.pem", "--key", "/nowhere/k.pem"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("/nowhere/c.pem"), "{missing:?}");
    let unclear = serve(&["--tls", "--behind-proxy"]);
    assert_eq!(unclear.code, Some(2), "{unclear:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_files_is_shown_and_no_key_of_the_hub_vouches_for_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, pem: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem).expect("a file");
        path.to_str().expect("a plain name").to_owned()
    };
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let certificate = file("certificate.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let more = ["--certificate", &certificate, "--key", &key];
    let stand = Stand::new(&more, 0, |hub| hub.page("")).await;
    let agent = stand.agent(stand.hub()).await;
    assert!(agent.get("/").await.contains("Claire"));
    let ticket = stand.ticket("Portable 1", &stand.hub().page(""), &[]);
    let enrolled = command(program::node(), &stand.laptop(1), &["enrol", &ticket]);
    assert_eq!(enrolled.code, Some(1), "{enrolled:?}");
}

/// Two exchanges with nothing new over one line: bytes up, bytes down and milliseconds of each, the first on a new
/// connection, the second on the one that is kept.
async fn idle_exchanges(stand: &Stand, scheme: &str, shape: Shape) -> [(u64, u64, u128); 2] {
    let link = ShapedLink::to(stand.hub().address());
    let url = link.url().replace("http", scheme);
    stand.enrol(1, &url);
    let node = Node::open(&stand.laptop(1), Clock::default())
        .await
        .expect("a laptop");
    let line = Line::new(node.site().clone()).expect("a line");
    link.settle();
    link.shape(shape);
    let mut seen = [(0, 0, 0); 2];
    for seen in &mut seen {
        let (before, began) = (link.tally(), Instant::now());
        let attempted = attempt(node.site(), &line, Why::Due, &mut |_| ()).await;
        let took = began.elapsed().as_millis();
        assert!(matches!(attempted, Ok(Attempted::Done(done)) if done.report.identical));
        let after = link.tally();
        assert_eq!(after.connections, 1, "one connection, kept");
        *seen = (
            after.bytes_up - before.bytes_up,
            after.bytes_down - before.bytes_down,
            took,
        );
    }
    seen
}

/// `cargo test -p tests --test encrypted_line costs -- --nocapture` prints the figures.
#[tokio::test(flavor = "multi_thread")]
async fn encryption_costs_a_kept_connection_next_to_nothing() {
    for (more, scheme) in [(&[][..], "http"), (&["--tls"], "https")] {
        let stand = Stand::new(more, 0, |hub| hub.page("")).await;
        for (line, shape) in [("loop", Shape::LOOP), ("2g", Shape::TWO_G)] {
            let [new, kept] = idle_exchanges(&stand, scheme, shape).await;
            for (what, (up, down, ms)) in [("new", new), ("kept", kept)] {
                println!("{scheme:5} {line:4} {what:4} {up:5} B up {down:5} B down {ms:5} ms");
            }
            assert!(kept.0 + kept.1 < 500, "{kept:?}");
        }
    }
}
