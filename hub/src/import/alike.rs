//! Who in a file looks like somebody who is known, or like somebody further up in the file.
//!
//! What « alike » means is the domain's rule; here every line is compared with everybody, by sketch first, so that
//! ten thousand lines against thousands of people stay a matter of a second.

use shared::domain::person::Person;
use shared::domain::resemblance::{Resemblance, Sketch, looks_like};
use shared::ids::PersonId;
use shared::view::people::PersonLine;

/// Resemblances of one line that are shown.
const SHOWN_MAX: usize = 3;

/// Resemblances of one line that are weighed: more than anybody has relatives on one phone. A file made to resemble
/// itself costs no more than that.
const WEIGHED_MAX: usize = 50;

/// Somebody whom a line looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Who.
    pub with: With,
    /// How much, and why.
    pub resemblance: Resemblance,
}

/// Where somebody alike stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum With {
    /// Among the people who are known: id and name.
    Known(PersonId, String),
    /// Further up in the file: number of the line.
    Line(u64),
}

/// Everybody to compare with: those who are known, then the lines that have been read.
#[derive(Debug, Default)]
pub(super) struct Everybody {
    known: Vec<(Sketch, Person, With)>,
}

impl Everybody {
    /// The people who are known.
    pub(super) fn known(people: &[PersonLine]) -> Self {
        let mut everybody = Self::default();
        for line in people {
            let with = With::Known(line.id, line.display_name());
            everybody.add(line.as_person(), with);
        }
        everybody
    }

    /// Adds somebody whom later lines are compared with as well.
    pub(super) fn add(&mut self, person: Person, with: With) {
        self.known.push((Sketch::of(&person), person, with));
    }

    /// Those who look like `person`, the likeliest first.
    pub(super) fn like(&self, person: &Person) -> Vec<Alike> {
        let sketch = Sketch::of(person);
        let candidates = self.known.iter();
        let candidates = candidates.filter(|(other, ..)| sketch.may_resemble(other));
        let mut found: Vec<Alike> = candidates
            .filter_map(|(_, other, with)| {
                let resemblance = looks_like(person, other)?;
                let with = with.clone();
                Some(Alike { with, resemblance })
            })
            .take(WEIGHED_MAX)
            .collect();
        found.sort_by_key(|alike| std::cmp::Reverse(alike.resemblance.score));
        found.truncate(SHOWN_MAX);
        found
    }

    /// Whether somebody most probably is `person`.
    pub(super) fn holds(&self, person: &Person) -> bool {
        let likeliest = self.like(person).into_iter().next();
        likeliest.is_some_and(|alike| alike.resemblance.is_strong())
    }
}
