//! A made-up territory of any size, from a seed: what benchmarks measure on. No person in it exists.

use std::path::Path;

use jiff::ToSpan;
use jiff::civil::{Date, time};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::domain::age::age_band;
use shared::domain::catalog::{Agent, Catalog, catalog_id, default_catalog};
use shared::domain::codes::{Attendance, Channel, Level, Outcome, Role, Theme};
use shared::domain::commune::COMMUNES;
use shared::domain::demande::{Demande, Register, register_id};
use shared::domain::person::Person;
use shared::domain::session::{Registration, Session};
use shared::ids::{AgentId, DemandeId, PersonId, RegistrationId, SessionId};
use shared::ledger::Migrations;
use shared::site::{Site, SiteError};
use shared::time::{Clock, Timestamp};

/// How much to make.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// People.
    pub people: usize,
    /// Sessions, spread over two years before and three months after the last day.
    pub sessions: usize,
    /// Demandes, on the working days of the same two years.
    pub demandes: usize,
}

/// Name to sign in with.
pub const LOGIN: &str = "claire";
/// Its passphrase.
pub const PASSPHRASE: &str = "quatre mots bien choisis";

pub(crate) const FAMILY: &[&str] = &[
    "Barthès",
    "Belot",
    "Carayon",
    "Causse",
    "Cros",
    "El Amrani",
    "Espitalier",
    "Fabre",
    "Ferreira",
    "Garcia",
    "Gayraud",
    "Guiraud",
    "Jullian",
    "Martin",
    "Maurel",
    "Nguyen",
    "Pons",
    "Ribes",
    "Salvayre",
    "Ségura",
    "Soulié",
    "Tarbouriech",
    "Vidal",
    "Viguier",
];
pub(crate) const GIVEN: &[&str] = &[
    "Ahmed",
    "Brigitte",
    "Catherine",
    "Chantal",
    "Colette",
    "Daniel",
    "Denise",
    "Élise",
    "Hélène",
    "Inès",
    "Isabelle",
    "Jean-Baptiste",
    "Josette",
    "Mohamed",
    "Monique",
    "Patrick",
    "Paul",
    "René",
    "Sylvie",
    "Thierry",
    "Yvette",
    "Zoé",
];
/// Fills a new site in `directory` and closes it again; everything on or before `today` has its attendance.
///
/// # Errors
/// What the site says.
pub async fn fill(
    directory: &Path,
    migrations: &[Migrations],
    size: Size,
    today: Date,
    seed: u64,
) -> Result<(), SiteError> {
    let clock = Clock::fixed(Timestamp::of_local(today, time(8, 0, 0, 0)));
    let site = Site::open(directory, migrations, clock, |_, _| ()).await?;
    let mut maker = Maker {
        rng: StdRng::seed_from_u64(seed),
        agent: AgentId::fresh(),
        today,
        places: default_catalog().places.into_keys().collect(),
        operators: default_catalog().operators.into_keys().collect(),
    };
    maker.catalog(&site).await?;
    let people = maker.people(&site, size.people).await?;
    maker.sessions(&site, size.sessions, &people).await?;
    maker.demandes(&site, size.demandes, &people).await
}

struct Maker {
    rng: StdRng,
    agent: AgentId,
    today: Date,
    places: Vec<String>,
    operators: Vec<String>,
}

type Known = (PersonId, Person);

impl Maker {
    async fn catalog(&mut self, site: &Site) -> Result<(), SiteError> {
        let agent = self.agent;
        let passphrase_hash =
            shared::desk::passphrase::hash(PASSPHRASE).expect("the system gives randomness");
        site.edit(catalog_id(), agent, move |catalog: &mut Catalog| {
            *catalog = default_catalog();
            let account = Agent {
                login: LOGIN.to_owned(),
                name: "Claire Fabre".to_owned(),
                role: Role::Administrator,
                passphrase_hash,
                disabled: false,
            };
            catalog.agents.insert(agent, account);
        })
        .await
    }

    async fn people(&mut self, site: &Site, count: usize) -> Result<Vec<Known>, SiteError> {
        let people: Vec<Known> = (0..count)
            .map(|_| (PersonId::fresh(), self.person()))
            .collect();
        let (agent, written) = (self.agent, people.clone());
        site.write(move |work| {
            for (id, person) in written {
                work.edit(id, agent, |fresh: &mut Person| *fresh = person)?;
            }
            Ok(())
        })
        .await?;
        Ok(people)
    }

