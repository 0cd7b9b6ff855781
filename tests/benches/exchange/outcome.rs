//! What came of a run, as JSON for other programs and, in medians, as a table for people.

use std::fmt::Write;

use serde::Serialize;
use tests::workload::Size;

use crate::{Line, Workload};

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    system: &'static str,
    size: &'static str,
    #[serde(serialize_with = "by_name")]
    pub workload: Workload,
    #[serde(serialize_with = "by_line")]
    pub link: Line,
    run: u32,
    /// Everything went as it must.
    pub ok: bool,
    /// If not, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// From the start of the laptop's program to its end; of fifty, of the first to the last.
    pub wall_ms: u64,
    pub bytes_up: u64,
    pub bytes_down: u64,
    pub connections: u64,
    /// Requests that were answered, as the laptop counts them.
    pub round_trips: u64,
    pub hub_cpu_s: f64,
    pub hub_peak_mb: f64,
    /// Of all laptops.
    pub client_cpu_s: f64,
    /// Both sides hold the same documents with the same content.
    pub equal: bool,
    /// Documents that the hub holds.
    pub docs: usize,
}

impl Outcome {
    /// A run of which nothing is known yet.
    pub fn of(size: Size, workload: Workload, link: Line, run: u32) -> Self {
        Self {
            system: "maison",
            size: size.letter(),
            workload,
            link,
            run,
            ok: false,
            reason: None,
            wall_ms: 0,
            bytes_up: 0,
            bytes_down: 0,
            connections: 0,
            round_trips: 0,
            hub_cpu_s: 0.0,
            hub_peak_mb: 0.0,
            client_cpu_s: 0.0,
            equal: false,
            docs: 0,
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain values are JSON")
    }
}

fn by_name<S: serde::Serializer>(workload: &Workload, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{workload:?}"))
}

fn by_line<S: serde::Serializer>(line: &Line, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(line.name())
}

/// The medians of each workload and line, over the runs that went well, and what went wrong in the others.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = format!(
        "{:<10}{:>10}{:>10}{:>10}{:>7}{:>7}{:>9}{:>8}{:>11}{:>7}\n",
        "", "wall ms", "B up", "B down", "conn.", "trips", "hub CPU", "hub MB", "laptop CPU", "ok"
    );
    for same in outcomes.chunk_by(|a, b| (a.workload, a.link) == (b.workload, b.link)) {
        table.push_str(&row(same));
    }
    table
}

fn row(same: &[Outcome]) -> String {
    let good: Vec<&Outcome> = same.iter().filter(|outcome| outcome.ok).collect();
    let number = |of: fn(&Outcome) -> u64| median(good.iter().map(|one| of(one) as f64).collect());
    let real = |of: fn(&Outcome) -> f64| median(good.iter().map(|one| of(one)).collect());
    let mut row = format!(
        "{:<10}{:>10.0}{:>10.0}{:>10.0}{:>7.0}{:>7.0}{:>9.2}{:>8.0}{:>11.2}{:>7}\n",
        format!("{:?} {}", same[0].workload, same[0].link.name()),
        number(|one| one.wall_ms),
        number(|one| one.bytes_up),
        number(|one| one.bytes_down),
        number(|one| one.connections),
        number(|one| one.round_trips),
        real(|one| one.hub_cpu_s),
        real(|one| one.hub_peak_mb),
        real(|one| one.client_cpu_s),
        format!("{}/{}", good.len(), same.len()),
    );
    for reason in same.iter().filter_map(|one| one.reason.as_ref()) {
        // Writing to a text cannot fail.
        let _ = writeln!(row, "    {reason}");
    }
    row
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
