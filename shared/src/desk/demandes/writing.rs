//! What the form of a demande means, and writing it into the register of its place and day.

use jiff::civil::Date;

use crate::desk::answer::Failure;
use crate::desk::form::Form;
use crate::desk::{Desk, SignedIn};
use crate::document::Kind;
use crate::domain::age::age_band;
use crate::domain::catalog::Catalog;
use crate::domain::codes::{Autonomy, Channel, Outcome, Theme};
use crate::domain::commune::{OUTSIDE, is_insee_code};
use crate::domain::demande::{Demande, Register, register_id};
use crate::ids::{DemandeId, DocumentId};
use crate::text::collapsed;
use crate::view::people;

/// The demande that the form describes; refuses what is wrong.
pub(super) fn read(form: &mut Form, catalog: &Catalog, today: Date) -> Demande {
    let outcome = Outcome::from_code(form.value("outcome")).unwrap_or_default();
    let referred = outcome == Outcome::Referred;
    let offered = catalog.operators_on(today);
    let operator = Some(form.value("operator"))
        .filter(|operator| offered.iter().any(|(code, _)| code == operator));
    let commune =
        Some(form.value("commune")).filter(|commune| *commune == OUTSIDE || is_insee_code(commune));
    let demande = Demande {
        person: form.value("person").parse().ok(),
        operator: operator.unwrap_or_default().to_owned(),
        theme: Theme::from_code(form.value("theme")),
        channel: Channel::from_code(form.value("channel")).unwrap_or_default(),
        outcome,
        referred_to: match referred {
            true => collapsed(form.value("referred_to")),
            false => String::new(),
        },
        autonomy: Autonomy::from_code(form.value("autonomy")),
        duration_min: form.value("duration").parse().unwrap_or(0),
        commune: commune.unwrap_or_default().to_owned(),
        // Browsers send the ends of lines as in an e-mail.
        notes: form.value("notes").replace("\r\n", "\n"),
        ..Demande::default()
    };
    for (field, message) in demande.validate() {
        form.refuse(field, message);
    }
    demande
}

/// Writes a demande once, with the commune and the age band that the person's record gives for that day.
pub(super) async fn write(
    desk: &Desk,
    who: &SignedIn,
    (place, date): (String, Date),
    id: DemandeId,
    mut demande: Demande,
) -> Result<(), Failure> {
    let agent = who.agent;
    let written = desk.site().write(move |work| {
        demande.at = work.stamp();
        demande.agent = Some(agent);
        if let Some(person) = demande.person {
            let line = people::line_of(work.connection(), person)?;
            demande.person = line.as_ref().map(|line| line.id);
            if let Some(line) = line {
                demande.age_band = age_band(line.birth_year, date);
                if !line.commune.is_empty() {
                    demande.commune = line.commune;
                }
            }
        }
        work.edit(
            register_id(&place, date),
            agent,
            |register: &mut Register| {
                register.place = place;
                register.date = Some(date);
                register.demandes.entry(id).or_insert(demande);
            },
        )
    });
    Ok(written.await?)
}

/// Strikes a demande out, or takes that back.
pub(super) async fn set_struck(
    desk: &Desk,
    who: &SignedIn,
    register: DocumentId,
    id: DemandeId,
    struck: bool,
) -> Result<(), Failure> {
    let agent = who.agent;
    let found = desk.site().write(move |work| {
        if work
            .open(register)?
            .is_none_or(|document| document.kind != Kind::Register)
        {
            return Ok(false);
        }
        work.edit(register, agent, |register: &mut Register| {
            let demande = register.demandes.get_mut(&id);
            demande.map(|demande| demande.struck = struck).is_some()
        })
    });
    found.await?.then_some(()).ok_or(Failure::NotFound)
}
