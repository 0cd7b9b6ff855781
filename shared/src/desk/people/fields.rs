//! The fields of a person as forms send them and as people read them: one list for form, history, disagreement, merge.

use serde_json::Value;

use crate::desk::form::{Choice, Form};
use crate::domain::codes::{Gender, Level, SocialStatus};
use crate::domain::commune::{self, COMMUNES, Commune, OUTSIDE};
use crate::domain::person::Person;

/// Name, as in documents and forms, and label of every field that an agent fills in, in reading order.
pub(super) const FIELDS: &[(&str, &str)] = &[
    ("family_name", "Nom"),
    ("given_name", "Prénom"),
    ("phone", "Téléphone"),
    ("email", "Adresse e-mail"),
    ("commune", "Commune"),
    ("postal_code", "Code postal"),
    ("birth_year", "Année de naissance"),
    ("level", "Niveau"),
    ("gender", "Genre"),
    ("status", "Statut"),
    ("responsible_adult", "Adulte responsable"),
    ("notes", "Note"),
];

/// « Téléphone »; the name itself for a field that this program does not know.
pub(super) fn label(name: &str) -> &str {
    FIELDS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(name, |(_, label)| label)
}

/// What a form holds for the field; empty when it is not given.
pub(super) fn text(person: &Person, name: &str) -> String {
    match name {
        "family_name" => person.family_name.clone(),
        "given_name" => person.given_name.clone(),
        "phone" => person.phone.clone(),
        "email" => person.email.clone(),
        "commune" => person.commune.clone(),
        "postal_code" => person.postal_code.clone(),
        "birth_year" => person.birth_year.map(|y| y.to_string()).unwrap_or_default(),
        "level" => person.level.map_or("", Level::code).to_owned(),
        "gender" => person.gender.code().to_owned(),
        "status" => person.status.code().to_owned(),
        "responsible_adult" => person.responsible_adult.clone(),
        "notes" => person.notes.clone(),
        _ => String::new(),
    }
}

/// Puts what a form sent for the field into the person.
///
/// # Errors
/// A sentence, for a year that is no number. What else may be wrong is [`Person::validate`]'s business.
pub(super) fn set(person: &mut Person, name: &str, text: &str) -> Result<(), &'static str> {
    match name {
        "family_name" => text.clone_into(&mut person.family_name),
        "given_name" => text.clone_into(&mut person.given_name),
        "phone" => text.clone_into(&mut person.phone),
        "email" => text.clone_into(&mut person.email),
        "commune" => text.clone_into(&mut person.commune),
        "postal_code" => text.clone_into(&mut person.postal_code),
        "birth_year" if text.is_empty() => person.birth_year = None,
        "birth_year" => {
            let year = text
                .parse()
                .map_err(|_| "L’année de naissance doit avoir quatre chiffres, comme 1950.")?;
            person.birth_year = Some(year);
        }
        "level" => person.level = Level::from_code(text),
        "gender" => person.gender = Gender::from_code(text).unwrap_or_default(),
        "status" => person.status = SocialStatus::from_code(text).unwrap_or_default(),
        "responsible_adult" => text.clone_into(&mut person.responsible_adult),
        // Browsers send the ends of lines as in an e-mail.
        "notes" => person.notes = text.replace("\r\n", "\n"),
        _ => {}
    }
    Ok(())
}

/// The person that the form's fields, their names after `prefix`, describe; cleaned. A year that is no number is
/// refused.
pub(super) fn person(form: &mut Form, prefix: &str) -> Person {
    let mut person = Person::default();
    for (name, _) in FIELDS {
        let text = form.value(&format!("{prefix}{name}")).to_owned();
        if let Err(message) = set(&mut person, name, &text) {
            form.refuse(name, message);
        }
    }
    person.cleaned()
}

/// What a person reads for the text of a field; empty when it is not given.
pub(super) fn shown(name: &str, text: &str) -> String {
    match name {
        "commune" if text.is_empty() => String::new(),
        "commune" => place(text),
        "level" => match Level::from_code(text) {
            Some(level) => level.label().to_owned(),
            None => text.to_owned(),
        },
        "gender" => disclosed(Gender::from_code(text).map(Gender::label), text),
        "status" => disclosed(SocialStatus::from_code(text).map(SocialStatus::label), text),
        _ => text.to_owned(),
    }
}

/// What a person reads for a value of a document.
pub(super) fn shown_value(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => shown(name, text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// « Saint-Chinian », « hors territoire (34032) ».
fn place(code: &str) -> String {
    let label = commune::label(code);
    if Commune::by_insee(code).is_some() || code == OUTSIDE {
        label.to_owned()
    } else {
        format!("{label} ({code})")
    }
}

fn disclosed(label: Option<&'static str>, code: &str) -> String {
    if code == Gender::Undisclosed.code() {
        String::new()
    } else {
        label.unwrap_or(code).to_owned()
    }
}

/// The communes to choose from: the 17, « hors territoire », and `current` where it is another one, so that a form
/// which does not touch it does not lose it.
pub(in crate::desk) fn communes(current: &str) -> Vec<Choice> {
    let territory = COMMUNES.iter();
    let mut choices: Vec<Choice> = territory
        .map(|commune| Choice::new(commune.insee, commune.name))
        .collect();
    choices.push(Choice::new(OUTSIDE, "Hors territoire"));
    if !current.is_empty() && choices.iter().all(|choice| choice.code() != current) {
        choices.push(Choice::new(current, place(current)));
    }
    choices
}

/// The levels to choose from, and that nobody has assessed it.
pub(super) fn levels() -> Vec<Choice> {
    let levels = Level::ALL.iter();
    let mut choices: Vec<Choice> = levels
        .map(|level| Choice::new(level.code(), level.label()))
        .collect();
    choices.push(Choice::new("", "Pas évalué"));
    choices
}
