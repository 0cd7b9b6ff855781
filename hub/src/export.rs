//! The export of activities as a CSV file: one line per participant, in the columns that La Coop's users know.
//!
//! Whoever gets it gets names: who may ask is the caller's business.

use jiff::civil::Date;
use shared::domain::activity::{HEADER, write_csv};
use shared::site::Site;
use shared::view::activities::activities;

use crate::opened::HubError;

/// The activities of a period, both days included, at one place or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Code of the only place.
    pub place: Option<String>,
}

impl Period {
    /// « activites-2026-09-01-2026-11-26.csv ».
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("activites-{}-{}.csv", self.from, self.to)
    }
}

/// The bytes of the file.
///
/// # Errors
/// What the store says.
pub async fn activities_csv(site: &Site, period: Period) -> Result<Vec<u8>, HubError> {
    let rows = site.read(move |connection| {
        let Period { from, to, place } = period;
        Ok(activities(connection, from, to, place.as_deref())?)
    });
    let rows = rows.await?.into_iter().map(|row| row.cells());
    let header = HEADER.map(str::to_owned).to_vec();
    write_csv(std::iter::once(header).chain(rows))
        .map_err(|error| HubError::System(std::io::Error::other(error)))
}
