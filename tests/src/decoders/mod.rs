//! Everything that reads bytes from elsewhere, each as a function that must come back whatever it is given.
//!
//! One list for two readers: the fuzzers in `tests/fuzz`, which look for bytes that break something, and the test
//! `hostile_bytes`, which gives what they found, and many altered honest messages, to the same functions on any machine.

mod sealed;

use std::fmt::Debug;
use std::io::Cursor;
use std::panic::{PanicHookInfo, set_hook, take_hook};

use age::x25519::{Identity, Recipient};
use ed25519_dalek::SigningKey;
use shared::document::foreign;
use shared::document::{Kind, OpenDocument};
use shared::domain::person::Person;
use shared::exchange::stick::{self, Letter};
use shared::exchange::{Answerer, Caller, ExchangeError, MIGRATIONS};
use shared::ids::{AgentId, DocumentId, PersonId, ReplicaId};
use shared::joining::signature::{Claim, Nonce};
use shared::joining::ticket::Ticket;
use shared::ledger::{changes, hub_key, replica};
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
    "letter_records",
    "return_records",
    "ticket",
    "claim",
    "import",
];

/// Where every clock stands.
const NOW: Timestamp = Timestamp(1_795_681_800_000);

// What the sites are called, so that what was found with one pair of them says the same to the next.
const HUB: ReplicaId = ReplicaId(uuid::Uuid::from_u128(11));
const LAPTOP: ReplicaId = ReplicaId(uuid::Uuid::from_u128(12));
/// The hub's epoch.
const EPOCH: [u8; 16] = [13; 16];
/// Crates that panic at bytes that they do not expect, which the program catches.
const CAUGHT: &[&str] = &["/automerge-", "/hexane-", "/calamine-", "/zip-"];

/// Gives bytes to a decoder on behalf of a fuzzer.
///
/// # Panics
/// As [`Ground::read`]; what the program catches is no find.
pub fn hunt(name: &str, bytes: &[u8]) {
    thread_local! {
        static GROUND: Ground = {
            let end_the_search = take_hook();
            set_hook(Box::new(move |panic| {
                if !is_caught(panic) {
                    end_the_search(panic);
                }
            }));
            Ground::default()
        };
    }
    GROUND.with(|ground| ground.read(name, bytes));
}

/// Whether the program is ready for this panic. Where it is not, the panic comes out at the end of [`Ground::read`].
fn is_caught(panic: &PanicHookInfo<'_>) -> bool {
    let place = panic.location().map_or("", |location| location.file());
    CAUGHT.iter().any(|name| place.contains(name))
}

/// A hub and a laptop to read for.
pub struct Ground {
    runtime: Runtime,
    hub: Site,
    laptop: Site,
    keys: Keys,
    _directories: [TempDir; 2],
}

/// Whose files the sites take, and who can read them.
struct Keys {
    /// Signs what comes from the hub. The hub believes it of the laptop as well.
    signer: SigningKey,
    hub: Identity,
    laptop: Identity,
}

impl Default for Ground {
    fn default() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let [hub, laptop] = &directories;
        let hub = runtime.block_on(site(hub, HUB));
        let laptop = runtime.block_on(site(laptop, LAPTOP));
        let keys = runtime.block_on(keys(&hub, &laptop));
        let ground = Self {
            hub,
            laptop,
            runtime,
            keys,
            _directories: directories,
        };
        ground.runtime.block_on(ground.begin());
        ground
    }
}

/// A new site of this name.
async fn site(directory: &TempDir, name: ReplicaId) -> Site {
    let open = async || {
        let opened = Site::open(
            directory.path(),
            &[MIGRATIONS],
            Clock::fixed(NOW),
            |_, _| (),
        );
        opened.await.expect("a site")
    };
    let site = open().await;
    let named = site.write(move |work| Ok(replica::set_id(work.connection(), name)?));
    named.await.expect("a name");
    site.close().await;
    open().await
}

