//! A workshop session and what happens in it: registrations, attendance, anonymous counters, notes.
//!
//! Plain data and its small rules; who holds a seat is `seats`.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::codes::{AgeBand, Attendance, Equipment, Level, RegistrationStatus, SessionState};
use crate::ids::{AgentId, NoteId, PersonId, RegistrationId, SeriesId, SessionId, computed};
use crate::time::Timestamp;

/// Seats of a session unless somebody says otherwise: groups of three or four people.
pub const DEFAULT_CAPACITY: u16 = 4;

/// One workshop session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Code of the place (a key of the catalog's places).
    pub place: String,
    /// Local date.
    pub date: Date,
    /// Local start.
    pub start: Time,
    /// Local end, after the start on the same day.
    pub end: Time,
    /// Title on pages and on the attendance sheet; empty means « Atelier ».
    pub title: String,
    /// Level of the group.
    pub level: Level,
    /// Number of seats.
    pub capacity: u16,
    /// Codes of the themes (`Theme`), each `true` while it holds.
    pub themes: BTreeMap<String, bool>,
    /// The animateur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub animateur: Option<AgentId>,
    /// The weekly series that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesId>,
    /// Planned or cancelled.
    pub state: SessionState,
    /// Its date, time or place changed after people had registered, who must hear of it (`told` starts again).
    pub moved: bool,
    /// Why it was cancelled or moved, in the words of whoever did it.
    pub reason: String,
    /// Registrations, waiting list included; order and seats are derived.
    pub registrations: BTreeMap<RegistrationId, Registration>,
    /// Participants counted without a name: `total`, `already_seen`, `gender.feminin`, `age.soixante_dix_plus`, …
    pub anonymous: BTreeMap<String, u32>,
    /// Notes, oldest first by their time.
    pub notes: BTreeMap<NoteId, Note>,
    /// Minutes of preparation by the animateur.
    pub preparation_min: u16,
}

/// One person's registration in a session. Entries are never removed: withdrawal is a status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Who.
    pub person: PersonId,
    /// When it was written down; decides the order of seats.
    pub at: Timestamp,
    /// Whether it still stands.
    pub status: RegistrationStatus,
    /// What became of the person on the day.
    pub attendance: Attendance,
    /// Came without a registration, written down on the spot.
    pub walk_in: bool,
    /// INSEE code of the commune on that day; survives the person's erasure.
    pub commune: String,
    /// Age band at the session's date; survives the person's erasure.
    pub age_band: AgeBand,
    /// Equipment used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equipment: Option<Equipment>,
    /// The equipment was the person's own.
    pub own_equipment: bool,
    /// Set once somebody has told a person who lost their seat (or whose session moved or was cancelled).
    pub told: bool,
}

/// A note on a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<AgentId>,
    /// The text.
    pub text: String,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            place: String::new(),
            date: Date::ZERO,
            start: Time::midnight(),
            end: Time::midnight(),
            title: String::new(),
            level: Level::default(),
            capacity: DEFAULT_CAPACITY,
            themes: BTreeMap::new(),
            animateur: None,
            series: None,
            state: SessionState::default(),
            moved: false,
            reason: String::new(),
            registrations: BTreeMap::new(),
            anonymous: BTreeMap::new(),
            notes: BTreeMap::new(),
            preparation_min: 0,
        }
    }
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            person: PersonId(uuid::Uuid::nil()),
            at: Timestamp::default(),
            status: RegistrationStatus::default(),
            attendance: Attendance::default(),
            walk_in: false,
            commune: String::new(),
            age_band: AgeBand::default(),
            equipment: None,
            own_equipment: false,
            told: false,
        }
    }
}

impl SeriesId {
    /// The session of this series on `date`: the same on every laptop that generates it.
    #[must_use]
    pub fn session_on(&self, date: Date) -> SessionId {
        SessionId(computed(&format!("session:{self}:{date}")))
    }
}
