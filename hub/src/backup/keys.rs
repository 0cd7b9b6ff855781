//! Key files: the administrators', which are drawn here once and then kept away from the hub, and the hub's drill key.
//!
//! They are age's own: a file made by `age-keygen` serves as well. One that is drawn here names the hub, so that a
//! restore on a new machine, which knows no hub yet, still takes no backup that somebody else has made.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::VerifyingKey;
use shared::ledger::{Store, copies, hub_key};

use super::BackupError;
use super::settings::{DIRECTORY, private_directory};

/// The drill key; see the module above for why there is one.
const DRILL: &str = "essai.cle";
/// What stands before the hub's public key.
const HUB: &str = "# hub: ";

/// What a key file holds.
pub struct KeyFile {
    /// The private keys.
    pub(super) identities: Vec<Identity>,
    /// The hub that it was made for.
    pub(super) hub: Option<VerifyingKey>,
}

/// Draws a key, writes it to a new file, and answers its public part, `age1…`.
///
/// # Errors
/// [`BackupError::KeyFileExists`], or what the system says.
pub fn draw(directory: &Path, path: &Path) -> Result<String, BackupError> {
    let identity = Identity::generate();
    let hub = own_hub(directory).map_or_else(String::new, |key| {
        format!("{HUB}{}\n", BASE64URL_NOPAD.encode(key.as_bytes()))
    });
    write(path, &identity, &hub)?;
    Ok(identity.to_public().to_string())
}

/// The public key of the hub in `directory`; none where none can be read.
pub(super) fn own_hub(directory: &Path) -> Option<VerifyingKey> {
    if !Store::exists(directory) {
        return None;
    }
    let connection = copies::look(directory).ok()?;
    hub_key::known(&connection).ok().flatten()
}

/// The drill key of the hub in `directory`, drawn if there is none yet.
pub(super) fn ensure_drill(directory: &Path) -> Result<Identity, BackupError> {
    if let Some(known) = drill(directory)? {
        return Ok(known);
    }
    private_directory(&directory.join(DIRECTORY))?;
    let identity = Identity::generate();
    write(&directory.join(DIRECTORY).join(DRILL), &identity, "")?;
    Ok(identity)
}

/// The drill key of the hub in `directory`, if it has one.
pub(super) fn drill(directory: &Path) -> Result<Option<Identity>, BackupError> {
    let path = directory.join(DIRECTORY).join(DRILL);
    if !path.exists() {
        return Ok(None);
    }
    Ok(read(&path)?.identities.pop())
}

/// Reads a key file.
///
/// # Errors
/// [`BackupError::NotAKeyFile`], or what the system says.
pub fn read(path: &Path) -> Result<KeyFile, BackupError> {
    let bytes = std::fs::read(path).map_err(BackupError::file(path))?;
    let not_one = || BackupError::NotAKeyFile(path.to_owned());
    let text = String::from_utf8(bytes).map_err(|_| not_one())?;
    let mut key_file = KeyFile {
        identities: Vec::new(),
        hub: None,
    };
    for line in text.lines().map(str::trim) {
        if let Some(hub) = line.strip_prefix(HUB) {
            key_file.hub = Some(hub_of(hub).ok_or_else(not_one)?);
        } else if !line.is_empty() && !line.starts_with('#') {
            let identity = line.parse().map_err(|_| not_one())?;
            key_file.identities.push(identity);
        }
    }
    if key_file.identities.is_empty() {
        return Err(not_one());
    }
    Ok(key_file)
}

fn hub_of(text: &str) -> Option<VerifyingKey> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
}

fn write(path: &Path, identity: &Identity, more: &str) -> Result<(), BackupError> {
    let text = format!(
        "# Clé privée pour les sauvegardes de la Maison mobile. Ne la laissez pas sur le hub et ne l’envoyez à personne.\n\
         # public key: {}\n{more}{}\n",
        identity.to_public(),
        identity.to_string().expose_secret()
    );
    let mut new = OpenOptions::new();
    let written = new
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => BackupError::KeyFileExists(path.to_owned()),
        _ => BackupError::file(path)(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_file_is_the_owners_alone_replaces_none_and_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("odile.cle");
        let public = draw(directory.path(), &path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let known = read(&path).unwrap();
        assert_eq!(known.identities[0].to_public().to_string(), public);
        assert!(known.hub.is_none(), "there is no hub");
        let again = draw(directory.path(), &path);
        assert!(matches!(again, Err(BackupError::KeyFileExists(_))));
        std::fs::write(&path, "AGE-SECRET-KEY-1NONSENSE").unwrap();
        assert!(matches!(read(&path), Err(BackupError::NotAKeyFile(_))));
    }
}
