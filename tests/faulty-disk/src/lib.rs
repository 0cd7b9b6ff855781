//! A disk that fails when it is told to: preloaded (`LD_PRELOAD`) into a program, it stands before the calls of the C
//! library by which SQLite and Rust's standard library change files, below one directory only.
//!
//! It counts these calls and at the n-th does what a disk, or the end of the machine, can do; or it notes every one in
//! a file, in order, for whoever wants to know what a power cut could have left. [`settings`] says how it is told,
//! [`trace`] how the notes read.
//!
//! Calls that our programs do not make on their data are not known here (`writev`, `truncate`, `link`, `mkdir`, maps):
//! whoever reads the notes should see whether they lead to what lies on the disk. Nothing here allocates; calls are
//! let through one at a time, and go to the kernel directly. Linux only, absolute paths only.

// The one package that cannot do without: it is C as far as its callers know.
#![allow(unsafe_code)]

mod settings;
mod trace;

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::{Mutex, PoisonError};

use libc::{AT_FDCWD, EIO, ENOSPC, O_ACCMODE, O_APPEND, O_CREAT, O_TRUNC, off_t, size_t, ssize_t};

use settings::{Fault, settings};
use trace::{Event, Kind};

/// Held from the note of a call to its end, so that the notes have the order of the calls.
static TURN: Mutex<()> = Mutex::new(());

/// Longest path that is looked at, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// Makes a change that `event` describes, or fails it: `whole` makes it, `half` as much of it as a torn write leaves.
fn change(event: &Event<'_>, whole: impl FnOnce() -> c_long, half: impl FnOnce()) -> c_long {
    let Some(settings) = settings().filter(|settings| settings.concern(event.path)) else {
        return whole();
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    match settings.fault_now(event.kind) {
        None => {
            trace::note(settings, event);
            whole()
        }
        Some(Fault::Broken) => failed(EIO),
        Some(Fault::Full | Fault::FullFromNow) => failed(ENOSPC),
        Some(Fault::Torn) => {
            half();
            failed(EIO)
        }
        Some(Fault::TornKilled) => {
            half();
            killed()
        }
        Some(Fault::Killed) => killed(),
    }
}

fn failed(errno: c_int) -> c_long {
    // SAFETY: the address of this thread's own errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

fn killed() -> ! {
    loop {
        // SAFETY: ends this process, without anything being cleaned up.
        unsafe { libc::syscall(libc::SYS_kill, libc::getpid(), libc::SIGKILL) };
    }
}

/// The name of an open file, in `buffer`.
fn path_of(file: c_int, buffer: &mut [u8; PATH_BYTES_MAX]) -> &[u8] {
    let mut link = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0\0";
    let mut digits = [0; 10];
    let (mut rest, mut count) = (file.unsigned_abs(), 0);
    while count == 0 || rest > 0 {
        digits[count] = b'0' + (rest % 10) as u8;
        (rest, count) = (rest / 10, count + 1);
    }
    for (n, digit) in digits[..count].iter().rev().enumerate() {
        link[14 + n] = *digit;
    }
    // SAFETY: a path that ends in a zero byte, and a buffer of the length given.
    let length = unsafe {
        libc::syscall(
            libc::SYS_readlinkat,
            AT_FDCWD,
            link.as_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    &buffer[..usize::try_from(length).unwrap_or(0)]
}

/// # Safety
/// `path` is a C string.
unsafe fn bytes<'a>(path: *const c_char) -> &'a [u8] {
    if path.is_null() {
        return b"";
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(path) }.to_bytes()
}

/// # Safety
/// `data` has `count` bytes.
unsafe fn slice<'a>(data: *const c_void, count: size_t) -> &'a [u8] {
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(data.cast(), count) }
}

/// Where `write` writes in a file.
fn offset_of(file: c_int) -> u64 {
    // SAFETY: system calls on a descriptor that may be anything.
    let offset = unsafe {
        let is_appending = libc::fcntl(file, libc::F_GETFL) & O_APPEND != 0;
        let mut status = std::mem::zeroed::<libc::stat>();
        if is_appending && libc::fstat(file, &raw mut status) == 0 {
            status.st_size
        } else {
            libc::lseek(file, 0, libc::SEEK_CUR)
        }
    };
    u64::try_from(offset).unwrap_or(0)
}

/// # Safety
/// As write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, data: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: as the caller vouches for.
    let write = |count: size_t| unsafe { libc::syscall(libc::SYS_write, file, data, count) };
    // Outputs and sockets are most of what is written, and no file.
    let mut buffer = [0; PATH_BYTES_MAX];
    let path = path_of(file, &mut buffer);
    if !settings().is_some_and(|settings| settings.concern(path)) {
        return write(count) as ssize_t;
    }
    let event = Event {
        kind: Kind::Write,
        path,
        offset: offset_of(file),
        // SAFETY: as the caller vouches for.
        data: unsafe { slice(data, count) },
    };
    let half = || {
        write(count / 2);
    };
    change(&event, || write(count), half) as ssize_t
}

/// # Safety
/// As pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    file: c_int,
    data: *const c_void,
    count: size_t,
    offset: off_t,
) -> ssize_t {
    // SAFETY: as the caller vouches for.
    let write =
        |count: size_t| unsafe { libc::syscall(libc::SYS_pwrite64, file, data, count, offset) };
    let mut buffer = [0; PATH_BYTES_MAX];
    let event = Event {
        kind: Kind::Write,
        path: path_of(file, &mut buffer),
        offset: u64::try_from(offset).unwrap_or(0),
        // SAFETY: as the caller vouches for.
        data: unsafe { slice(data, count) },
    };
    let half = || {
        write(count / 2);
    };
    change(&event, || write(count), half) as ssize_t
}

/// # Safety
/// As pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(
    file: c_int,
    data: *const c_void,
    count: size_t,
    offset: off_t,
) -> ssize_t {
    // SAFETY: as the caller vouches for.
    unsafe { pwrite64(file, data, count, offset) }
}

