//! The inside of a stick's file, for a search that cannot know keys: sealed and signed for whoever reads it next.
//!
//! A fuzzer gets through neither age's cipher nor a signature. So it alters the records that lie within, and these go
//! into a file as an honest sender makes it; the form is that of `shared::exchange::stick`.

use std::io::{Read, Write};

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

const START: &[u8] = b"MAISON-STICK 1\n";
const CONTEXT: &[u8] = b"maison stick 1\0";
/// The last record's kind and length.
const SIGNATURE: [u8; 5] = [5, 0, 0, 0, 64];
const SIGNATURE_BYTES: usize = 64;

/// A file with these records, and the sender's signature after them.
pub(super) fn file(records: &[u8], to: &Recipient, key: &SigningKey) -> Vec<u8> {
    let digest = Sha256::new_with_prefix(CONTEXT).chain_update(records);
    let signature = key.sign(&digest.finalize()).to_bytes();
    let encryptor = Encryptor::with_recipients(std::iter::once(to as _)).expect("one recipient");
    let mut out = encryptor.wrap_output(START.to_vec()).expect("memory");
    for part in [records, &SIGNATURE, &signature] {
        out.write_all(part).expect("memory");
    }
    out.finish().expect("memory")
}

/// The records of an honest file but for the signature.
pub(super) fn records(file: &[u8], identity: &Identity) -> Vec<u8> {
    let decryptor = Decryptor::new(&file[START.len()..]).expect("an age file");
    let mut input = decryptor
        .decrypt(std::iter::once(identity as _))
        .expect("the receiver's");
    let mut records = Vec::new();
    input.read_to_end(&mut records).expect("a whole file");
    records.truncate(records.len() - SIGNATURE.len() - SIGNATURE_BYTES);
    records
}
