//! Frames to bytes and back, as they come: length-prefixed CBOR inside one zstd stream.
//!
//! A body is one byte `M`, one byte with the version of the protocol, and a zstd stream of frames, each a length
//! (LEB128) and that many bytes of CBOR; from version 2 on it may be several such streams, one after another. The sender flushes after each frame that is worth acting upon, so that the
//! receiver can decode it as soon as its bytes are there. A body of version 0 is the refusal that every version
//! understands: the oldest and the newest version spoken, one byte each, uncompressed.
//!
//! The decoder trusts nothing: it holds at most one frame and the input that it was just given, and each limit has
//! its named error. It knows nothing of what frames mean.

use std::marker::PhantomData;
use std::sync::LazyLock;

use minicbor::{Decode, Encode};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::stream::raw::{self, CParameter, DParameter, Operation};
use zstd::zstd_safe::{InBuffer, OutBuffer};

use super::{ExchangeError, Version};

/// The longest frame. A batch stops at [`BATCH_BYTES`] or holds one change, of at most 256 KiB; a message of the
/// reconciliation is at most as long.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Where a sender closes a batch: small enough to be committed often, large enough to compress well.
pub const BATCH_BYTES: usize = 64 * 1024;
/// Where a sender closes a batch of small changes.
pub const BATCH_CHANGES: usize = 512;
/// Most changes, runs, hashes or refusals in one frame.
pub const FRAME_ITEMS_MAX: usize = 1024;
/// What a body may swell to besides [`RATIO_MAX`] times its length: a sender closes its body before.
pub const SWELL_BYTES_FREE: u64 = 4 * 1024 * 1024;
/// How often the compressed length honest data may swell to; changes compress about five times.
pub const RATIO_MAX: u64 = 100;
/// First byte of every body.
const MAGIC: u8 = b'M';
/// Version byte of the refusal.
const REFUSAL: u8 = 0;
/// log2 of zstd's window that a receiver allows: what it holds for each stream.
const WINDOW_LOG_MAX: u32 = 20;
/// What both sides of version 2 have seen before the first byte: `tests/examples/dictionary_samples.rs` says how it is made.
/// It belongs to that version and never changes.
const DICTIONARY: &[u8] = include_bytes!("dictionary");
/// How much is compressed or decompressed at a time.
const STEP_BYTES: usize = 16 * 1024;

/// How hard a sender tries to make a body short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Quickly, and with little memory: a hub answers many laptops at once.
    Usual,
    /// As short as it goes: for what is sent once in a laptop's life.
    Thorough,
}

impl Effort {
    /// zstd's level, and the log2 of its window.
    fn level_and_window(self, version: Version) -> (i32, u32) {
        match (version, self) {
            (Version::One, _) => (3, WINDOW_LOG_MAX),
            (Version::Two, Self::Usual) => (6, 15),
            (Version::Two, Self::Thorough) => (19, WINDOW_LOG_MAX),
        }
    }
}

/// A compressor with the version's dictionary, whose tables are made once for all bodies.
fn compressor(version: Version, effort: Effort) -> std::io::Result<raw::Encoder<'static>> {
    static USUAL: LazyLock<EncoderDictionary<'_>> = LazyLock::new(|| prepared(Effort::Usual));
    static THOROUGH: LazyLock<EncoderDictionary<'_>> = LazyLock::new(|| prepared(Effort::Thorough));
    let (level, window_log) = effort.level_and_window(version);
    let mut zstd = match (version, effort) {
        (Version::One, _) => raw::Encoder::new(level),
        (Version::Two, Effort::Usual) => raw::Encoder::with_prepared_dictionary(&USUAL),
        (Version::Two, Effort::Thorough) => raw::Encoder::with_prepared_dictionary(&THOROUGH),
    }?;
    zstd.set_parameter(CParameter::WindowLog(window_log))?;
    // The version names the dictionary.
    zstd.set_parameter(CParameter::DictIdFlag(false))?;
    Ok(zstd)
}

fn prepared(effort: Effort) -> EncoderDictionary<'static> {
    let (level, _) = effort.level_and_window(Version::Two);
    EncoderDictionary::copy(DICTIONARY, level)
}

fn decompressor(version: Version) -> std::io::Result<raw::Decoder<'static>> {
    static PREPARED: LazyLock<DecoderDictionary<'_>> =
        LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));
    let mut zstd = match version {
        Version::One => raw::Decoder::new(),
        Version::Two => raw::Decoder::with_prepared_dictionary(&PREPARED),
    }?;
    zstd.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
    Ok(zstd)
}

