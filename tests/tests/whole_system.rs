//! The whole system as processes: a hub and two laptops, lines that break, pages as agents use them.
//!
//! Nothing is asked of the programs but through their doors: pages, commands, signals.

use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::{Date, time};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use shared::domain::catalog::{Agent as Account, Catalog, catalog_id};
use shared::domain::codes::Role;
use shared::domain::person::Person;
use shared::domain::session::{Registration, Session};
use shared::ids::{AgentId, PersonId, RegistrationId, SessionId};
use shared::time::{Clock, Timestamp};
use tempfile::TempDir;
use tests::agent::{Agent, form_fields, main_of};
use tests::link::Link;
use tests::program::{self, Program};
use tokio::sync::watch;

const LOGIN: &str = "claire";
const PASSPHRASE: &str = "quatre mots bien choisis";

/// What the hub holds before the morning begins.
struct Territory {
    directory: TempDir,
    people: Vec<PersonId>,
    /// Tomorrow at Saint-Chinian: three people registered, one seat left.
    last_seat: SessionId,
    /// Today at Quarante, two people registered.
    today: SessionId,
}

/// One laptop with its line.
struct Laptop {
    directory: PathBuf,
    link: Link,
    program: Option<Program>,
}

/// The three sites.
struct System {
    territory: Territory,
    hub: Option<Program>,
    laptops: Vec<Laptop>,
}

impl Territory {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let hub = hub::Hub::open(&directory.path().join("hub"), Clock::default())
            .await
            .expect("a hub");
        let site = hub.site();
        let agent = AgentId::fresh();
        let passphrase_hash = shared::desk::passphrase::hash(PASSPHRASE).expect("randomness");
        site.edit(catalog_id(), agent, move |catalog: &mut Catalog| {
            let account = Account {
                login: LOGIN.to_owned(),
                name: "Claire Fabre".to_owned(),
                role: Role::Staff,
                passphrase_hash,
                disabled: false,
            };
            catalog.agents.insert(agent, account);
        })
        .await
        .expect("an account");
        let mut people = Vec::new();
        for (given, family, phone) in [
            ("Sylvie", "Carayon", "06 10 00 00 01"),
            ("René", "Ségura", "06 10 00 00 02"),
            ("Colette", "Causse", "06 10 00 00 03"),
            ("Ahmed", "Cros", "06 10 00 00 04"),
            ("Inès", "Ferreira", "06 10 00 00 05"),
        ] {
            let id = PersonId::fresh();
            site.edit(id, agent, move |person: &mut Person| {
                person.given_name = given.to_owned();
                person.family_name = family.to_owned();
                person.phone = phone.to_owned();
            })
            .await
            .expect("a person");
            people.push(id);
        }
        let today = site.clock().now().date();
        let last_seat = session(site, agent, "saint-chinian", today + 1.days(), &people[..3]).await;
        let today = session(site, agent, "quarante", today, &people[..2]).await;
        Self {
            directory,
            people,
            last_seat,
            today,
        }
    }

    fn hub(&self) -> PathBuf {
        self.directory.path().join("hub")
    }
}

async fn session(
    site: &shared::site::Site,
    agent: AgentId,
    place: &'static str,
    date: Date,
    registered: &[PersonId],
) -> SessionId {
    let id = SessionId::fresh();
    let registered = registered.to_vec();
    site.edit(id, agent, move |session: &mut Session| {
        session.place = place.to_owned();
        session.date = date;
        session.start = time(9, 30, 0, 0);
        session.end = time(11, 30, 0, 0);
        for (n, person) in (0..).zip(registered) {
            let entry = Registration {
                person,
                at: Timestamp(n),
                ..Registration::default()
            };
            session.registrations.insert(RegistrationId::fresh(), entry);
        }
    })
    .await
    .expect("a session");
    id
}

