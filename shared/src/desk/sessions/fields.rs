//! The fields of a session as forms hold them: choices, reading what was sent, first values, the animateur's clashes.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use rusqlite::Connection;

use crate::desk::form::{Choice, Form};
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Level, Theme};
use crate::domain::session::Session;
use crate::ids::{AgentId, SessionId};
use crate::site::SiteError;
use crate::text::collapsed;
use crate::time::{hours, short_date};
use crate::view::sessions::{SessionLine, Slot, clashes};

/// The service's places, by name.
pub(super) fn places(catalog: &Catalog) -> Vec<Choice> {
    let places = catalog.places.iter();
    sorted(places.map(|(code, place)| Choice::new(code, &place.name)))
}

/// The accounts that may hold a session, by name; `chosen` stays in the list when its account was closed.
pub(super) fn animateurs(catalog: &Catalog, chosen: Option<AgentId>) -> Vec<Choice> {
    let agents = catalog.agents.iter();
    let agents = agents.filter(|(id, agent)| !agent.disabled || chosen == Some(**id));
    sorted(agents.map(|(id, agent)| Choice::new(id.to_string(), &agent.name)))
}

/// The themes of workshops.
pub(super) fn themes() -> Vec<Theme> {
    let themes = Theme::ALL.iter().copied();
    themes.filter(|theme| theme.is_digital()).collect()
}

fn sorted(choices: impl Iterator<Item = Choice>) -> Vec<Choice> {
    let mut choices: Vec<Choice> = choices.collect();
    choices.sort_by_cached_key(|choice| crate::text::folded(choice.label()));
    choices
}

/// A form that starts with when and where `session` takes place.
pub(super) fn when_and_where(session: &Session) -> Form {
    let time = |time: Time| time.strftime("%H:%M").to_string();
    Form::default()
        .starting("place", &session.place)
        .starting("date", session.date.to_string())
        .starting("start", time(session.start))
        .starting("end", time(session.end))
}

/// A form that starts with what `session` is about.
pub(super) fn about(session: &Session) -> Form {
    let animateur = session.animateur.map(|id| id.to_string());
    let form = Form::default()
        .starting("title", &session.title)
        .starting("level", session.level.code())
        .starting("capacity", session.capacity.to_string())
        .starting("animateur", animateur.unwrap_or_default());
    let themes = session.themes.iter().filter(|(_, holds)| **holds);
    themes.fold(form, |form, (theme, _)| form.starting("theme", theme))
}

/// Writes into `session` the fields that the form holds and the person changed; refuses those that do not read.
///
/// Called on what the record held when the form was read and again, within the write, on what it holds then: what
/// came from elsewhere meanwhile stays.
pub(super) fn apply(form: &mut Form, session: &mut Session) {
    if form.changed("title") {
        session.title = collapsed(form.value("title"));
    }
    if form.changed("place") {
        form.value("place").clone_into(&mut session.place);
    }
    if let Some(date) = read::<Date>(form, "date", "Choisissez une date.") {
        session.date = date;
    }
    if let Some(start) = read::<Time>(form, "start", "Indiquez l’heure de début.") {
        session.start = start;
    }
    if let Some(end) = read::<Time>(form, "end", "Indiquez l’heure de fin.") {
        session.end = end;
    }
    if form.changed("level") {
        match Level::from_code(form.value("level")) {
            Some(level) => session.level = level,
            None => form.refuse("level", "Choisissez un niveau."),
        }
    }
    if let Some(capacity) = read::<u16>(form, "capacity", "Indiquez le nombre de places.") {
        session.capacity = capacity;
    }
    if form.changed("animateur") {
        session.animateur = form.value("animateur").parse().ok();
    }
    if form.changed("theme") {
        for theme in themes() {
            let (holds, held) = (form.has("theme", theme.code()), session.has_theme(theme));
            if holds != held {
                session.themes.insert(theme.code().to_owned(), holds);
            }
        }
    }
}

/// A changed field's value; refuses it when it does not read.
pub(super) fn read<T: FromStr>(form: &mut Form, name: &str, message: &str) -> Option<T> {
    if !form.changed(name) {
        return None;
    }
    let value = form.value(name).parse().ok();
    if value.is_none() {
        form.refuse(name, message);
    }
    value
}

/// Refuses what the domain finds wrong with `session`, where reading did not refuse the field already.
pub(super) fn refuse_problems(form: &mut Form, session: &Session, catalog: &Catalog) {
    for (field, message) in session.validate(&catalog.places) {
        if form.error(field).is_empty() {
            form.refuse(field, message);
        }
    }
}

/// Other sessions of the animateur at the same time: said, never forbidden.
#[derive(Clone, Debug, Default)]
pub(super) struct Clashes {
    /// One sentence each.
    pub(super) sentences: Vec<String>,
    /// Their ids, as the form sends them back once the person has seen them.
    pub(super) seen: String,
}

impl Clashes {
    /// Those of `session` on each of `dates`.
    pub(super) fn of(
        connection: &Connection,
        session: &Session,
        dates: &[Date],
        except: Option<SessionId>,
        catalog: &Catalog,
    ) -> Result<Self, SiteError> {
        let mut found = Vec::new();
        if let Some(animateur) = session.animateur {
            for date in dates {
                let slot = Slot {
                    animateur,
                    date: *date,
                    start: session.start,
                    end: session.end,
                };
                found.extend(clashes(connection, &slot, except)?);
            }
        }
        let ids: Vec<String> = found.iter().map(|line| line.id.to_string()).collect();
        Ok(Self {
            sentences: found.iter().map(|line| sentence(line, catalog)).collect(),
            seen: ids.join(" "),
        })
    }

    /// Whether there is something that the person who sent `form` has not been told.
    pub(super) fn are_new(&self, form: &Form) -> bool {
        !self.seen.is_empty() && form.value("seen") != self.seen
    }
}

/// « Karim Haddad a déjà un atelier : Capestang, jeu. 26 nov., 9 h 30 – 11 h 30. »
fn sentence(line: &SessionLine, catalog: &Catalog) -> String {
    let who = line.animateur.map_or("L’animateur", |agent| {
        crate::desk::agent_name(catalog, agent)
    });
    format!(
        "{who} a déjà un atelier\u{a0}: {}, {}, {}.",
        catalog.place_name(&line.place),
        short_date(line.date),
        hours(line.start, line.end)
    )
}