/// Turns frames into the bytes of one body.
pub struct Encoder {
    zstd: raw::Encoder<'static>,
    /// The stream has begun and has not been ended.
    is_open: bool,
    out: Vec<u8>,
    written: u64,
    plain: u64,
}

impl Encoder {
    /// Begins a body of this version.
    ///
    /// # Errors
    /// [`ExchangeError::Compression`] when zstd has no memory.
    pub fn new(version: Version, effort: Effort) -> Result<Self, ExchangeError> {
        let mut encoder = Self::section(version, effort)?;
        encoder.out = vec![MAGIC, version as u8];
        encoder.written = 2;
        Ok(encoder)
    }

    /// Begins a part of a body, to be put between two others.
    ///
    /// # Errors
    /// [`ExchangeError::Compression`] when zstd has no memory.
    pub fn section(version: Version, effort: Effort) -> Result<Self, ExchangeError> {
        let zstd = compressor(version, effort).map_err(ExchangeError::Compression)?;
        Ok(Self {
            zstd,
            is_open: false,
            out: Vec::new(),
            written: 0,
            plain: 0,
        })
    }

    /// Adds a frame; its bytes may stay inside until [`Self::flush`] or [`Self::finish`].
    ///
    /// # Errors
    /// [`ExchangeError::FrameTooLarge`], or [`ExchangeError::Compression`].
    pub fn push<F: Encode<()>>(&mut self, frame: &F) -> Result<(), ExchangeError> {
        let body = minicbor::to_vec(frame).map_err(|_| ExchangeError::Malformed)?;
        if body.len() > FRAME_BYTES_MAX {
            return Err(too_large(body.len()));
        }
        let mut framed = Vec::with_capacity(body.len() + 3);
        write_length(&mut framed, body.len());
        framed.extend_from_slice(&body);
        self.plain += framed.len() as u64;
        self.is_open = true;
        let mut input = InBuffer::around(&framed);
        while input.pos() < framed.len() {
            self.step(|zstd, out| zstd.run(&mut input, out))?;
        }
        Ok(())
    }

    /// The bytes so far, complete up to the last frame pushed.
    ///
    /// # Errors
    /// [`ExchangeError::Compression`].
    pub fn flush(&mut self) -> Result<Vec<u8>, ExchangeError> {
        self.end_block()?;
        Ok(std::mem::take(&mut self.out))
    }

    /// Ends a block of the stream: what is alike stands together, and the receiver can read up to here.
    ///
    /// # Errors
    /// [`ExchangeError::Compression`].
    pub fn end_block(&mut self) -> Result<(), ExchangeError> {
        while self.step(|zstd, out| zstd.flush(out))? > 0 {}
        Ok(())
    }

    /// The last bytes of the body, or of what comes before a section; what is pushed after begins another stream.
    ///
    /// # Errors
    /// [`ExchangeError::Compression`].
    pub fn finish(&mut self) -> Result<Vec<u8>, ExchangeError> {
        while self.is_open && self.step(|zstd, out| zstd.finish(out, true))? > 0 {}
        self.is_open = false;
        Ok(std::mem::take(&mut self.out))
    }

    /// Whether one more frame of the usual size might swell the body beyond what a receiver takes.
    #[must_use]
    pub fn is_nearly_swollen(&self) -> bool {
        self.plain + FRAME_BYTES_MAX as u64 > SWELL_BYTES_FREE + RATIO_MAX * self.written
    }

    fn step(
        &mut self,
        run: impl FnOnce(&mut raw::Encoder<'static>, &mut OutBuffer<'_, [u8]>) -> std::io::Result<usize>,
    ) -> Result<usize, ExchangeError> {
        let mut space = [0; STEP_BYTES];
        let mut out = OutBuffer::around(&mut space[..]);
        let left = run(&mut self.zstd, &mut out).map_err(ExchangeError::Compression)?;
        self.out.extend_from_slice(out.as_slice());
        self.written += out.as_slice().len() as u64;
        Ok(left)
    }
}

/// The body that answers a version which is not spoken here.
#[must_use]
pub fn refusal() -> Vec<u8> {
    vec![MAGIC, REFUSAL, Version::OLDEST as u8, Version::NEWEST as u8]
}

/// Turns the bytes of one body into frames, as they arrive.
pub struct Decoder<F> {
    /// Made when the version is known, which names the dictionary.
    zstd: Option<raw::Decoder<'static>>,
    head: Vec<u8>,
    input: Vec<u8>,
    plain: Vec<u8>,
    read: u64,
    swollen: u64,
    is_ended: bool,
    frames: PhantomData<F>,
}