/// # Safety
/// As ftruncate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(file: c_int, length: off_t) -> c_int {
    let mut buffer = [0; PATH_BYTES_MAX];
    let event = Event {
        kind: Kind::Truncate,
        path: path_of(file, &mut buffer),
        offset: u64::try_from(length).unwrap_or(0),
        data: b"",
    };
    // SAFETY: as the caller vouches for.
    let truncate = || unsafe { libc::syscall(libc::SYS_ftruncate, file, length) };
    change(&event, truncate, || {}) as c_int
}

/// # Safety
/// As ftruncate(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(file: c_int, length: off_t) -> c_int {
    // SAFETY: as the caller vouches for.
    unsafe { ftruncate64(file, length) }
}

fn sync(file: c_int, call: c_long) -> c_int {
    let mut buffer = [0; PATH_BYTES_MAX];
    let event = Event {
        kind: Kind::Sync,
        path: path_of(file, &mut buffer),
        offset: 0,
        data: b"",
    };
    // SAFETY: a system call on a descriptor that may be anything.
    change(&event, || unsafe { libc::syscall(call, file) }, || {}) as c_int
}

/// # Safety
/// As fsync(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(file: c_int) -> c_int {
    sync(file, libc::SYS_fsync)
}

/// # Safety
/// As fdatasync(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(file: c_int) -> c_int {
    sync(file, libc::SYS_fdatasync)
}

/// # Safety
/// As unlink(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let event = Event {
        kind: Kind::Unlink,
        // SAFETY: as the caller vouches for.
        path: unsafe { bytes(path) },
        offset: 0,
        data: b"",
    };
    // SAFETY: as the caller vouches for.
    let unlink = || unsafe { libc::syscall(libc::SYS_unlinkat, AT_FDCWD, path, 0) };
    change(&event, unlink, || {}) as c_int
}

/// # Safety
/// As rename(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let event = Event {
        kind: Kind::Rename,
        // SAFETY: as the caller vouches for.
        path: unsafe { bytes(from) },
        offset: 0,
        // SAFETY: as the caller vouches for.
        data: unsafe { bytes(to) },
    };
    // SAFETY: as the caller vouches for.
    let rename = || unsafe { libc::syscall(libc::SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) };
    change(&event, rename, || {}) as c_int
}

/// # Safety
/// As open(2). Where it is called with two arguments, the third is whatever stands in the register, and not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: as the caller vouches for.
    let open = || unsafe { libc::syscall(libc::SYS_openat, AT_FDCWD, path, flags, mode) };
    // SAFETY: as the caller vouches for.
    let is_there =
        || unsafe { libc::syscall(libc::SYS_faccessat, AT_FDCWD, path, libc::F_OK) } == 0;
    let kind = if flags & O_CREAT != 0 && !is_there() {
        Kind::Create
    } else if flags & O_TRUNC != 0 && flags & O_ACCMODE != libc::O_RDONLY {
        Kind::Truncate
    } else {
        return open() as c_int;
    };
    let event = Event {
        kind,
        // SAFETY: as the caller vouches for.
        path: unsafe { bytes(path) },
        offset: 0,
        data: b"",
    };
    change(&event, open, || {}) as c_int
}

/// # Safety
/// As [`open64`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: as the caller vouches for.
    unsafe { open64(path, flags, mode) }
}
