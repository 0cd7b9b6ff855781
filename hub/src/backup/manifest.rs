//! The head of a backup: its manifest, signed by the hub. Nothing in it is personal, so it stands in the clear, and a
//! list of backups opens none of them.

use std::collections::BTreeMap;
use std::io::Read;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use shared::exchange::position::Epoch;
use shared::ledger::Fingerprint;
use shared::site::Examined;
use shared::time::Timestamp;

use super::BackupError;

/// How every backup begins, before the version.
const MAGIC: &[u8] = b"MAISON-SAUVEGARDE ";
/// The version of this form, and the end of the line.
const VERSION: &[u8] = b"1\n";
/// What is signed begins with this, so that no signature made for another purpose fits.
const CONTEXT: &[u8] = b"maison backup 1\0";
/// A manifest takes some three hundred bytes.
const MANIFEST_BYTES_MAX: usize = 16 * 1024;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The hub's Ed25519 public key.
    #[n(0)]
    hub: ByteArray<32>,
    /// The moment that it is of, in milliseconds since 1970.
    #[n(1)]
    at_ms: i64,
    #[n(2)]
    epoch: ByteArray<16>,
    /// The last position of the ledger.
    #[n(3)]
    pub position: i64,
    #[n(4)]
    fingerprint: ByteArray<40>,
    /// Documents in the ledger.
    #[n(5)]
    pub documents: u64,
    /// Changes in the ledger.
    #[n(6)]
    pub changes: u64,
    /// Erasures in the ledger.
    #[n(7)]
    pub erasures: u64,
    /// Bytes of the files in it, with what stands between them.
    #[n(8)]
    pub content_bytes: u64,
    /// Bytes of the age file.
    #[n(9)]
    pub sealed_bytes: u64,
    /// SHA-256 of the age file.
    #[n(10)]
    pub sealed_sha256: ByteArray<32>,
    /// The version of the program that made it.
    #[n(11)]
    pub program: String,
    /// The number that each list of migrations had reached.
    #[n(12)]
    pub schema: BTreeMap<String, u32>,
}

/// What is known of a copy before it is sealed.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) key: SigningKey,
    pub(super) at: Timestamp,
    pub(super) epoch: Epoch,
    pub(super) examined: Examined,
    pub(super) schema: BTreeMap<String, u32>,
}

/// How large it became.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed {
    pub(super) content_bytes: u64,
    pub(super) sealed_bytes: u64,
    pub(super) sealed_sha256: [u8; 32],
}

impl Manifest {
    pub(super) fn of(copied: &Copied, weighed: Weighed) -> Self {
        let Examined {
            fingerprint,
            position,
            documents,
            changes,
            erasures,
        } = copied.examined;
        Self {
            hub: ByteArray::from(copied.key.verifying_key().to_bytes()),
            at_ms: copied.at.0,
            epoch: ByteArray::from(copied.epoch.0),
            position,
            fingerprint: ByteArray::from(fingerprint.to_bytes()),
            documents,
            changes,
            erasures,
            content_bytes: weighed.content_bytes,
            sealed_bytes: weighed.sealed_bytes,
            sealed_sha256: ByteArray::from(weighed.sealed_sha256),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            schema: copied.schema.clone(),
        }
    }

    /// The moment that the backup is of.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at_ms)
    }

    /// The hub's epoch then.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(*self.epoch)
    }

    /// The fingerprint of the ledger.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Fingerprint::from_bytes(self.fingerprint.as_slice())
    }

    /// Whether it is a backup of the hub with this key.
    #[must_use]
    pub fn is_of(&self, hub: &VerifyingKey) -> bool {
        *self.hub == hub.to_bytes()
    }

    /// Whether a ledger that was looked at is the one that was saved.
    pub(super) fn fits(&self, examined: &Examined) -> bool {
        let Examined {
            fingerprint,
            position,
            documents,
            changes,
            erasures,
        } = *examined;
        let said = (self.position, self.documents, self.changes, self.erasures);
        self.fingerprint() == Some(fingerprint) && said == (position, documents, changes, erasures)
    }

    /// The head of the file: everything before the age file.
    pub(super) fn head(&self, key: &SigningKey) -> Result<Vec<u8>, BackupError> {
        let manifest = minicbor::to_vec(self).map_err(|_| BackupError::Damaged)?;
        let length = u32::try_from(manifest.len()).map_err(|_| BackupError::Damaged)?;
        let signature = key.sign(&[CONTEXT, &manifest].concat());
        let parts: [&[u8]; 5] = [
            MAGIC,
            VERSION,
            &length.to_be_bytes(),
            &manifest,
            &signature.to_bytes(),
        ];
        Ok(parts.concat())
    }

    /// Reads the head of a file and verifies its signature: by `hub`, or without it by the key that it names itself.
    ///
    /// # Errors
    /// Why it is no backup of this hub.
    pub fn read(input: &mut impl Read, hub: Option<&VerifyingKey>) -> Result<Self, BackupError> {
        check_magic(input)?;
        let mut length = [0; 4];
        exactly(input, &mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MANIFEST_BYTES_MAX {
            return Err(BackupError::Damaged);
        }
        let mut signed = CONTEXT.to_vec();
        signed.resize(CONTEXT.len() + length, 0);
        exactly(input, &mut signed[CONTEXT.len()..])?;
        let mut signature = [0; 64];
        exactly(input, &mut signature)?;
        let manifest: Self =
            minicbor::decode(&signed[CONTEXT.len()..]).map_err(|_| BackupError::Damaged)?;
        let own = VerifyingKey::from_bytes(&manifest.hub).map_err(|_| BackupError::Damaged)?;
        let key = hub.unwrap_or(&own);
        key.verify_strict(&signed, &Signature::from_bytes(&signature))
            .map_err(|_| BackupError::BadSignature)?;
        Ok(manifest)
    }
}

fn exactly(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), BackupError> {
    input.read_exact(bytes).map_err(|_| BackupError::Damaged)
}

fn check_magic(input: &mut impl Read) -> Result<(), BackupError> {
    let mut start = [0; MAGIC.len() + VERSION.len()];
    let whole = input.read_exact(&mut start);
    whole.map_err(|_| BackupError::NotABackup)?;
    match start.strip_prefix(MAGIC) {
        Some(VERSION) => Ok(()),
        Some([_, b'\n']) => Err(BackupError::Newer),
        Some(_) => Err(BackupError::Damaged),
        None => Err(BackupError::NotABackup),
    }
}
