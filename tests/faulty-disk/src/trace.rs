//! The notes: one record for each change, written before it is made, in one piece, so that several processes may share
//! the file and the records have the order of what depends on each other.
//!
//! A record is the kind (one byte), the offset (8 bytes), the lengths of path and data (4 bytes each), all little-endian,
//! then path and data. The offset of a truncation is the new length; the data of a renaming are the new path.

use libc::iovec;

use crate::settings::Settings;

/// A kind of change; the numbers are those of the records.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    Create = 1,
    Write = 2,
    Truncate = 3,
    Sync = 4,
    Unlink = 5,
    Rename = 6,
}

/// A change that is about to be made.
pub(crate) struct Event<'a> {
    pub(crate) kind: Kind,
    pub(crate) path: &'a [u8],
    pub(crate) offset: u64,
    pub(crate) data: &'a [u8],
}

pub(crate) fn note(settings: &Settings, event: &Event<'_>) {
    let Some(file) = settings.trace else { return };
    let mut head = [0; 17];
    head[0] = event.kind as u8;
    head[1..9].copy_from_slice(&event.offset.to_le_bytes());
    head[9..13].copy_from_slice(&(event.path.len() as u32).to_le_bytes());
    head[13..].copy_from_slice(&(event.data.len() as u32).to_le_bytes());
    let part = |bytes: &[u8]| iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let parts = [part(&head), part(event.path), part(event.data)];
    // SAFETY: three parts that outlive the call.
    unsafe { libc::syscall(libc::SYS_writev, file, parts.as_ptr(), parts.len()) };
}