impl System {
    /// A hub and two laptops that hold the same and are online.
    async fn new() -> Self {
        let territory = Territory::new().await;
        let hub = serve(program::hub(), &territory.hub());
        let mut laptops = Vec::new();
        for n in 1..=2 {
            let directory = territory.directory.path().join(format!("portable-{n}"));
            let link = Link::to(hub.address());
            let ticket = command(
                program::hub(),
                &territory.hub(),
                &[
                    "ticket",
                    "create",
                    "--json",
                    "--name",
                    &format!("Portable {n}"),
                    "--address",
                    &link.url(),
                ],
            );
            let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
            run(program::node(), &directory, &["enrol", &ticket]);
            assert_eq!(
                command(program::node(), &directory, &["sync", "--json"])["identical"],
                true
            );
            let program = serve(program::node(), &directory);
            laptops.push(Laptop {
                directory,
                link,
                program: Some(program),
            });
        }
        Self {
            territory,
            hub: Some(hub),
            laptops,
        }
    }

    fn hub(&self) -> &Program {
        self.hub.as_ref().expect("the hub runs")
    }

    /// Exchanges, as an agent asks for it, until all three sites hold the same; a handful of times at most.
    async fn until_identical(&self) {
        for _ in 0..5 {
            for laptop in &self.laptops {
                let agent = laptop.agent().await;
                agent.act("/synchronisation/maintenant", &[]).await;
            }
            let prints = self.fingerprints();
            if prints.iter().all(|print| *print == prints[0]) {
                return;
            }
        }
        panic!("the sites are not identical: {:?}", self.fingerprints());
    }

    fn fingerprints(&self) -> Vec<String> {
        let hub = (program::hub(), self.territory.hub());
        let laptops = self
            .laptops
            .iter()
            .map(|laptop| (program::node(), laptop.directory.clone()));
        std::iter::once(hub)
            .chain(laptops)
            .map(|(program, data)| {
                let status = command(program, &data, &["status", "--json"]);
                status["fingerprint"]
                    .as_str()
                    .expect("a fingerprint")
                    .to_owned()
            })
            .collect()
    }

    /// The main parts of a page on all three sites, which must be the same; answers it.
    async fn same_page(&self, path: &str) -> String {
        let at_hub = steady(
            &Agent::sign_in(self.hub(), LOGIN, PASSPHRASE)
                .await
                .get(path)
                .await,
        );
        for laptop in &self.laptops {
            let here = steady(&laptop.agent().await.get(path).await);
            assert_eq!(
                here, at_hub,
                "{path} differs between {:?} (left) and the hub (right)",
                laptop.directory
            );
        }
        at_hub
    }

    fn restart_hub(&mut self) {
        let hub = serve(program::hub(), &self.territory.hub());
        for laptop in &self.laptops {
            laptop.link.point_at(hub.address());
        }
        self.hub = Some(hub);
    }
}

impl Laptop {
    async fn agent(&self) -> Agent {
        let program = self.program.as_ref().expect("the laptop runs");
        Agent::sign_in(program, LOGIN, PASSPHRASE).await
    }

    fn restart(&mut self) {
        self.program = Some(serve(program::node(), &self.directory));
    }
}

/// The main part of a page without the id that a form draws afresh each time.
fn steady(page: &str) -> String {
    // Only the hub leads to the page that erases a person.
    let main = main_of(page).lines();
    let main: Vec<&str> = main.filter(|line| !line.contains("/effacer\"")).collect();
    let main = main.join("\n");
    let Some((before, rest)) = main.split_once("name=\"id\" value=\"") else {
        return main;
    };
    format!(
        "{before}{}",
        rest.split_once('"').map_or("", |(_, rest)| rest)
    )
}

fn serve(program: &Path, data: &Path) -> Program {
    tokio::task::block_in_place(|| Program::serve(program, data, &[]))
}

fn run(program: &Path, data: &Path, arguments: &[&str]) -> program::Finished {
    let data = data.to_str().expect("plain names");
    let arguments = [arguments, &["--data", data]].concat();
    tokio::task::block_in_place(|| program::run(program, &arguments)).success()
}

fn command(program: &Path, data: &Path, arguments: &[&str]) -> serde_json::Value {
    run(program, data, arguments).json()
}