impl<F> Default for Decoder<F> {
    fn default() -> Self {
        Self {
            zstd: None,
            head: Vec::new(),
            input: Vec::new(),
            plain: Vec::new(),
            read: 0,
            swollen: 0,
            is_ended: false,
            frames: PhantomData,
        }
    }
}

impl<F: for<'b> Decode<'b, ()>> Decoder<F> {
    /// Takes bytes; call [`Self::next_frame`] until it answers `None` before pushing more.
    ///
    /// # Errors
    /// [`ExchangeError::NotAnExchange`] or [`ExchangeError::Version`], as soon as the first bytes say so.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        self.read += bytes.len() as u64;
        let mut rest = bytes;
        while self.head_is_short()
            && let Some((first, others)) = rest.split_first()
        {
            self.head.push(*first);
            rest = others;
            self.check_head()?;
        }
        self.input.extend_from_slice(rest);
        Ok(())
    }

    fn head_is_short(&self) -> bool {
        match self.head.get(1) {
            Some(&REFUSAL) => self.head.len() < 4,
            _ => self.head.len() < 2,
        }
    }

    fn check_head(&self) -> Result<(), ExchangeError> {
        match self.head[..] {
            [MAGIC] | [MAGIC, REFUSAL] | [MAGIC, REFUSAL, _] => Ok(()),
            [MAGIC, REFUSAL, oldest, newest] => Err(ExchangeError::Version { oldest, newest }),
            [MAGIC, byte] if Version::from_byte(byte).is_some() => Ok(()),
            [MAGIC, other] => Err(ExchangeError::Version {
                oldest: other,
                newest: other,
            }),
            _ => Err(ExchangeError::NotAnExchange),
        }
    }

    /// The next frame whose bytes are all there.
    ///
    /// # Errors
    /// [`ExchangeError::Malformed`], [`ExchangeError::FrameTooLarge`], [`ExchangeError::TooMany`] or
    /// [`ExchangeError::Swollen`]; the decoder is then to be dropped.
    pub fn next_frame(&mut self) -> Result<Option<F>, ExchangeError> {
        loop {
            if let Some((start, end)) = self.whole_frame()? {
                let frame = minicbor::decode(&self.plain[start..end]).map_err(|e| decode_error(&e));
                self.plain.drain(..end);
                return frame.map(Some);
            }
            if !self.decompress()? {
                return Ok(None);
            }
        }
    }

    /// The version of the body, once its first bytes are there.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.head.get(1).copied().and_then(Version::from_byte)
    }

    /// Whether everything that was pushed has been handed out in whole frames.
    #[must_use]
    pub fn is_at_frame_end(&self) -> bool {
        self.plain.is_empty() && self.input.is_empty() && self.is_ended
    }

    /// Where the first frame stands in `plain`, if it is all there.
    fn whole_frame(&self) -> Result<Option<(usize, usize)>, ExchangeError> {
        let Some((length, start)) = read_length(&self.plain)? else {
            return Ok(None);
        };
        if length > FRAME_BYTES_MAX {
            return Err(too_large(length));
        }
        let end = start + length;
        Ok((end <= self.plain.len()).then_some((start, end)))
    }

    /// Decompresses one step; false when the input holds nothing more.
    fn decompress(&mut self) -> Result<bool, ExchangeError> {
        if self.is_ended && !self.input.is_empty() && self.version() == Some(Version::One) {
            return Err(ExchangeError::Malformed);
        }
        let mut space = [0; STEP_BYTES];
        let Some(version) = self.version() else {
            return Ok(false);
        };
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(decompressor(version).map_err(ExchangeError::Compression)?),
        };
        let status = zstd
            .run_on_buffers(&self.input, &mut space)
            .map_err(|_| ExchangeError::Malformed)?;
        self.input.drain(..status.bytes_read);
        self.plain.extend_from_slice(&space[..status.bytes_written]);
        self.swollen += status.bytes_written as u64;
        if self.swollen > SWELL_BYTES_FREE + RATIO_MAX * self.read {
            return Err(ExchangeError::Swollen);
        }
        let has_moved = status.bytes_read + status.bytes_written > 0;
        if has_moved {
            self.is_ended = status.remaining == 0;
        }
        Ok(has_moved)
    }
}

