//! The envelope: a signed content, encrypted to its receiver, written and read as a stream.
//!
//! ```text
//! "MAISON-STICK 1" newline          plain: what it is, and the version of this form
//! age v1 file, one X25519 recipient
//!   record…                         kind (1 byte), length (4 bytes, big-endian), content
//!     Head       once, first        who, to whom, where the sender stands
//!     Body       …                  begins a body of the exchange; its content is a note of the laptop to itself
//!     Bytes      …                  the next bytes of that body
//!     Tail       once               what is known only at the end
//!     Signature  once, last         Ed25519 by the sender, over a context and SHA-256 of all records before
//! ```
//!
//! age notices what is altered, cut or added between its first and its last byte; the signature says who wrote it.
//! Nothing of a file counts before its last record has been read and its signature verified, so a file is read twice:
//! once to check it, once to take it. Reading holds one record in memory. What the records mean is not known here.

use std::io::{Cursor, Read, Write};

use age::stream::{StreamReader, StreamWriter};
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, EncryptError, Encryptor};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::StickError;

/// How every file begins, before the version.
const MAGIC: &[u8] = b"MAISON-STICK ";
/// The version of this form, and the end of the line.
const VERSION: &[u8] = b"1\n";
/// What is signed begins with this, so that no signature made for another purpose fits.
const CONTEXT: &[u8] = b"maison stick 1\0";
/// The longest record: as long as a frame may be, and a note that names as many hashes as a request holds changes.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// age's own head holds two recipients at most (ours and a meaningless one), each some hundred bytes.
const AGE_HEAD_BYTES_MAX: usize = 8 * 1024;
/// The last line of age's head begins so.
const AGE_HEAD_END: &[u8] = b"\n--- ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Head = 1,
    Body = 2,
    Bytes = 3,
    Tail = 4,
    Signature = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Head,
            Self::Body,
            Self::Bytes,
            Self::Tail,
            Self::Signature,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Writes an envelope.
pub(super) struct Sealer<W: Write> {
    out: StreamWriter<W>,
    digest: Sha256,
}

impl<W: Write> Sealer<W> {
    /// Begins an envelope to `recipient`.
    pub(super) fn begin<H: Encode<()>>(
        mut out: W,
        recipient: &Recipient,
        head: &H,
    ) -> Result<Self, StickError> {
        out.write_all(MAGIC)?;
        out.write_all(VERSION)?;
        let encryptor = Encryptor::with_recipients(std::iter::once(recipient as _));
        let mut sealer = Self {
            out: encryptor.map_err(not_encrypted)?.wrap_output(out)?,
            digest: Sha256::new_with_prefix(CONTEXT),
        };
        sealer.record(Kind::Head, &encoded(head)?)?;
        Ok(sealer)
    }

    /// Begins a body.
    pub(super) fn body(&mut self, note: &[u8]) -> Result<(), StickError> {
        self.record(Kind::Body, note)
    }

    /// Adds bytes to the body.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), StickError> {
        bytes
            .chunks(RECORD_BYTES_MAX)
            .try_for_each(|chunk| self.record(Kind::Bytes, chunk))
    }

    /// Ends the envelope and gives back what it was written to.
    pub(super) fn close<T: Encode<()>>(
        mut self,
        tail: &T,
        key: &SigningKey,
    ) -> Result<W, StickError> {
        self.record(Kind::Tail, &encoded(tail)?)?;
        let signature = key.sign(&self.digest.clone().finalize());
        self.record(Kind::Signature, &signature.to_bytes())?;
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok(out)
    }

    fn record(&mut self, kind: Kind, content: &[u8]) -> Result<(), StickError> {
        let length = u32::try_from(content.len()).ok();
        let length = length.filter(|_| content.len() <= RECORD_BYTES_MAX);
        let mut head = [kind as u8; 5];
        head[1..].copy_from_slice(&length.ok_or(StickError::TooLarge)?.to_be_bytes());
        for bytes in [&head[..], content] {
            self.digest.update(bytes);
            self.out.write_all(bytes)?;
        }
        Ok(())
    }
}

/// What lies between the head and the tail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A body begins; its note.
    Body(Vec<u8>),
    /// The next bytes of the body.
    Bytes(Vec<u8>),
}

/// What follows the last part; to be believed once the signature has been verified.
pub(super) struct End {
    tail: Vec<u8>,
    digest: [u8; 32],
    signature: Signature,
}

/// Reads an envelope.
pub(super) struct Opener<R: Read> {
    input: StreamReader<std::io::Chain<Cursor<Vec<u8>>, R>>,
    digest: Sha256,
    end: Option<End>,
    is_in_body: bool,
}