/// Changes one field of a person by the form, as it stands on this site.
async fn change(agent: &Agent, person: PersonId, field: &str, value: &str) {
    let path = format!("/personnes/{person}/modifier");
    let mut fields = form_fields(&agent.get(&path).await, &path);
    fields
        .iter_mut()
        .filter(|(name, _)| name == field)
        .for_each(|(_, v)| value.clone_into(v));
    agent.act(&path, &borrowed(&fields)).await;
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Writes down somebody who walks into a session; whether the site confirmed it.
async fn walk_in(
    agent: &Agent,
    session: SessionId,
    given: &str,
    family: &str,
    phone: &str,
) -> bool {
    let id = PersonId::fresh().to_string();
    let fields = [
        ("id", id.as_str()),
        ("family_name", family),
        ("given_name", given),
        ("phone", phone),
        ("known", "no"),
        ("walk_in", "1"),
    ];
    agent
        .try_act(&format!("/ateliers/{session}/nouvelle"), &fields)
        .await
}

/// Writes one person after another, telling the phones of those that were confirmed, until the site is gone.
async fn keep_writing(
    agent: Agent,
    session: SessionId,
    round: usize,
    told: watch::Sender<Vec<String>>,
) {
    for n in 0.. {
        let phone = format!("06 99 {round:02} {:02} {:02}", n / 100, n % 100);
        if !walk_in(
            &agent,
            session,
            "Test",
            &format!("Confirmée {round} {n}"),
            &phone,
        )
        .await
        {
            return;
        }
        told.send_modify(|phones| phones.push(phone));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_laptops_and_the_hub_edit_the_same_things_apart_and_become_one() {
    let system = System::new().await;
    let Territory {
        ref people,
        last_seat,
        today,
        ..
    } = system.territory;
    let (ahmed, ines, sylvie) = (people[3], people[4], people[0]);
    system.laptops.iter().for_each(|laptop| laptop.link.cut());
    let one = system.laptops[0].agent().await;
    let two = system.laptops[1].agent().await;
    let hub = Agent::sign_in(system.hub(), LOGIN, PASSPHRASE).await;

    // The last seat of one session, taken on both.
    let register = format!("/ateliers/{last_seat}/inscrire");
    one.act(&register, &[("person", &ahmed.to_string())]).await;
    two.act(&register, &[("person", &ines.to_string())]).await;
    // One person's phone, changed on both.
    change(&one, sylvie, "phone", "06 77 00 00 01").await;
    change(&two, sylvie, "phone", "06 77 00 00 02").await;
    // The same walk-in, written on both.
    assert!(walk_in(&one, today, "Jeanne", "Nouvelle", "06 88 00 00 01").await);
    assert!(walk_in(&two, today, "Jeanne", "Nouvelle", "06 88 00 00 01").await);
    // Cancelled at the hub while attendance is recorded in the village.
    let sheet = one.get(&format!("/ateliers/{today}")).await;
    let mark = sheet
        .split("action=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|action| action.ends_with("/presence"))
        .expect("somebody to mark");
    one.act(mark, &[("attendance", "present")]).await;
    hub.act(
        &format!("/ateliers/{today}/annuler"),
        &[("reason", "Salle fermée")],
    )
    .await;
    // At the counter, without a name.
    let counter = one.get("/demandes").await;
    let mut fields = form_fields(&counter, "/demandes");
    fields.retain(|(name, _)| !matches!(name.as_str(), "operator" | "duration"));
    fields.extend(
        [("operator", "msa"), ("duration", "15")].map(|(n, v)| (n.to_owned(), v.to_owned())),
    );
    one.act("/demandes", &borrowed(&fields)).await;

    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut order = [0, 1];
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    for n in order {
        system.laptops[n].link.resume();
        system.laptops[n]
            .agent()
            .await
            .act("/synchronisation/maintenant", &[])
            .await;
    }
    system.until_identical().await;

    let seats = system.same_page(&format!("/ateliers/{last_seat}")).await;
    for name in ["Ahmed CROS", "Inès FERREIRA", "Sylvie CARAYON"] {
        assert!(seats.contains(name), "{name} is gone");
    }
    let call = &seats[seats.find("id=\"a-appeler\"").expect("a part for calls")..];
    let call = &call[..call.find("</section>").expect("its end")];
    // One of them lost the seat that was promised: that one is named, with the phone, and the other is not. Which one,
    // two clocks that follow the hub's to within milliseconds decide.
    let called = [
        ("Ahmed CROS", "06 10 00 00 04"),
        ("Inès FERREIRA", "06 10 00 00 05"),
    ]
    .map(|(name, phone)| {
        assert_eq!(call.contains(name), call.contains(phone), "{call}");
        call.contains(name)
    });
    assert!(called[0] != called[1], "{call}");
    assert!(seats.contains("1er en attente"));

    let person = system.same_page(&format!("/personnes/{sylvie}")).await;
    assert!(
        person.contains("06 77 00 00 01") && person.contains("06 77 00 00 02"),
        "one phone is gone"
    );

    let cancelled = system.same_page(&format!("/ateliers/{today}")).await;
    assert!(cancelled.contains("Annulé") && cancelled.contains("Salle fermée"));
    assert!(cancelled.contains("Présent"), "the attendance is gone");
    assert_eq!(
        cancelled.matches("Jeanne NOUVELLE").count() / 2 * 2,
        cancelled.matches("Jeanne NOUVELLE").count()
    );
    assert!(
        cancelled.matches("Jeanne NOUVELLE").count() >= 2,
        "one of the two walk-ins is gone"
    );
    system.same_page("/ateliers").await;
    system.same_page("/personnes").await;
    let demandes = system.same_page("/demandes").await;
    assert!(demandes.contains("MSA"), "the demande is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_moment_loses_nothing_that_a_page_confirmed() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut system = System::new().await;
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..6 {
        let (told, mut heard) = watch::channel(Vec::new());
        let agent = system.laptops[round % 2].agent().await;
        let writing = tokio::spawn(keep_writing(agent, system.territory.today, round, told));
        let enough: usize = rng.random_range(1..6);
        let seen = heard
            .wait_for(|phones: &Vec<String>| phones.len() >= enough)
            .await;
        drop(seen.expect("somebody writes"));
        // The next act is somewhere between the browser and the disk, the last one perhaps on its way to the hub.
        if rng.random_bool(0.5) {
            system.hub.take().expect("the hub runs").kill();
            system.restart_hub();
        }
        system.laptops[round % 2]
            .program
            .take()
            .expect("it runs")
            .kill();
        writing.await.expect("the writer ends with the program");
        confirmed.extend(heard.borrow().iter().cloned());
        system.laptops[round % 2].restart();
    }
    system.until_identical().await;
    let hub = Agent::sign_in(system.hub(), LOGIN, PASSPHRASE).await;
    for phone in &confirmed {
        let found = hub
            .send("/personnes/recherche", &[("q", phone)])
            .await
            .text()
            .await
            .expect("a page");
        assert!(
            found.contains("Test CONFIRMÉE"),
            "the person with {phone} is gone (seed {seed})"
        );
    }
    assert_eq!(
        run(
            program::node(),
            &system.laptops[0].directory,
            &["status", "--json"]
        )
        .json()["pending"],
        0
    );
    let at_hub = command(
        program::hub(),
        &system.territory.hub(),
        &["status", "--json"],
    );
    let laptops = at_hub["laptops"].as_array().map(Vec::len);
    assert_eq!(
        laptops,
        Some(2),
        "a laptop was taken for a copy (seed {seed})"
    );
}

#[test]
fn a_directory_in_use_or_written_by_a_newer_version_is_refused_by_its_own_exit_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().to_str().expect("plain names");
    for (program, command) in [(program::hub(), "hub"), (program::node(), "node")] {
        let data = format!("{data}/{command}");
        let serving = Program::serve(program, Path::new(&data), &[]);
        let second = program::run(
            program,
            &["serve", "--data", &data, "--listen", "127.0.0.1:0"],
        );
        assert_eq!(second.code, Some(3), "{second:?}");
        assert!(
            second.stderr.contains("déjà ouvert par un autre programme"),
            "{second:?}"
        );
        // A command beside a serving program is no second server.
        let beside = program::run(program, &["status", "--data", &data]);
        assert_eq!(beside.code, Some(0), "{beside:?}");
        let (status, log) = serving.stop();
        assert!(status.success(), "{log}");

        let database = rusqlite::Connection::open(Path::new(&data).join("maison.db"));
        let newer = database.and_then(|c| c.execute("UPDATE migration SET number = 999", []));
        newer.expect("the database");
        let refused = program::run(program, &["status", "--data", &data]);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(
            refused.stderr.contains("mettez le programme à jour"),
            "{refused:?}"
        );
    }
}
