//! Real programs on a line of the kernel's that is slow, loses packets and goes dead: an exchange gets there all the
//! same, goes on where it was, and whoever waits for it is told calmly. Each test has a network of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use field_node::Node;
use serde_json::Value;
use shared::domain::person::Person;
use shared::ids::{AgentId, PersonId};
use shared::site::Site;
use shared::time::Clock;
use tests::program::{self, Program};
use tests::rough::{Rough, RoughLine, alone};
use tests::stand::{Stand, command};
use tokio::runtime::Runtime;

/// A 2G line in a village.
const TWO_G: Rough = Rough {
    up_bits_s: 20_000,
    down_bits_s: 40_000,
    lost_percent: 10,
};
/// The worst that a laptop may meet.
const WORST: Rough = Rough {
    up_bits_s: 5_000,
    down_bits_s: 10_000,
    lost_percent: 20,
};
/// What the line is once the van has moved on.
const BETTER: Rough = Rough {
    up_bits_s: 200_000,
    down_bits_s: 200_000,
    lost_percent: 5,
};
/// Nothing here takes longer, by far.
const PATIENCE: Duration = Duration::from_secs(90);
const PATH: &str = "/synchronisation";
/// A program that waits for a dead line gives up within this time: 30 s, and what a busy machine needs.
const DEAD_WITHIN: Duration = Duration::from_secs(40);
/// Exit code of a command whose hub does not answer.
const UNREACHABLE: i32 = 4;
/// More than two batches of an exchange.
const MANY: usize = 1_100;

/// Runs a test in a network of its own.
#[track_caller]
fn rough(test: &str, body: impl Future<Output = ()>) {
    alone(test, || Runtime::new().expect("a runtime").block_on(body));
}

/// A hub whose line can be spoilt, and a laptop that holds what it holds.
async fn stand() -> (Stand, RoughLine) {
    let stand = Stand::new(&[], 0, |hub| hub.page("")).await;
    stand.enrol(1, &stand.hub().page(""));
    let line = RoughLine::to(stand.hub().address().port());
    (stand, line)
}

/// Writes so many sheets in one act.
async fn write(site: &Site, people: usize) {
    let agent = AgentId::fresh();
    let written = site.write(move |work| {
        for n in 0..people {
            work.edit(PersonId::fresh(), agent, |person: &mut Person| {
                person.family_name = format!("Famille {n}");
                person.notes = uuid::Uuid::new_v4().to_string();
            })?;
        }
        Ok(())
    });
    written.await.expect("written");
}

async fn write_on_laptop(laptop: &Path, people: usize) {
    let node = Node::open(laptop, Clock::default()).await.expect("data");
    write(node.site(), people).await;
    node.close().await;
}

async fn write_at_hub(stand: &Stand, people: usize) {
    let hub = hub::Hub::open(&stand.hub_directory(), Clock::default()).await;
    write(hub.expect("the hub's data").site(), people).await;
}

fn status(program: &Path, data: &Path) -> Value {
    command(program, data, &["status", "--json"])
        .success()
        .json()
}

fn changes(program: &Path, data: &Path) -> u64 {
    status(program, data)["changes"].as_u64().expect("a count")
}

/// Waits until something is so.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
    }
}

#[track_caller]
fn assert_identical(stand: &Stand) {
    let laptop = status(program::node(), &stand.laptop(1));
    let hub = status(program::hub(), &stand.hub_directory());
    assert_eq!(laptop["fingerprint"], hub["fingerprint"]);
    assert_eq!(laptop["pending"], 0);
}

/// `sync`, as somebody at a terminal runs it.
fn sync(laptop: &Path, words: &[&str]) -> std::process::Child {
    let mut command = Command::new(program::node());
    command.arg("sync").args(words).arg("--data").arg(laptop);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program can be run")
}

fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