    fn person(&mut self) -> Person {
        let phone = format!("06{:08}", self.rng.random_range(0..100_000_000u32));
        Person {
            family_name: self.pick(FAMILY).to_uppercase(),
            given_name: self.pick(GIVEN).to_owned(),
            birth_year: self.chance(80).then(|| self.rng.random_range(1930..2012)),
            commune: COMMUNES[self.rng.random_range(0..COMMUNES.len())]
                .insee
                .to_owned(),
            phone: if self.chance(85) {
                phone
            } else {
                String::new()
            },
            level: self
                .chance(70)
                .then(|| Level::ALL[self.rng.random_range(0..Level::ALL.len())]),
            created_at: Some(Timestamp::of_local(self.today, time(8, 0, 0, 0))),
            ..Person::default()
        }
    }

    async fn sessions(
        &mut self,
        site: &Site,
        count: usize,
        people: &[Known],
    ) -> Result<(), SiteError> {
        let sessions: Vec<Session> = (0..count).map(|n| self.session(n, count, people)).collect();
        let agent = self.agent;
        site.write(move |work| {
            for session in sessions {
                work.edit(SessionId::fresh(), agent, |fresh: &mut Session| {
                    *fresh = session
                })?;
            }
            Ok(())
        })
        .await
    }

    fn session(&mut self, n: usize, count: usize, people: &[Known]) -> Session {
        // Two years of past and three months of future, evenly.
        let day = i32::try_from(n * 820 / count.max(1)).unwrap_or(0) - 730;
        let date = self.today + day.days();
        let hour = if self.chance(50) { 9 } else { 14 };
        let mut session = Session {
            place: self.places[self.rng.random_range(0..self.places.len())].clone(),
            date,
            start: time(hour, 30, 0, 0),
            end: time(hour + 2, 30, 0, 0),
            level: Level::ALL[self.rng.random_range(0..Level::ALL.len())],
            animateur: Some(self.agent),
            preparation_min: 30,
            ..Session::default()
        };
        for _ in 0..self.rng.random_range(2..=5) {
            let (person, known) = &people[self.rng.random_range(0..people.len())];
            let attendance = match date <= self.today {
                true if self.chance(85) => Attendance::Present,
                true => Attendance::NoShow,
                false => Attendance::Unknown,
            };
            let registration = Registration {
                person: *person,
                at: Timestamp::of_local(date, time(8, 0, 0, 0)),
                attendance,
                commune: known.commune.clone(),
                age_band: age_band(known.birth_year, date),
                ..Registration::default()
            };
            session
                .registrations
                .insert(RegistrationId::fresh(), registration);
        }
        session
    }

    async fn demandes(
        &mut self,
        site: &Site,
        count: usize,
        people: &[Known],
    ) -> Result<(), SiteError> {
        const A_DAY: usize = 10;
        let agent = self.agent;
        let mut registers = Vec::new();
        for n in 0..count.div_ceil(A_DAY) {
            let day = i32::try_from(n / self.places.len()).unwrap_or(0);
            let date = self.today - day.days();
            let place = self.places[n % self.places.len()].clone();
            let demandes: Vec<Demande> = (0..A_DAY).map(|_| self.demande(date, people)).collect();
            registers.push((place, date, demandes));
        }
        site.write(move |work| {
            for (place, date, demandes) in registers {
                work.edit(
                    register_id(&place, date),
                    agent,
                    |register: &mut Register| {
                        register.place = place;
                        register.date = Some(date);
                        register.demandes = demandes
                            .into_iter()
                            .map(|d| (DemandeId::fresh(), d))
                            .collect();
                    },
                )?;
            }
            Ok(())
        })
        .await
    }

    fn demande(&mut self, date: Date, people: &[Known]) -> Demande {
        let (person, known) = &people[self.rng.random_range(0..people.len())];
        Demande {
            at: Timestamp::of_local(date, time(10, self.rng.random_range(0..60), 0, 0)),
            agent: Some(self.agent),
            person: self.chance(60).then_some(*person),
            operator: self.operators[self.rng.random_range(0..self.operators.len())].clone(),
            theme: Some(Theme::ALL[self.rng.random_range(0..Theme::ALL.len())]),
            channel: Channel::OnSite,
            outcome: Outcome::Settled,
            duration_min: 15,
            commune: known.commune.clone(),
            age_band: age_band(known.birth_year, date),
            ..Demande::default()
        }
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.rng.random_range(0..list.len())]
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }
}
