//! Tests of whole exchanges on real files: a line in memory carries the bytes, counts them and cuts them.
//!
//! The names below are what the tests beside this file share.

mod cuts;
mod durable;
mod equality;
mod erasing;
mod held;
mod hostile;
mod receipts;
mod repair;
mod sections;
mod sticks;
mod versions;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use tempfile::TempDir;

use super::position::{self, Pending};
use super::{Answerer, Caller, ExchangeError, Heard, Report, Sections};
use crate::domain::person::Person;
use crate::domain::session::{Registration, Session};
use crate::exchange::MIGRATIONS;
use crate::ids::{AgentId, PersonId, RegistrationId, SessionId};
use crate::ledger::{Fingerprint, hub_key, replica};
use crate::site::Site;
use crate::time::{Clock, Timestamp};

/// Where every clock of these tests stands.
const NOW: Timestamp = Timestamp(1_795_681_800_000);

struct Place {
    site: Site,
    sections: Sections,
    directory: TempDir,
}

async fn place() -> Place {
    open(tempfile::tempdir().unwrap()).await
}

async fn hub() -> Place {
    let hub = place().await;
    hub.site
        .write(|work| {
            hub_key::ensure_own(work.connection())?;
            Ok(position::ensure_own_epoch(work.connection())?)
        })
        .await
        .unwrap();
    hub
}

async fn open(directory: TempDir) -> Place {
    let site = Site::open(
        directory.path(),
        &[MIGRATIONS],
        Clock::fixed(NOW),
        |_, _| (),
    )
    .await
    .unwrap();
    Place {
        site,
        // Short ones, so that every test has some.
        sections: Sections::of(8),
        directory,
    }
}

impl Place {
    /// An image of the disk as it is now.
    fn image(&self) -> TempDir {
        let image = tempfile::tempdir().unwrap();
        let database = Connection::open(self.directory.path().join("maison.db")).unwrap();
        let copy = image.path().join("maison.db");
        database
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
        image
    }

    async fn fingerprint(&self) -> Fingerprint {
        self.site
            .read(|c| Ok(replica::fingerprint(c)?))
            .await
            .unwrap()
    }

    async fn pending(&self) -> Pending {
        self.site.read(|c| Ok(position::pending(c)?)).await.unwrap()
    }

    async fn add_person(&self, family: &str) -> PersonId {
        let id = PersonId::fresh();
        self.rename(id, family).await;
        id
    }

    async fn rename(&self, id: PersonId, family: &str) {
        let family = family.to_owned();
        self.site
            .edit(id, agent(), move |person: &mut Person| {
                person.family_name = family;
            })
            .await
            .unwrap();
    }

    async fn family_name(&self, id: PersonId) -> Option<String> {
        let document = self.site.document(id).await.unwrap()?;
        Some(document.value::<Person>().unwrap().family_name)
    }

    async fn count(&self) -> u64 {
        self.fingerprint().await.count
    }
}

fn agent() -> AgentId {
    AgentId(uuid::Uuid::from_u128(1))
}

/// A line that carries so many bytes each way, then is cut.
#[derive(Clone, Copy, Debug)]
struct Line {
    up_max: usize,
    down_max: usize,
    /// Bytes that arrive at once.
    step: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            up_max: usize::MAX,
            down_max: usize::MAX,
            step: 1400,
        }
    }
}

/// What a test sees of one exchange.
#[derive(Debug)]
struct Carried {
    report: Report,
    heard: Heard,
    error: Option<ExchangeError>,
    /// The line was cut.
    is_cut: bool,
}

async fn exchange(laptop: &Place, hub: &Place) -> Report {
    let carried = exchange_over(
        Line::default(),
        Caller::new(laptop.site.clone()),
        laptop,
        hub,
    )
    .await;
    assert!(carried.error.is_none(), "{:?}", carried.error);
    carried.report
}

async fn exchange_over(line: Line, mut caller: Caller, laptop: &Place, hub: &Place) -> Carried {
    let mut heard = Heard::default();
    let outcome = carry(line, &mut caller, laptop, hub, &mut heard).await;
    Carried {
        report: caller.report(),
        heard,
        is_cut: matches!(outcome, Ok(false)),
        error: outcome.err(),
    }
}

/// Carries bytes until the exchange is over (true) or the line is cut (false).
async fn carry(
    line: Line,
    caller: &mut Caller,
    laptop: &Place,
    hub: &Place,
    heard: &mut Heard,
) -> Result<bool, ExchangeError> {
    let (mut up, mut down) = (line.up_max, line.down_max);
    while let Some(request) = caller.next_request().await? {
        let mut answerer = Answerer::new(hub.site.clone(), laptop.site.replica())?
            .with_sections(hub.sections.clone());
        for bytes in request[..request.len().min(up)].chunks(line.step) {
            answerer.push(bytes).await?;
        }
        if request.len() > up {
            // Or it had seen enough to ask for the whole request in another form.
            let cut = answerer.finish();
            assert!(matches!(cut, Ok(_) | Err(ExchangeError::Truncated)));
            return Ok(false);
        }
        up -= request.len();
        let mut answer = answerer.finish()?;
        while let Some(chunk) = answer.next_chunk().await? {
            for bytes in chunk[..chunk.len().min(down)].chunks(line.step) {
                caller.push(bytes).await?;
            }
            if chunk.len() > down {
                return Ok(false);
            }
            down -= chunk.len();
        }
        *heard = answer.heard();
        caller.end_of_response().await?;
    }
    Ok(true)
}

/// Edits as agents make them: people, sessions and registrations, new ones and known ones.
struct Agents {
    random: StdRng,
    people: Vec<PersonId>,
    sessions: Vec<SessionId>,
}

impl Agents {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            people: Vec::new(),
            sessions: Vec::new(),
        }
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        match list.len() {
            0 => None,
            length => Some(list[self.random.random_range(0..length)]),
        }
    }

    async fn edit(&mut self, place: &Place) {
        let number: u32 = self.random.random();
        match self.random.random_range(0..4) {
            0 => {
                let id = place.add_person(&format!("Cros {number}")).await;
                self.people.push(id);
            }
            1 => {
                let people = self.people.clone();
                if let Some(id) = self.pick(&people) {
                    place.rename(id, &format!("Vidal {number}")).await;
                }
            }
            2 => {
                let id = SessionId::fresh();
                self.sessions.push(id);
                let title = |session: &mut Session| session.capacity = 4;
                place.site.edit(id, agent(), title).await.unwrap();
            }
            _ => {
                let sessions = self.sessions.clone();
                if let Some(id) = self.pick(&sessions) {
                    let at = Timestamp(i64::from(number));
                    let register = move |session: &mut Session| {
                        let entry = Registration {
                            at,
                            ..Registration::default()
                        };
                        session.registrations.insert(RegistrationId::fresh(), entry);
                    };
                    place.site.edit(id, agent(), register).await.unwrap();
                }
            }
        }
    }
}