fn write_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(0x80 | length.to_le_bytes()[0]);
        length >>= 7;
    }
    out.push(length.to_le_bytes()[0]);
}

/// Length of the frame and of its prefix; `None` while the prefix is incomplete.
fn read_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, ExchangeError> {
    /// Enough for [`FRAME_BYTES_MAX`].
    const PREFIX_BYTES_MAX: usize = 3;
    let mut length = 0;
    for (place, byte) in bytes.iter().take(PREFIX_BYTES_MAX).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, place + 1)));
        }
    }
    if bytes.len() < PREFIX_BYTES_MAX {
        Ok(None)
    } else {
        Err(too_large(usize::MAX))
    }
}

fn too_large(bytes: usize) -> ExchangeError {
    ExchangeError::FrameTooLarge {
        bytes,
        max: FRAME_BYTES_MAX,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("more than {FRAME_ITEMS_MAX} items")]
struct TooMany;

/// Decodes an array of at most [`FRAME_ITEMS_MAX`] items, refused before any of them is read.
pub(super) fn bounded<'b, C, T: Decode<'b, C>>(
    decoder: &mut minicbor::Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, minicbor::decode::Error> {
    let length = decoder
        .array()?
        .ok_or_else(|| minicbor::decode::Error::message("array of unknown length"))?;
    if length > FRAME_ITEMS_MAX as u64 {
        return Err(minicbor::decode::Error::custom(TooMany));
    }
    (0..length).map(|_| T::decode(decoder, context)).collect()
}

fn decode_error(error: &minicbor::decode::Error) -> ExchangeError {
    // The only custom errors are ours.
    if error.is_custom() {
        ExchangeError::TooMany {
            max: FRAME_ITEMS_MAX,
        }
    } else {
        ExchangeError::Malformed
    }
}

#[cfg(test)]
mod tests {
    use minicbor::bytes::ByteVec;

    use super::super::frame::Ask;
    use super::*;

    fn ranges(bytes: Vec<u8>) -> Ask {
        Ask::Ranges(ByteVec::from(bytes))
    }

    fn body(frames: &[Ask]) -> Vec<u8> {
        let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
        frames.iter().for_each(|frame| encoder.push(frame).unwrap());
        encoder.finish().unwrap()
    }

    /// A body whose stream holds these bytes.
    fn body_of(plain: &[u8]) -> Vec<u8> {
        let mut body = vec![MAGIC, Version::NEWEST as u8];
        body.extend(zstd::encode_all(plain, 3).unwrap());
        body
    }

    fn decode(body: &[u8], step: usize) -> Result<Vec<Ask>, ExchangeError> {
        let mut decoder = Decoder::default();
        let mut frames = Vec::new();
        for bytes in body.chunks(step) {
            decoder.push(bytes)?;
            while let Some(frame) = decoder.next_frame()? {
                frames.push(frame);
            }
        }
        assert!(decoder.plain.len() <= FRAME_BYTES_MAX + STEP_BYTES);
        if decoder.is_at_frame_end() {
            Ok(frames)
        } else {
            Err(ExchangeError::Truncated)
        }
    }

    /// Another dictionary would not read what laptops in the villages write: it needs another version.
    #[test]
    fn the_dictionary_of_version_2_is_for_ever() {
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(DICTIONARY).into();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&hash[..8]),
            "cc58b4a4ff1bc7c4"
        );
    }

    #[test]
    fn frames_return_however_the_bytes_arrive() {
        let frames = [
            Ask::Hello {
                epoch: None,
                cursor: 1 << 40,
                receipt: Some(1 << 40),
                is_plain: None,
                lacks_key: None,
                backup: None,
            },
            ranges(vec![7; 300_000]),
            ranges(Vec::new()),
            Ask::News,
        ];
        let body = body(&frames);
        for step in [1, 2, 3, 1000, usize::MAX] {
            assert_eq!(decode(&body, step).unwrap(), frames, "{step}");
        }
    }

    #[test]
    fn a_section_stands_between_two_streams() {
        let mut section = Encoder::section(Version::NEWEST, Effort::Thorough).unwrap();
        section.push(&ranges(vec![5; 70_000])).unwrap();
        let section = section.finish().unwrap();
        let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
        // At the very beginning there is no stream to be ended.
        let mut body = encoder.finish().unwrap();
        assert_eq!(body.len(), 2);
        body.extend(&section);
        encoder.push(&ranges(vec![6; 10])).unwrap();
        body.extend(encoder.finish().unwrap());
        body.extend(&section);
        body.extend(&section);
        encoder.push(&Ask::News).unwrap();
        body.extend(encoder.finish().unwrap());
        for step in [1, 7, 1000, usize::MAX] {
            let frames = decode(&body, step).unwrap();
            let lengths: Vec<usize> = frames
                .iter()
                .map(|frame| match frame {
                    Ask::Ranges(bytes) => bytes.len(),
                    _ => 0,
                })
                .collect();
            assert_eq!(lengths, [70_000, 10, 70_000, 70_000, 0], "{step}");
        }
    }

    #[test]
    fn a_flushed_frame_is_there_as_soon_as_its_bytes_are() {
        let (mut encoder, mut decoder) = (
            Encoder::new(Version::NEWEST, Effort::Usual).unwrap(),
            Decoder::<Ask>::default(),
        );
        for length in [0, 10, 100_000] {
            encoder.push(&ranges(vec![3; length])).unwrap();
            decoder.push(&encoder.flush().unwrap()).unwrap();
            assert_eq!(decoder.next_frame().unwrap(), Some(ranges(vec![3; length])));
            assert_eq!(decoder.next_frame().unwrap(), None);
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_it_is_read() {
        let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
        let refused = encoder.push(&ranges(vec![0; FRAME_BYTES_MAX]));
        assert!(matches!(refused, Err(ExchangeError::FrameTooLarge { .. })));
        for announced in [&[0xff, 0xff, 0x7f][..], &[0xff; 5]] {
            let refused = decode(&body_of(announced), 100);
            assert!(matches!(refused, Err(ExchangeError::FrameTooLarge { .. })));
        }
    }

    #[test]
    fn a_body_that_swells_out_of_measure_is_refused() {
        let bomb = body(&vec![ranges(vec![0; 100_000]); 400]);
        assert!(bomb.len() < 20_000);
        assert!(matches!(decode(&bomb, 1000), Err(ExchangeError::Swollen)));
        assert!(matches!(
            decode(&bomb, usize::MAX),
            Err(ExchangeError::Swollen)
        ));
    }

    #[test]
    fn a_sender_knows_when_its_body_would_swell_out_of_measure() {
        let mut encoder = Encoder::new(Version::NEWEST, Effort::Usual).unwrap();
        let mut body = Vec::new();
        while !encoder.is_nearly_swollen() {
            encoder
                .push(&ranges(vec![0; FRAME_BYTES_MAX - 10]))
                .unwrap();
            body.extend(encoder.flush().unwrap());
        }
        encoder.push(&Ask::News).unwrap();
        body.extend(encoder.finish().unwrap());
        assert!(decode(&body, 100).unwrap().len() > 2);
    }

    #[test]
    fn more_items_than_a_frame_may_hold_are_refused() {
        // Want, with an array that says it has 2^40 hashes.
        let mut frame = vec![0x82, 4, 0x9b];
        frame.extend((1u64 << 40).to_be_bytes());
        let mut plain = vec![u8::try_from(frame.len()).unwrap()];
        plain.extend(frame);
        let refused = decode(&body_of(&plain), 100);
        assert!(matches!(
            refused,
            Err(ExchangeError::TooMany {
                max: FRAME_ITEMS_MAX
            })
        ));
    }

    #[test]
    fn what_is_cut_short_is_no_frame() {
        let whole = body(&[ranges((0..200).collect()), Ask::News]);
        let mut frames = 0;
        for length in 0..whole.len() {
            match decode(&whole[..length], 50) {
                Ok(some) => frames = frames.max(some.len()),
                Err(error) => assert!(matches!(error, ExchangeError::Truncated), "{error:?}"),
            }
        }
        assert_eq!(decode(&whole, 50).unwrap().len(), 2);
    }

    #[test]
    fn a_stream_that_wants_more_memory_than_both_sides_agreed_on_is_refused() {
        let large: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
        let refused = decode(&body_of(&large), 100);
        assert!(matches!(refused, Err(ExchangeError::Malformed)));
    }

    #[test]
    fn bytes_after_the_end_and_bytes_that_do_not_decode_are_refused() {
        let mut longer = body(&[Ask::News]);
        longer.push(0);
        for body in [
            longer,
            body_of(&[3, 0xff, 0xff, 0xff]),
            vec![MAGIC, Version::NEWEST as u8, 1, 2, 3, 4, 5],
        ] {
            let refused = decode(&body, 100);
            assert!(
                matches!(refused, Err(ExchangeError::Malformed)),
                "{refused:?}"
            );
        }
    }
}
