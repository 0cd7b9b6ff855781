//! The sealed part of a backup: files, compressed, encrypted. What the files are is not known here but for their names.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, EncryptError, Encryptor};
use sha2::{Digest, Sha256};
use shared::program::files::nameless;
use zstd::stream::{read::Decoder, write::Encoder};

use super::manifest::{Manifest, Weighed};
use super::{BackupError, Phase, Tell};

/// The hub's database.
pub(super) const DATABASE: &str = "maison.db";
/// Its file of erasures and revocations.
pub(super) const ERASURES: &str = "erasures";
/// To whom and to where backups go.
pub(super) const SETTINGS: &str = "reglages.json";
/// No other name is taken from a backup.
const NAMES: [&str; 3] = [DATABASE, ERASURES, SETTINGS];
/// zstd's own default: a higher level costs more time than it saves bytes.
const LEVEL: i32 = 3;
/// Bytes copied between two words on the progress.
const PORTION: usize = 256 * 1024;

/// A sealed part that has no name yet.
pub(super) struct Sealed {
    pub(super) file: File,
    pub(super) weighed: Weighed,
    /// SHA-256 of what was sealed.
    content_sha256: [u8; 32],
}

/// Seals these files, each under its name, to all of `recipients`, in a file without a name in `work`.
pub(super) fn seal(
    work: &Path,
    files: &[(&str, File)],
    recipients: &[Recipient],
    tell: Tell<'_>,
) -> Result<Sealed, BackupError> {
    let file = nameless(work).map_err(BackupError::file(work))?;
    let sealed = seal_into(file, files, recipients, tell);
    sealed.map_err(BackupError::file(work))
}

