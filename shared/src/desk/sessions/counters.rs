//! The anonymous counters of a session as the sheet shows and asks for them: two that are tapped, and the optional ones
//! by family.

use super::words::counter_name;
use crate::desk::form::Form;
use crate::domain::attendance::{ALREADY_SEEN, FAMILIES, TOTAL};
use crate::domain::codes::{AgeBand, Gender, SocialStatus};
use crate::domain::session::Session;

/// A family of anonymous counters: its name, and the names and words of its counters.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) counters: Vec<(String, &'static str)>,
}

/// The counters of a session beside the two that are tapped, as a form.
pub(super) fn form(session: &Session) -> Form {
    let shown = families().into_iter().flat_map(|family| family.counters);
    shown.fold(Form::default(), |form, (counter, _)| {
        let count = session.anonymous.get(&counter).filter(|count| **count > 0);
        form.starting(&counter, count.map(u32::to_string).unwrap_or_default())
    })
}

/// Every optional counter, by family.
pub(super) fn families() -> Vec<Family> {
    let family = |(code, name): &(&str, &'static str)| Family {
        name,
        counters: codes_of(code)
            .into_iter()
            .map(|(answer, label)| (format!("{code}.{answer}"), label))
            .collect(),
    };
    FAMILIES.iter().map(family).collect()
}

fn codes_of(family: &str) -> Vec<(&'static str, &'static str)> {
    match family {
        "gender" => Gender::ALL.iter().map(|c| (c.code(), c.label())).collect(),
        "age" => AgeBand::ALL.iter().map(|c| (c.code(), c.label())).collect(),
        _ => SocialStatus::ALL
            .iter()
            .map(|c| (c.code(), c.label()))
            .collect(),
    }
}

/// Whether `counter` is one that pages count.
pub(super) fn is_counter(counter: &str) -> bool {
    counter == TOTAL || counter == ALREADY_SEEN || counter_name(counter) != counter
}