/// Lets the sites exchange by stick.
async fn keys(hub: &Site, laptop: &Site) -> Keys {
    let own = async |site: &Site| {
        let drawn = site.write(|work| {
            stick::ensure_recipient(work.connection())?;
            Ok(replica::get(work.connection(), "stick.identity")?)
        });
        let text = drawn.await.expect("keys").expect("an identity");
        let text = String::from_utf8(text).expect("text");
        text.parse::<Identity>().expect("an identity")
    };
    let drawn = hub.write(|work| {
        replica::set(work.connection(), "exchange.own_epoch", &EPOCH)?;
        Ok(hub_key::ensure_own(work.connection())?)
    });
    let keys = Keys {
        signer: drawn.await.expect("a key"),
        hub: own(hub).await,
        laptop: own(laptop).await,
    };
    let hub_key = keys.signer.verifying_key();
    let recipient = keys.hub.to_public().to_string();
    let kept = laptop.write(move |work| {
        hub_key::keep(work.connection(), &hub_key)?;
        Ok(stick::keep_hub(work.connection(), &recipient)?)
    });
    kept.await.expect("kept");
    keys
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

    async fn respond(&self, request: &[u8]) -> Result<Vec<u8>, ExchangeError> {
        let mut answerer = Answerer::new(self.hub.clone(), LAPTOP)?;
        answerer.push(request).await?;
        let mut answer = answerer.finish()?;
        let mut response = Vec::new();
        while let Some(chunk) = answer.next_chunk().await? {
            response.extend(chunk);
        }
        Ok(response)
    }

    /// Gives bytes to a decoder.
    ///
    /// # Panics
    /// When the decoder does, or there is none of that name.
    pub fn read(&self, name: &str, bytes: &[u8]) {
        match name {
            "request" => self.request(bytes),
            "request_frames" => self.request(&body(bytes)),
            "response" => self.runtime.block_on(self.push(bytes)),
            "response_frames" => self.runtime.block_on(self.push(&body(bytes))),
            "change" => change(bytes),
            "stick_at_hub" => self.letter(bytes),
            "stick_returned" => self.returned(bytes),
            "letter_records" => self.letter(&self.sealed(bytes, &self.keys.hub)),
            "return_records" => self.returned(&self.sealed(bytes, &self.keys.laptop)),
            "ticket" => ticket(bytes),
            "claim" => {
                let _ = Claim::from_header(&text(bytes));
                let _ = Nonce::from_text(&text(bytes));
            }
            "import" => drop(hub::import::preview(bytes, &[], NOW.date())),
            other => panic!("no decoder {other}"),
        }
    }

    fn request(&self, bytes: &[u8]) {
        settled(self.runtime.block_on(self.respond(bytes)));
    }

    fn letter(&self, bytes: &[u8]) {
        let taken = async {
            let letter = Letter::read(&self.hub, Cursor::new(bytes.to_vec())).await?;
            let key = self.keys.signer.verifying_key();
            letter.take(&key, Vec::new(), |_, _| ()).await
        };
        settled(self.runtime.block_on(taken));
    }

    fn returned(&self, bytes: &[u8]) {
        let file = Cursor::new(bytes.to_vec());
        let import = stick::import(&self.laptop, HUB, file, |_, _| ());
        settled(self.runtime.block_on(import));
    }

    fn sealed(&self, records: &[u8], to: &Identity) -> Vec<u8> {
        let to: Recipient = to.to_public();
        sealed::file(records, &to, &self.keys.signer)
    }

    /// A laptop's file for the hub.
    async fn exported(&self, laptop: &Site) -> Vec<u8> {
        // Which key a laptop signs with does not matter here.
        let key = self.keys.signer.clone();
        let exported = stick::export(laptop, key, HUB, Vec::new(), |_, _| ());
        exported.await.expect("exported").1
    }

    /// The hub's whole ledger in a return file, as a laptop of this name gets it that is new, and who can read it. News
    /// alone would be for one laptop with its very changes.
    async fn whole(&self) -> (Vec<u8>, Identity) {
        let directory = tempfile::tempdir().expect("a directory");
        let fresh = site(&directory, LAPTOP).await;
        let identity = keys(&self.hub, &fresh).await.laptop;
        let letter = Cursor::new(self.exported(&fresh).await);
        let letter = Letter::read(&self.hub, letter).await.expect("read");
        let key = self.keys.signer.verifying_key();
        let taken = letter.take(&key, Vec::new(), |_, _| ()).await;
        fresh.close().await;
        (taken.expect("taken").1, identity)
    }

    async fn push(&self, response: &[u8]) {
        let mut caller = Caller::new(self.laptop.clone());
        let pushed = async {
            caller.next_request().await?;
            caller.push(response).await?;
            caller.end_of_response().await
        };
        settled(pushed.await);
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
            let letter = self.exported(&self.laptop).await;
            let (returned, receiver) = self.whole().await;
            let ticket = Ticket {
                addresses: vec!["http://127.0.0.1:8080".to_owned()],
                secret: [7; 16].into(),
                pins: None,
            };
            let claim = format!("Maison {}.{}", self.laptop.replica(), "A".repeat(86));
            vec![
                ("request_frames", content(&request)),
                ("response_frames", content(&response)),
                ("request", request),
                ("response", response),
                ("change", change.bytes),
                ("letter_records", sealed::records(&letter, &self.keys.hub)),
                ("return_records", sealed::records(&returned, &receiver)),
                ("stick_at_hub", letter),
                ("stick_returned", returned),
                ("ticket", minicbor::to_vec(ticket).expect("memory")),
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

/// Any answer will do but that the work was broken off: something panicked in the store, which goes on.
fn settled<T, E: Debug>(outcome: Result<T, E>) {
    if let Err(error) = outcome {
        let error = format!("{error:?}");
        assert!(!error.contains("Interrupted"), "{error}");
    }
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
    const DICTIONARY: &[u8] = include_bytes!("../../../shared/src/exchange/dictionary");
    let mut content = Vec::new();
    let decoder = zstd::Decoder::with_dictionary(&body[2..], DICTIONARY);
    let read = decoder.and_then(|mut decoder| decoder.read_to_end(&mut content));
    read.expect("an honest body");
    content
}

/// As a text, and as what the checksum of a text has let through.
fn ticket(bytes: &[u8]) {
    let _ = text(bytes).parse::<Ticket>();
    let _ = minicbor::decode(bytes).map(|ticket: Ticket| (ticket.pins(), ticket.to_string()));
}

/// With the checksum that fits, which no search hits by chance.
fn change(bytes: &[u8]) {
    let id = DocumentId(uuid::Uuid::from_u128(7));
    let mut fitting = bytes.to_vec();
    if let Some(checksum) = fitting.get_mut(4..8) {
        checksum.copy_from_slice(&foreign::claimed_hash(bytes)[..4]);
    }
    let bytes = &fitting;
    for kind in [Kind::Person, Kind::Session, Kind::Register] {
        if foreign::parse(id, kind, bytes.clone()).is_ok() {
            let _ = OpenDocument::genesis(kind, id).apply_one(bytes);
        }
    }
}