fn seal_into(
    file: File,
    files: &[(&str, File)],
    recipients: &[Recipient],
    tell: Tell<'_>,
) -> io::Result<Sealed> {
    let lengths = files.iter().map(|(_, file)| Ok(file.metadata()?.len()));
    let lengths = lengths.collect::<io::Result<Vec<u64>>>()?;
    let all = kibibytes(lengths.iter().sum());
    let to = recipients.iter().map(|one| one as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(to).map_err(|error| match error {
        EncryptError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    })?;
    let sealed = encryptor.wrap_output(Digesting::new(BufWriter::new(file)))?;
    let mut zstd = Encoder::new(sealed, LEVEL)?;
    zstd.include_checksum(true)?;
    let mut out = Digesting::new(zstd);
    let mut buffer = vec![0; PORTION];
    for ((name, file), length) in files.iter().zip(lengths) {
        out.write_all(&[u8::try_from(name.len()).unwrap_or(u8::MAX)])?;
        out.write_all(name.as_bytes())?;
        out.write_all(&length.to_be_bytes())?;
        // No more than was said, should the file grow.
        let mut input = file.take(length);
        loop {
            let count = input.read(&mut buffer)?;
            out.write_all(&buffer[..count])?;
            tell(Phase::Sealing, kibibytes(out.bytes).min(all), all);
            if count == 0 {
                break;
            }
        }
        if input.limit() > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    out.write_all(&[0])?;
    tell(Phase::Sealing, all, all);
    let (zstd, content_sha256, content_bytes) = out.finish();
    let (buffered, sealed_sha256, sealed_bytes) = zstd.finish()?.finish()?.finish();
    Ok(Sealed {
        file: buffered
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?,
        weighed: Weighed {
            content_bytes,
            sealed_bytes,
            sealed_sha256,
        },
        content_sha256,
    })
}

/// Opens what was sealed and compares it with what went in.
pub(super) fn check(work: &Path, sealed: &mut Sealed, key: &Identity) -> Result<(), BackupError> {
    sealed.file.rewind().map_err(BackupError::file(work))?;
    let mut content = Digesting::new(io::sink());
    let mut opened = opened(BufReader::new(&sealed.file), std::slice::from_ref(key))?;
    io::copy(&mut opened, &mut content).map_err(BackupError::stream(work))?;
    let (_, sha256, bytes) = content.finish();
    if (sha256, bytes) == (sealed.content_sha256, sealed.weighed.content_bytes) {
        Ok(())
    } else {
        Err(BackupError::Differs)
    }
}

/// Reads the sealed part that `input` stands at, to its end, and compares it with the manifest.
pub(super) fn verify_sum(mut input: impl Read, manifest: &Manifest) -> Result<(), BackupError> {
    let mut sum = Digesting::new(io::sink());
    io::copy(&mut input, &mut sum).map_err(BackupError::stream(Path::new("")))?;
    let (_, sha256, bytes) = sum.finish();
    if (bytes, &sha256) == (manifest.sealed_bytes, &*manifest.sealed_sha256) {
        Ok(())
    } else {
        Err(BackupError::Damaged)
    }
}

/// Unpacks the sealed part that `input` stands at into `directory`, which is empty.
pub(super) fn unpack(
    input: impl Read,
    identities: &[Identity],
    manifest: &Manifest,
    directory: &Path,
    tell: Tell<'_>,
) -> Result<(), BackupError> {
    let content = opened(BufReader::new(input), identities)?;
    // No more than the hub has signed for, whatever it expands to.
    let mut content = content.take(manifest.content_bytes);
    let all = kibibytes(manifest.content_bytes);
    while let Some(name) = name(&mut content)? {
        let mut length = [0; 8];
        exactly(&mut content, &mut length)?;
        let path = directory.join(name);
        let mut file = private_file(&path).map_err(BackupError::file(&path))?;
        let mut left = u64::from_be_bytes(length);
        while left > 0 {
            let portion = left.min(PORTION as u64);
            let copied = io::copy(&mut (&mut content).take(portion), &mut file);
            if copied.map_err(BackupError::stream(&path))? != portion {
                return Err(BackupError::Damaged);
            }
            left -= portion;
            let done = kibibytes(manifest.content_bytes - content.limit());
            tell(Phase::Unpacking, done, all);
        }
        file.sync_all().map_err(BackupError::file(&path))?;
    }
    tell(Phase::Unpacking, all, all);
    let is_all = content.limit() == 0;
    let mut rest = content.into_inner();
    let more = rest
        .read(&mut [0])
        .map_err(BackupError::stream(directory))?;
    if is_all && more == 0 {
        Ok(())
    } else {
        Err(BackupError::Damaged)
    }
}

fn name(content: &mut impl Read) -> Result<Option<&'static str>, BackupError> {
    let mut length = [0];
    exactly(content, &mut length)?;
    if length == [0] {
        return Ok(None);
    }
    let mut name = vec![0; usize::from(length[0])];
    exactly(content, &mut name)?;
    let known = NAMES.into_iter().find(|known| known.as_bytes() == name);
    known.map(Some).ok_or(BackupError::Damaged)
}

fn exactly(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), BackupError> {
    let read = input.read_exact(bytes);
    read.map_err(BackupError::stream(Path::new("")))
}

fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut new = File::options();
    new.write(true).create_new(true).mode(0o600).open(path)
}

fn opened(input: impl Read, identities: &[Identity]) -> Result<impl Read, BackupError> {
    let not_decrypted = |error| match error {
        DecryptError::NoMatchingKeys => BackupError::WrongKey,
        DecryptError::Io(error) => BackupError::stream(Path::new(""))(error),
        _ => BackupError::Damaged,
    };
    let decryptor = Decryptor::new(input).map_err(not_decrypted)?;
    let with = identities.iter().map(|one| one as &dyn age::Identity);
    let plain = decryptor.decrypt(with).map_err(not_decrypted)?;
    Decoder::new(plain).map_err(|_| BackupError::Damaged)
}

fn kibibytes(bytes: u64) -> usize {
    usize::try_from(bytes >> 10).unwrap_or(usize::MAX)
}

/// Passes bytes on and keeps their sum.
pub(super) struct Digesting<W> {
    inner: W,
    digest: Sha256,
    bytes: u64,
}

impl<W> Digesting<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            digest: Sha256::new(),
            bytes: 0,
        }
    }

    /// What it wrote to, the SHA-256 of it, and how many bytes.
    pub(super) fn finish(self) -> (W, [u8; 32], u64) {
        (self.inner, self.digest.finalize().into(), self.bytes)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