impl<R: Read> Opener<R> {
    /// Reads up to the head.
    pub(super) fn begin<H: for<'b> Decode<'b, ()>>(
        mut input: R,
        identity: &Identity,
    ) -> Result<(H, Self), StickError> {
        check_magic(&mut input)?;
        let mut first = Vec::new();
        input
            .by_ref()
            .take(AGE_HEAD_BYTES_MAX as u64)
            .read_to_end(&mut first)?;
        // Whatever stands before this, age reads it again with every byte: it must be short.
        if !first
            .windows(AGE_HEAD_END.len())
            .any(|bytes| bytes == AGE_HEAD_END)
        {
            return Err(StickError::Damaged);
        }
        let decryptor = Decryptor::new(Cursor::new(first).chain(input)).map_err(not_decrypted)?;
        let input = decryptor
            .decrypt(std::iter::once(identity as _))
            .map_err(not_decrypted)?;
        let mut opener = Self {
            input,
            digest: Sha256::new_with_prefix(CONTEXT),
            end: None,
            is_in_body: false,
        };
        match opener.record()? {
            (Kind::Head, head) => Ok((decoded(&head)?, opener)),
            _ => Err(StickError::Damaged),
        }
    }

    /// The next part; `None` after the last, when nothing more lies in the file.
    pub(super) fn next_part(&mut self) -> Result<Option<Part>, StickError> {
        if self.end.is_some() {
            return Ok(None);
        }
        match self.record()? {
            (Kind::Body, note) => {
                self.is_in_body = true;
                Ok(Some(Part::Body(note)))
            }
            (Kind::Bytes, bytes) if self.is_in_body => Ok(Some(Part::Bytes(bytes))),
            (Kind::Tail, tail) => {
                let digest = self.digest.clone().finalize().into();
                self.end = Some(self.read_end(tail, digest)?);
                Ok(None)
            }
            _ => Err(StickError::Damaged),
        }
    }

    /// What stands at the end, once [`Self::next_part`] has answered `None`.
    pub(super) fn end(self) -> Result<End, StickError> {
        self.end.ok_or(StickError::Damaged)
    }

    fn read_end(&mut self, tail: Vec<u8>, digest: [u8; 32]) -> Result<End, StickError> {
        let (Kind::Signature, signature) = self.record()? else {
            return Err(StickError::Damaged);
        };
        let signature = Signature::from_slice(&signature).map_err(|_| StickError::Damaged)?;
        if self.input.read(&mut [0])? != 0 {
            return Err(StickError::Damaged);
        }
        Ok(End {
            tail,
            digest,
            signature,
        })
    }

    fn record(&mut self) -> Result<(Kind, Vec<u8>), StickError> {
        let mut head = [0; 5];
        self.input.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        let kind = Kind::from_byte(kind).filter(|_| length <= RECORD_BYTES_MAX);
        let kind = kind.ok_or(StickError::Damaged)?;
        let mut content = vec![0; length];
        self.input.read_exact(&mut content)?;
        self.digest.update(head);
        self.digest.update(&content);
        Ok((kind, content))
    }
}

impl End {
    /// The tail, if `key` signed the file.
    pub(super) fn verified<T: for<'b> Decode<'b, ()>>(
        &self,
        key: &VerifyingKey,
    ) -> Result<T, StickError> {
        key.verify_strict(&self.digest, &self.signature)
            .map_err(|_| StickError::BadSignature)?;
        decoded(&self.tail)
    }
}

fn check_magic(input: &mut impl Read) -> Result<(), StickError> {
    let mut start = [0; MAGIC.len() + VERSION.len()];
    let mut length = 0;
    while length < start.len() {
        match input.read(&mut start[length..])? {
            0 => break,
            more => length += more,
        }
    }
    match start[..length].strip_prefix(MAGIC) {
        Some(VERSION) => Ok(()),
        Some([_, b'\n']) => Err(StickError::Newer),
        Some(_) => Err(StickError::Damaged),
        None => Err(StickError::NotAStick),
    }
}

pub(super) fn encoded<T: Encode<()>>(value: &T) -> Result<Vec<u8>, StickError> {
    minicbor::to_vec(value).map_err(|_| StickError::Damaged)
}

pub(super) fn decoded<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, StickError> {
    minicbor::decode(bytes).map_err(|_| StickError::Damaged)
}

fn not_encrypted(error: EncryptError) -> StickError {
    match error {
        EncryptError::Io(error) => StickError::File(error),
        _ => StickError::NoHubKeys,
    }
}

