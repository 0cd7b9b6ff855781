//! A long exchange says how far it has come, stops when it is told to, and goes on where it was. Real programs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::program::{self, Program};
use tests::shaped::{Shape, ShapedLink};
use tests::stand::{Stand, command};

const PEOPLE: usize = 1_500;
const PATIENCE: Duration = Duration::from_secs(60);
const PATH: &str = "/synchronisation";
/// The first frame takes some seconds, and so does each of the others: a busy machine sees what is in between.
const SLOW: Shape = Shape {
    one_way: Duration::from_millis(20),
    up_bits_s: Some(40_000),
    down_bits_s: Some(40_000),
};

/// A hub with much that is new to the one laptop, which is behind a slow line.
async fn behind_a_slow_line() -> (Stand, ShapedLink) {
    let stand = Stand::new(&[], 0, |hub| hub.page("")).await;
    let link = ShapedLink::to(stand.hub().address());
    stand.enrol(1, &link.url());
    stand.add_people(PEOPLE).await;
    link.shape(SLOW);
    (stand, link)
}

/// How many changes the laptop holds.
fn held(laptop: &Path) -> u64 {
    let status = command(program::node(), laptop, &["status", "--json"]).success();
    status.json()["changes"].as_u64().expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_exchange_shows_how_far_it_is_and_is_paused_and_resumed_from_the_page() {
    let (stand, link) = behind_a_slow_line().await;
    let before = held(&stand.laptop(1));
    let laptop = Program::serve(program::node(), &stand.laptop(1), &[]);
    let agent = stand.agent(&laptop).await;
    agent.until(PATH, "<progress", PATIENCE).await;
    // The status line says it too, of every page.
    agent
        .until(PATH, "Échange avec le hub\u{a0}: ", PATIENCE)
        .await;

    let began = Instant::now();
    while held(&stand.laptop(1)) == before {
        assert!(began.elapsed() < PATIENCE, "nothing arrives");
    }
    agent.act("/synchronisation/pause", &[]).await;
    let page = agent.get("/synchronisation").await;
    assert!(page.contains("Les échanges sont en pause") && !page.contains("<progress"));
    let paused_at = held(&stand.laptop(1));
    assert!(
        before < paused_at && paused_at < PEOPLE as u64,
        "{paused_at}"
    );

    link.shape(Shape::LOOP);
    agent.act("/synchronisation/reprise", &[]).await;
    let page = agent.until(PATH, "Oui, depuis", PATIENCE).await;
    let rest = before + PEOPLE as u64 - paused_at;
    assert!(
        page.contains(&format!("<td class=\"number\">{rest}</td>")),
        "only the rest came after the pause:\n{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_exchange_in_a_terminal_ends_with_ctrl_c_and_goes_on_the_next_time() {
    let (stand, link) = behind_a_slow_line().await;
    let (laptop, before) = (stand.laptop(1), held(&stand.laptop(1)));
    let sync = Command::new(program::node())
        .args(["sync", "--data"])
        .arg(&laptop)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    let began = Instant::now();
    while held(&laptop) == before {
        assert!(began.elapsed() < PATIENCE, "nothing arrives");
    }
    let interrupt = format!("kill -INT {}", sync.id());
    let sent = Command::new("sh").args(["-c", &interrupt]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let ended = sync.wait_with_output().expect("a child can be waited for");
    let words = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{words}");
    assert!(words.contains("reprendra où celui-ci en était"), "{words}");

    let stopped_at = held(&laptop);
    link.shape(Shape::LOOP);
    let synced = command(program::node(), &laptop, &["sync", "--json"]).success();
    assert_eq!(synced.json()["identical"], true);
    assert_eq!(
        synced.json()["received"],
        before + PEOPLE as u64 - stopped_at
    );
}
