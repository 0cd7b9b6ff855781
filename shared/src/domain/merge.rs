//! Two records of one person read as one: the destination wins, the source fills its blanks.
//!
//! Only what the reading is. That two records belong together is a decision of a person, kept as an alias on the
//! source, so nothing is copied and what is still written on the source elsewhere is not lost.

use super::codes::{Gender, SocialStatus};
use super::person::Person;

impl Person {
    /// Takes from `source` what is not given here. « Non communiqué » counts as not given.
    pub fn fill_from(&mut self, source: &Self) {
        for (mine, theirs) in [
            (&mut self.family_name, &source.family_name),
            (&mut self.given_name, &source.given_name),
            (&mut self.postal_code, &source.postal_code),
            (&mut self.commune, &source.commune),
            (&mut self.phone, &source.phone),
            (&mut self.email, &source.email),
            (&mut self.responsible_adult, &source.responsible_adult),
            (&mut self.notes, &source.notes),
        ] {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
        if self.gender == Gender::Undisclosed {
            self.gender = source.gender;
        }
        if self.status == SocialStatus::Undisclosed {
            self.status = source.status;
        }
        self.birth_year = self.birth_year.or(source.birth_year);
        self.level = self.level.or(source.level);
        self.created_at = match (self.created_at, source.created_at) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::Level;
    use crate::ids::PersonId;
    use crate::time::Timestamp;

    #[test]
    fn the_destination_wins_and_the_source_fills_its_blanks() {
        let mut kept = Person {
            given_name: "Sylvie".into(),
            family_name: "Carayon".into(),
            phone: "06 12 34 56 78".into(),
            status: SocialStatus::Retired,
            created_at: Some(Timestamp(20)),
            ..Person::default()
        };
        let source = Person {
            given_name: "Silvie".into(),
            family_name: "Carayon".into(),
            phone: "04 67 38 22 22".into(),
            email: "sylvie@example.net".into(),
            commune: "34245".into(),
            birth_year: Some(1953),
            gender: Gender::Female,
            status: SocialStatus::Employed,
            level: Some(Level::Beginner),
            notes: "Vient en bus.".into(),
            created_at: Some(Timestamp(10)),
            merged_into: Some(PersonId::fresh()),
            ..Person::default()
        };
        kept.fill_from(&source);
        let read = Person {
            given_name: "Sylvie".into(),
            phone: "06 12 34 56 78".into(),
            status: SocialStatus::Retired,
            merged_into: None,
            ..source
        };
        assert_eq!(kept, read);
    }

    #[test]
    fn a_source_that_does_not_say_changes_nothing() {
        let kept = Person {
            gender: Gender::Male,
            level: Some(Level::Advanced),
            birth_year: Some(1950),
            ..Person::default()
        };
        let mut read = kept.clone();
        read.fill_from(&Person::default());
        assert_eq!(read, kept);
    }
}
