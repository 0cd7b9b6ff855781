//! What a running program uses, as the kernel tells it under `/proc`.

use std::fs;

/// Ticks a second in which Linux counts processor time for programs, on every machine that it runs on.
const TICKS_S: f64 = 100.0;

/// Processor seconds that a process has used so far, in all its threads; `None` when it is gone.
#[must_use]
pub fn cpu_s(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name stands in brackets and may hold anything; what follows it are numbers.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let user: f64 = ticks.next()?.parse().ok()?;
    let system: f64 = ticks.next()?.parse().ok()?;
    Some((user + system) / TICKS_S)
}

/// Megabytes of memory that a process has held at most; `None` when it is gone.
#[must_use]
pub fn peak_mb(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something_and_no_process_uses_nothing() {
        let me = std::process::id();
        assert!(peak_mb(me).unwrap() > 1.0);
        assert!(cpu_s(me).unwrap() >= 0.0);
        assert_eq!((peak_mb(u32::MAX), cpu_s(u32::MAX)), (None, None));
    }
}