fn not_decrypted(error: DecryptError) -> StickError {
    match error {
        DecryptError::Io(error) => error.into(),
        DecryptError::NoMatchingKeys => StickError::NotForUs,
        _ => StickError::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Text = String;

    fn sender() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn sealed(to: &Identity, parts: &[Part]) -> Vec<u8> {
        let mut sealer = Sealer::begin(Vec::new(), &to.to_public(), &"tête").unwrap();
        for part in parts {
            match part {
                Part::Body(note) => sealer.body(note).unwrap(),
                Part::Bytes(bytes) => sealer.bytes(bytes).unwrap(),
            }
        }
        sealer.close(&"queue", &sender()).unwrap()
    }

    fn small() -> Vec<Part> {
        vec![
            Part::Body(b"note".to_vec()),
            Part::Bytes(b"content".to_vec()),
            Part::Body(Vec::new()),
        ]
    }

    /// Everything in a file, if it is whole and the sender's.
    fn opened(file: &[u8], who: &Identity) -> Result<(Text, Vec<Part>, Text), StickError> {
        let (head, mut opener) = Opener::begin::<Text>(file, who)?;
        let mut parts = Vec::new();
        while let Some(part) = opener.next_part()? {
            parts.push(part);
        }
        let tail = opener.end()?.verified(&sender().verifying_key())?;
        Ok((head, parts, tail))
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_receiver_only() {
        let (receiver, other) = (Identity::generate(), Identity::generate());
        let file = sealed(&receiver, &small());
        assert!(file.starts_with(b"MAISON-STICK 1\nage-encryption.org/v1\n"));
        assert!(!file.windows(7).any(|bytes| bytes == b"content"));
        let (head, parts, tail) = opened(&file, &receiver).unwrap();
        assert_eq!((head.as_str(), tail.as_str()), ("tête", "queue"));
        assert_eq!(parts, small());
        assert!(matches!(opened(&file, &other), Err(StickError::NotForUs)));
    }

    #[test]
    fn a_file_with_any_bit_flipped_is_refused() {
        let receiver = Identity::generate();
        let file = sealed(&receiver, &small());
        for place in 0..file.len() * 8 {
            let mut altered = file.clone();
            altered[place / 8] ^= 1 << (place % 8);
            assert!(opened(&altered, &receiver).is_err(), "bit {place}");
        }
    }

    #[test]
    fn a_file_cut_at_any_length_is_refused() {
        let receiver = Identity::generate();
        // Longer than a chunk of age, so that one cut falls between two of them.
        let long = vec![Part::Body(Vec::new()), Part::Bytes(vec![7; 70_000])];
        for (file, step) in [
            (sealed(&receiver, &small()), 1),
            (sealed(&receiver, &long), 8),
        ] {
            for length in (0..file.len()).step_by(step) {
                assert!(opened(&file[..length], &receiver).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn a_file_with_anything_added_is_refused() {
        let receiver = Identity::generate();
        // One of these lengths makes the content end where a chunk of age does.
        for bytes in 65_300..65_536 {
            let parts = [Part::Body(Vec::new()), Part::Bytes(vec![7; bytes])];
            let mut longer = sealed(&receiver, &parts);
            longer.push(0);
            assert!(opened(&longer, &receiver).is_err(), "{bytes}");
        }
    }

    #[test]
    fn a_signature_of_another_sender_does_not_fit() {
        let receiver = Identity::generate();
        let sealer = Sealer::begin(Vec::new(), &receiver.to_public(), &"tête").unwrap();
        let forged = sealer
            .close(&"queue", &SigningKey::from_bytes(&[6; 32]))
            .unwrap();
        assert!(matches!(
            opened(&forged, &receiver),
            Err(StickError::BadSignature)
        ));
    }

    #[test]
    fn what_is_no_stick_or_a_newer_one_is_called_so() {
        let receiver = Identity::generate();
        let file = sealed(&receiver, &small());
        let newer = [b"MAISON-STICK 2\n", &file[15..]].concat();
        assert!(matches!(opened(&newer, &receiver), Err(StickError::Newer)));
        for other in [&b""[..], b"MAISON", &file[15..], b"PK\x03\x04 a workbook"] {
            assert!(matches!(
                opened(other, &receiver),
                Err(StickError::NotAStick)
            ));
        }
    }

    #[test]
    fn an_endless_head_and_records_out_of_order_are_refused() {
        let receiver = Identity::generate();
        let mut endless = b"MAISON-STICK 1\nage-encryption.org/v1\n".to_vec();
        endless.extend(b"-> X25519 AAAA\nAAAA\n".repeat(50_000));
        assert!(matches!(
            opened(&endless, &receiver),
            Err(StickError::Damaged)
        ));
        let headless = sealed(&receiver, &[Part::Bytes(vec![1])]);
        assert!(matches!(
            opened(&headless, &receiver),
            Err(StickError::Damaged)
        ));
    }

    #[test]
    fn a_record_over_the_limit_is_refused_before_it_is_read() {
        let receiver = Identity::generate();
        let mut sealer = Sealer::begin(Vec::new(), &receiver.to_public(), &"tête").unwrap();
        assert!(matches!(
            sealer.body(&vec![0; RECORD_BYTES_MAX + 1]),
            Err(StickError::TooLarge)
        ));
        sealer.out.write_all(&[3, 0xff, 0xff, 0xff, 0xff]).unwrap();
        let file = sealer.close(&"queue", &sender()).unwrap();
        assert!(matches!(opened(&file, &receiver), Err(StickError::Damaged)));
    }
}
