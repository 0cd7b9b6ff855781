//! What the library is told, by environment variables. Without the first it lets everything through.
//!
//! ```text
//! FAULTY_DISK_DIRECTORY  files below this directory are meant, and the directory itself
//! FAULTY_DISK_TRACE      a file that every change is noted in, at its end
//! FAULTY_DISK_FAULT      what goes wrong: broken, full, torn, torn-killed, killed, full-from-now
//! FAULTY_DISK_AT         at which change, counted from 1
//! FAULTY_DISK_WHILE      changes are counted and go wrong only while there is a file of this name
//! ```

use std::ffi::{CStr, c_int};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::trace::Kind;

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO, nothing is changed.
    Broken,
    /// ENOSPC, nothing is changed.
    Full,
    /// Half of what was to be written is, then EIO.
    Torn,
    /// Half of what was to be written is, then the process is no more.
    TornKilled,
    /// The process is no more.
    Killed,
    /// ENOSPC whenever something needs room, from this change on.
    FullFromNow,
}

pub(crate) struct Settings {
    directory: &'static [u8],
    fault: Option<(Fault, u32)>,
    only_while: Option<&'static CStr>,
    /// Where changes are noted.
    pub(crate) trace: Option<c_int>,
    changes: AtomicU32,
}

pub(crate) fn settings() -> Option<&'static Settings> {
    static SETTINGS: OnceLock<Option<Settings>> = OnceLock::new();
    SETTINGS.get_or_init(Settings::read).as_ref()
}

fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: a C string; the programs under test do not change their environment.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: what getenv answers is a C string, if anything.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

impl Settings {
    fn read() -> Option<Self> {
        let fault = variable(c"FAULTY_DISK_FAULT").and_then(|name| Fault::named(name.to_bytes()));
        let at = variable(c"FAULTY_DISK_AT").and_then(|at| at.to_str().ok()?.parse().ok());
        Some(Self {
            directory: variable(c"FAULTY_DISK_DIRECTORY")?.to_bytes(),
            fault: fault.zip(at),
            only_while: variable(c"FAULTY_DISK_WHILE"),
            trace: variable(c"FAULTY_DISK_TRACE").map(opened),
            changes: AtomicU32::new(0),
        })
    }

    /// Whether a path is in the directory.
    pub(crate) fn concern(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.directory)
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// Counts a change; what goes wrong with it, if anything.
    pub(crate) fn fault_now(&self, kind: Kind) -> Option<Fault> {
        let (fault, at) = self.fault?;
        if let Some(path) = self.only_while {
            // SAFETY: a C string.
            let is_there =
                unsafe { libc::syscall(libc::SYS_faccessat, libc::AT_FDCWD, path.as_ptr(), 0) };
            if is_there != 0 {
                return None;
            }
        }
        let number = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        let goes_wrong = match fault {
            Fault::FullFromNow => number >= at && matches!(kind, Kind::Write | Kind::Create),
            _ => number == at,
        };
        goes_wrong.then_some(fault)
    }
}

impl Fault {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"broken" => Self::Broken,
            b"full" => Self::Full,
            b"torn" => Self::Torn,
            b"torn-killed" => Self::TornKilled,
            b"killed" => Self::Killed,
            b"full-from-now" => Self::FullFromNow,
            _ => return None,
        })
    }
}

fn opened(path: &CStr) -> c_int {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    // SAFETY: a C string. The call goes to the kernel: `open` is ours.
    let file = unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            0o600,
        )
    };
    file as c_int
}
