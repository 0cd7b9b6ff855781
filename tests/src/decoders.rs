//! Everything that reads bytes from elsewhere, each as a function that must come back whatever it is given.
//!
//! One list for two readers: the fuzzers in `tests/fuzz`, which look for bytes that break something, and the test
//! `hostile_bytes`, which gives what they found, and many altered honest messages, to the same functions on any machine.

use std::io::Cursor;

use shared::document::foreign;
use shared::document::{Kind, OpenDocument};
use shared::domain::person::Person;
use shared::exchange::stick::{self, Letter};
use shared::exchange::{Answerer, Caller, MIGRATIONS};
use shared::ids::{AgentId, DocumentId, PersonId, ReplicaId};
use shared::joining::signature::{Claim, Nonce};
use shared::joining::ticket::Ticket;
use shared::ledger::{changes, hub_key};
use shared::site::Site;
use shared::time::{Clock, Timestamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The decoders by name. A name is also a fuzz target's and a directory of its corpus.
pub const NAMES: &[&str] = &[
    "request",
    "request_frames",
    "response",
    "response_frames",
    "change",
    "stick_at_hub",
    "stick_returned",
    "ticket",
    "claim",
    "import",
];

/// Where every clock stands.
const NOW: Timestamp = Timestamp(1_795_681_800_000);

/// A hub and a laptop to read for.
pub struct Ground {
    runtime: Runtime,
    hub: Site,
    laptop: Site,
    _directories: [TempDir; 2],
}

impl Default for Ground {
    fn default() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let [hub, laptop] = &directories;
        let open = |directory: &TempDir| {
            let path = directory.path().to_owned();
            let site =
                async move { Site::open(&path, &[MIGRATIONS], Clock::fixed(NOW), |_, _| ()).await };
            runtime.block_on(site).expect("a site")
        };
        let (hub, laptop) = (open(hub), open(laptop));
        let ground = Self {
            hub,
            laptop,
            runtime,
            _directories: directories,
        };
        ground.runtime.block_on(ground.begin());
        ground
    }
}

impl Ground {
    /// Something in both ledgers, one exchange, then something pending on the laptop.
    async fn begin(&self) {
        write(&self.hub).await;
        write(&self.laptop).await;
        let mut caller = Caller::new(self.laptop.clone());
        while let Some(request) = caller.next_request().await.expect("a request") {
            let response = self.respond(&request).await.expect("an answer");
            caller.push(&response).await.expect("understood");
            caller.end_of_response().await.expect("whole");
        }
        write(&self.laptop).await;
        write(&self.hub).await;
    }

    async fn respond(&self, request: &[u8]) -> Option<Vec<u8>> {
        let laptop = self.laptop.replica();
        let mut answerer = Answerer::new(self.hub.clone(), laptop).ok()?;
        answerer.push(request).await.ok()?;
        let mut answer = answerer.finish().ok()?;
        let mut response = Vec::new();
        while let Some(chunk) = answer.next_chunk().await.ok()? {
            response.extend(chunk);
        }
        Some(response)
    }

    /// Gives bytes to a decoder.
    ///
    /// # Panics
    /// When the decoder does, or there is none of that name.
    pub fn read(&self, name: &str, bytes: &[u8]) {
        match name {
            "request" => drop(self.runtime.block_on(self.respond(bytes))),
            "request_frames" => drop(self.runtime.block_on(self.respond(&body(bytes)))),
            "response" => self.runtime.block_on(self.push(bytes)),
            "response_frames" => self.runtime.block_on(self.push(&body(bytes))),
            "change" => change(bytes),
            "stick_at_hub" => {
                let file = Cursor::new(bytes.to_vec());
                drop(self.runtime.block_on(Letter::read(&self.hub, file)));
            }
            "stick_returned" => {
                let file = Cursor::new(bytes.to_vec());
                let import = stick::import(&self.laptop, self.hub.replica(), file, |_, _| ());
                drop(self.runtime.block_on(import));
            }
            "ticket" => drop(text(bytes).parse::<Ticket>()),
            "claim" => {
                let _ = Claim::from_header(&text(bytes));
                let _ = Nonce::from_text(&text(bytes));
            }
            "import" => drop(hub::import::preview(bytes, &[], NOW.date())),
            other => panic!("no decoder {other}"),
        }
    }