#[test]
fn an_exchange_on_a_line_that_goes_dead_ends_by_itself_and_goes_on_where_it_was() {
    let test = "an_exchange_on_a_line_that_goes_dead_ends_by_itself_and_goes_on_where_it_was";
    rough(test, async {
        let (stand, line) = stand().await;
        stand.enrol(2, &stand.hub().page(""));
        write_at_hub(&stand, MANY).await;
        let laptop = stand.laptop(1);
        let before = changes(program::node(), &laptop);

        line.spoil(TWO_G);
        let under_way = sync(&laptop, &["--json"]);
        wait_until("nothing arrives", || {
            changes(program::node(), &laptop) > before
        });
        line.go_dead();
        let began = Instant::now();
        let ended = under_way.wait_with_output().expect("it ends");
        assert!(began.elapsed() < DEAD_WITHIN, "{:?}", began.elapsed());
        let words = said(&ended);
        assert_eq!(ended.status.code(), Some(UNREACHABLE), "{words}");
        assert!(
            words.contains(
                "la ligne a été coupée pendant l’échange\u{a0}: il reprendra où il en était"
            ),
            "{words}"
        );
        let cut: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        assert_eq!(
            (&cut["error"], &cut["identical"]),
            (&"cut".into(), &false.into())
        );

        line.spoil(BETTER);
        let rest = command(program::node(), &laptop, &["sync", "--json"]);
        let rest = rest.success().json();
        assert_identical(&stand);
        line.mend();
        let whole = command(program::node(), &stand.laptop(2), &["sync", "--json"]);
        let whole = whole.success().json();
        println!("cut {cut}\nrest {rest}\nwhole {whole}\n{:?}", line.wire());
        let number = |of: &Value, name: &str| of[name].as_u64().expect("a number");
        assert_eq!(
            number(&cut, "received") + number(&rest, "received"),
            changes(program::node(), &laptop) - before,
            "nothing twice, nothing lost"
        );
        let [cut, rest, whole] = [cut, rest, whole].map(|of| number(&of, "bytes_down"));
        // What was on its way when the line went dead comes twice: less than a batch, of which there are three.
        assert!(
            cut + rest < whole * 3 / 2,
            "{cut} and {rest} of {whole} bytes"
        );
    });
}

#[test]
fn a_day_s_work_gets_there_on_the_worst_line() {
    let test = "a_day_s_work_gets_there_on_the_worst_line";
    rough(test, async {
        let (stand, line) = stand().await;
        let laptop = stand.laptop(1);
        write_at_hub(&stand, 20).await;
        write_on_laptop(&laptop, 40).await;

        line.go_dead();
        let ended = sync(&laptop, &[]).wait_with_output().expect("it ends");
        let words = said(&ended);
        assert_eq!(ended.status.code(), Some(UNREACHABLE), "{words}");
        assert!(
            words.contains("le hub ne répond pas\u{a0}: c’est normal sans réseau"),
            "{words}"
        );
        assert_eq!(status(program::node(), &laptop)["pending"], 40);

        line.spoil(WORST);
        // As the courier does: a line like this one may not even let a connection be made.
        wait_until("the work never got there", || {
            let ended = command(program::node(), &laptop, &["sync", "--json"]);
            println!("{}", ended.json());
            ended.code == Some(0)
        });
        println!("{:?}", line.wire());
        assert_identical(&stand);
    });
}

#[test]
fn the_pages_say_what_is_the_matter_while_the_line_is_dead_and_follow_when_it_is_back() {
    let test = "the_pages_say_what_is_the_matter_while_the_line_is_dead_and_follow_when_it_is_back";
    rough(test, async {
        let (stand, line) = stand().await;
        write_on_laptop(&stand.laptop(1), 300).await;
        line.go_dead();
        let laptop = Program::serve(program::node(), &stand.laptop(1), &[]);
        let agent = stand.agent(&laptop).await;
        // Answers when the attempt has failed.
        agent.act("/synchronisation/maintenant", &[]).await;
        let page = agent.get("/synchronisation").await;
        for words in [
            "Hors ligne\u{a0}: c’est normal. 300 saisies sur ce portable seulement.",
            "Le hub ne répond pas. Rien n’est perdu\u{a0}: le portable réessaiera.",
            "Le hub ne répond pas\u{a0}: c’est normal sans réseau. Elles partiront d’elles-mêmes à la prochaine connexion.",
        ] {
            assert!(
                page.contains(words),
                "the page does not say {words}:\n{page}"
            );
        }

        line.spoil(TWO_G);
        let up = line.wire().up;
        wait_until("nothing arrives", || line.wire().up > up + 3_000);
        line.go_dead();
        let lost = line.wire().lost;
        wait_until("nothing is lost on a dead line", || {
            line.wire().lost > lost + 3_000
        });
        line.spoil(BETTER);
        agent.until(PATH, "Oui, depuis", PATIENCE).await;
        println!("{:?}", line.wire());
        assert_identical(&stand);
    });
}