    /// A laptop's file for the hub, and the file that goes back.
    async fn stick(&self) -> (Vec<u8>, Vec<u8>) {
        let keys = self.hub.write(|work| {
            let recipient = stick::ensure_recipient(work.connection())?;
            Ok((hub_key::ensure_own(work.connection())?, recipient))
        });
        let (key, recipient) = keys.await.expect("keys");
        let hub_key = key.verifying_key();
        let keep = self.laptop.write(move |work| {
            hub_key::keep(work.connection(), &hub_key)?;
            Ok(stick::keep_hub(work.connection(), &recipient)?)
        });
        keep.await.expect("kept");
        // Which key a laptop signs with does not matter here.
        let replica = self.hub.replica();
        let exported = stick::export(&self.laptop, key, replica, Vec::new(), |_, _| ());
        let (_, letter) = exported.await.expect("exported");
        let read = Letter::read(&self.hub, Cursor::new(letter.clone())).await;
        let taken = read.expect("read").take(&hub_key, Vec::new(), |_, _| ());
        let (_, returned) = taken.await.expect("taken");
        (letter, returned)
    }

    async fn push(&self, response: &[u8]) {
        let mut caller = Caller::new(self.laptop.clone());
        if caller.next_request().await.is_ok() && caller.push(response).await.is_ok() {
            let _ = caller.end_of_response().await;
        }
    }

    /// Honest bytes for each decoder: where a search begins.
    #[must_use]
    pub fn honest(&self) -> Vec<(&'static str, Vec<u8>)> {
        self.runtime.block_on(async {
            let mut caller = Caller::new(self.laptop.clone());
            let request = caller.next_request().await.ok().flatten();
            let request = request.expect("a request");
            let response = self.respond(&request).await.expect("an answer");
            let change = self
                .laptop
                .read(|c| Ok(changes::since(c, 0, ReplicaId(uuid::Uuid::nil()), 1)?));
            let change = change.await.expect("a reading").remove(0).change;
            let (letter, returned) = self.stick().await;
            let claim = format!("Maison {}.{}", self.laptop.replica(), "A".repeat(86));
            vec![
                ("request_frames", content(&request)),
                ("response_frames", content(&response)),
                ("request", request),
                ("response", response),
                ("change", change.bytes),
                ("stick_at_hub", letter),
                ("stick_returned", returned),
                ("ticket", b"MAISON-1-AAAA".to_vec()),
                ("claim", claim.into_bytes()),
                (
                    "import",
                    "nom;prénom;téléphone\nCros;Anne;0600000000\n".into(),
                ),
            ]
        })
    }
}

async fn write(site: &Site) {
    let agent = AgentId(uuid::Uuid::from_u128(1));
    let change = |person: &mut Person| person.family_name = "Cros".into();
    let written = site.edit(PersonId::fresh(), agent, change).await;
    written.expect("written");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A body with this content: fuzzers do not get through a compressed stream by themselves.
fn body(content: &[u8]) -> Vec<u8> {
    let mut body = vec![b'M', 2];
    body.extend(zstd::encode_all(content, 1).expect("memory"));
    body
}

/// The content of a body.
fn content(body: &[u8]) -> Vec<u8> {
    use std::io::Read;
    const DICTIONARY: &[u8] = include_bytes!("../../shared/src/exchange/dictionary");
    let mut content = Vec::new();
    let decoder = zstd::Decoder::with_dictionary(&body[2..], DICTIONARY);
    let read = decoder.and_then(|mut decoder| decoder.read_to_end(&mut content));
    read.expect("an honest body");
    content
}

fn change(bytes: &[u8]) {
    let id = DocumentId(uuid::Uuid::from_u128(7));
    for kind in [Kind::Person, Kind::Session, Kind::Register] {
        if foreign::parse(id, kind, bytes.to_vec()).is_ok() {
            let _ = OpenDocument::genesis(kind, id).apply_one(bytes);
        }
    }
}
