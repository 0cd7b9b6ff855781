//! Work of the usual shape from a seed, for whoever has no files. No person in it exists.
//!
//! A session has three or four registrations, most of them with a mark; of the sessions two in five were evaluated. A
//! laptop's day is 8 people created and 6 edited, 2 sessions created, 8 registrations and 16 marks; meanwhile the hub
//! creates 3 people and a session and edits 6 people, with 3 registrations, 3 marks and 4 evaluations.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use shared::document::Kind;
use shared::domain::commune::COMMUNES;
use uuid::Uuid;

use super::{LAPTOPS, Op, Set, Work};
use crate::sample::{FAMILY, GIVEN};

const LEVELS: &[&str] = &["alpha", "A1.1", "A1", "A2", "B1", "B2"];
const EQUIPMENT: &[&str] = &[
    "smartphone",
    "smartphone+laptop",
    "laptop",
    "desktop",
    "tablet",
    "none",
];
const SITES: &[&str] = &[
    "Salle des fêtes",
    "Médiathèque",
    "Foyer rural",
    "Mairie annexe",
    "Bus itinérant 1",
    "Bus itinérant 2",
    "Espace Saint-Michel",
    "Maison des associations",
];
const TOPICS: &[&str] = &[
    "Prise en main du smartphone",
    "Courriel et pièces jointes",
    "Sécurité et mots de passe",
    "Impôts en ligne",
    "Visio avec la famille",
    "Photos : trier et partager",
    "Traitement de texte",
    "Tableur niveau 1",
    "Dossier médical",
    "Démarches en ligne",
];
const WORDS: &[&str] = &[
    "accès",
    "appareil",
    "après",
    "attestation",
    "avant",
    "batterie",
    "besoin",
    "bus",
    "charge",
    "déjà",
    "difficile",
    "disponible",
    "faible",
    "fille",
    "inscrit",
    "lunettes",
    "matin",
    "mercredi",
    "midi",
    "motivée",
    "niveau",
    "ordinateur",
    "parle",
    "perdue",
    "peu",
    "préfère",
    "rampe",
    "rappeler",
    "réduite",
    "revoir",
    "téléphone",
    "transport",
    "veille",
    "voisin",
];

/// Seconds from 2025-03-28 on among which every time of day lies: somewhat under a year.
const FIRST_S: u32 = 1_743_120_000;
const SPAN_S: u32 = 28_000_000;

pub(super) fn made(people: usize, sessions: usize, seed: u64) -> Work {
    let mut maker = Maker {
        rng: StdRng::seed_from_u64(seed),
        people: Vec::new(),
        sessions: Vec::new(),
    };
    let mut history: Vec<Op> = (0..people).map(|_| maker.new_person()).collect();
    history.extend((0..sessions).map(|_| maker.new_session()));
    for session in 0..sessions {
        maker.fill(session, &mut history);
    }
    let hub = maker.hub_day();
    let laptops = (0..LAPTOPS).map(|_| maker.laptop_day()).collect();
    let mut work = Work {
        seed: joined(&history),
        history,
        laptops,
        hub,
        ..Work::default()
    };
    work.after_seed = work.seed.clone();
    work.after_day = [
        work.seed.as_slice(),
        work.laptops[0].as_slice(),
        work.hub.as_slice(),
    ]
    .concat();
    work
}

/// The same end state with one operation for each document.
fn joined(history: &[Op]) -> Vec<Op> {
    let mut positions = std::collections::HashMap::new();
    let mut joined: Vec<Op> = Vec::new();
    for op in history {
        match positions.get(&op.id) {
            None => {
                positions.insert(op.id, joined.len());
                joined.push(op.clone());
            }
            Some(position) => joined[*position].sets.extend(op.sets.iter().cloned()),
        }
    }
    joined
}

struct Maker {
    rng: StdRng,
    /// The people and sessions that the hub holds.
    people: Vec<Uuid>,
    sessions: Vec<Held>,
}

/// Whose day it is.
#[derive(Clone, Copy)]
enum Side {
    Laptop = 0,
    Hub = 1,
}

/// A session and who is registered in it.
#[derive(Clone)]
struct Held {
    id: Uuid,
    registered: Vec<Uuid>,
}

impl Maker {
    fn new_person(&mut self) -> Op {
        let op = self.person();
        self.people.push(op.id);
        op
    }

    fn new_session(&mut self) -> Op {
        let op = self.session();
        self.sessions.push(Held {
            id: op.id,
            registered: Vec::new(),
        });
        op
    }

    fn person(&mut self) -> Op {
        let mut sets = vec![
            field("family", json!(self.pick(FAMILY))),
            field("given", json!(self.pick(GIVEN))),
            field("phone", json!(self.phone())),
            field("birth", json!(self.rng.random_range(1945..2008))),
            self.commune(),
            field("level", json!(self.pick(LEVELS))),
            field("equipment", json!(self.pick(EQUIPMENT))),
            field("consent", json!(self.date().to_string())),
        ];
        if self.chance(40) {
            sets.push(self.notes());
        }
        self.created(Kind::Person, sets)
    }

    fn session(&mut self) -> Op {
        let (hour, minute) = (
            self.rng.random_range(8..19),
            self.rng.random_range(0..2) * 30,
        );
        let start = format!("{}T{hour:02}:{minute:02}", self.date());
        let sets = vec![
            field("site", json!(self.pick(SITES))),
            field("level", json!(self.pick(LEVELS))),
            field("start", json!(start)),
            field("topic", json!(self.pick(TOPICS))),
            field("capacity", json!(self.rng.random_range(4..15))),
        ];
        self.created(Kind::Session, sets)
    }

    fn created(&mut self, kind: Kind, sets: Vec<Set>) -> Op {
        Op {
            id: self.id(),
            kind: Some(kind),
            sets,
        }
    }

    /// What happened in a session of the past.
    fn fill(&mut self, position: usize, history: &mut Vec<Op>) {
        let id = self.sessions[position].id;
        let registrations = self.rng.random_range(3..5);
        let registered = self.some_people(registrations);
        let is_evaluated = self.chance(40);
        for person in &registered {
            history.push(self.registration(id, *person));
        }
        for person in &registered {
            if self.chance(84) {
                history.push(self.mark(id, *person));
            }
        }
        for person in registered.iter().filter(|_| is_evaluated) {
            history.push(self.evaluation(id, *person));
        }
        self.sessions[position].registered = registered;
    }

    fn laptop_day(&mut self) -> Vec<Op> {
        let mut day: Vec<Op> = (0..8).map(|_| self.person()).collect();
        let created: Vec<Uuid> = day.iter().map(|op| op.id).collect();
        for person in self.some_people(6) {
            let phone = field("phone", json!(self.phone()));
            let level = field("level", json!(self.pick(LEVELS)));
            day.push(self.person_edit(person, phone, level));
        }
        for half in created.chunks(4) {
            let session = self.session();
            let id = session.id;
            day.push(session);
            // Half of them have just been written down.
            let known = self.some_people(2);
            for person in half[..2].iter().chain(&known) {
                day.push(self.registration(id, *person));
            }
        }
        for _ in 0..4 {
            let Held { id, registered } = self.some_session(Side::Laptop);
            for person in registered.iter().cycle().take(4) {
                day.push(self.mark(id, *person));
            }
        }
        day
    }

    fn hub_day(&mut self) -> Vec<Op> {
        let mut day: Vec<Op> = (0..3).map(|_| self.person()).collect();
        let created = day[0].id;
        for person in self.some_people(6) {
            let notes = self.notes();
            let commune = self.commune();
            day.push(self.person_edit(person, notes, commune));
        }
        let session = self.session();
        let id = session.id;
        day.push(session);
        let known = self.some_people(2);
        for person in std::iter::once(created).chain(known) {
            day.push(self.registration(id, person));
        }
        let Held { id, registered } = self.some_session(Side::Hub);
        for person in registered.iter().take(3) {
            day.push(self.mark(id, *person));
        }
        for _ in 0..2 {
            let Held { id, registered } = self.some_session(Side::Hub);
            for person in registered.iter().take(2) {
                day.push(self.evaluation(id, *person));
            }
        }
        day
    }

    /// An edit of the first field, or of both.
    fn person_edit(&mut self, id: Uuid, first: Set, second: Set) -> Op {
        let mut sets = vec![first];
        if self.chance(40) {
            sets.push(second);
        }
        Op {
            id,
            kind: None,
            sets,
        }
    }

    fn registration(&mut self, session: Uuid, person: Uuid) -> Op {
        let status = if self.chance(75) {
            "registered"
        } else {
            "waiting"
        };
        let value = json!({"status": status, "at": self.at()});
        edit(session, entry("registrations", person, value))
    }

    fn mark(&mut self, session: Uuid, person: Uuid) -> Op {
        let mark = self.pick(&["present", "present", "present", "late", "absent"]);
        let value = json!({"mark": mark, "at": self.at()});
        edit(session, entry("attendance", person, value))
    }

    fn evaluation(&mut self, session: Uuid, person: Uuid) -> Op {
        let value = json!({"score": self.rng.random_range(0..21), "at": self.at()});
        edit(session, entry("evaluation", person, value))
    }

    fn phone(&mut self) -> String {
        let first = self.rng.random_range(6..8);
        format!("0{first}{:08}", self.rng.random_range(0..100_000_000))
    }

    fn commune(&mut self) -> Set {
        let commune = &COMMUNES[self.rng.random_range(0..COMMUNES.len())];
        field("commune", json!(commune.insee))
    }

    fn notes(&mut self) -> Set {
        let words = self.rng.random_range(5..9);
        let words: Vec<&str> = (0..words).map(|_| self.pick(WORDS)).collect();
        field("notes", json!(words.join(" ")))
    }

    /// People that the hub holds, each once.
    fn some_people(&mut self, count: usize) -> Vec<Uuid> {
        let mut some = Vec::new();
        while some.len() < count.min(self.people.len()) {
            let person = self.people[self.rng.random_range(0..self.people.len())];
            if !some.contains(&person) {
                some.push(person);
            }
        }
        some
    }

    /// A session that only laptops work on, or only the hub, so that their order does not matter.
    fn some_session(&mut self, side: Side) -> Held {
        let pair = self.rng.random_range(0..self.sessions.len() / 2);
        self.sessions[pair * 2 + side as usize].clone()
    }

    fn date(&mut self) -> Date {
        date(2025, 1, 1) + self.rng.random_range(0..330).days()
    }

    fn at(&mut self) -> u32 {
        FIRST_S + self.rng.random_range(0..SPAN_S)
    }

    fn id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid()
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.rng.random_range(0..list.len())]
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }
}

fn field(name: &str, value: Value) -> Set {
    Set {
        path: vec![name.to_owned()],
        value,
    }
}

fn entry(map: &str, person: Uuid, value: Value) -> Set {
    Set {
        path: vec![map.to_owned(), person.to_string()],
        value,
    }
}

fn edit(id: Uuid, set: Set) -> Op {
    Op {
        id,
        kind: None,
        sets: vec![set],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::applied::facts_of;

    #[test]
    fn a_seed_gives_the_same_work_of_the_right_size() {
        let work = made(50, 40, 7);
        assert_eq!(work.seed.len(), 90);
        assert_eq!(work.laptops.len(), LAPTOPS);
        assert!(work.laptops.iter().all(|day| day.len() == 40));
        assert_eq!(work.hub.len(), 20);
        assert_eq!(work.seed, made(50, 40, 7).seed);
        assert_ne!(work.seed, made(50, 40, 8).seed);
    }

    #[test]
    fn seed_and_history_end_alike() {
        let work = made(50, 40, 7);
        assert!(work.history.len() > 90 + 40 * 3 * 2);
        assert_eq!(
            facts_of(&work.seed).unwrap(),
            facts_of(&work.history).unwrap()
        );
    }

    #[test]
    fn the_day_of_laptop_and_hub_can_be_done_in_either_order() {
        let work = made(500, 400, 7);
        let day = |first: &[Op], second: &[Op]| {
            facts_of(work.seed.iter().chain(first).chain(second)).unwrap()
        };
        assert_eq!(
            day(&work.laptops[0], &work.hub),
            day(&work.hub, &work.laptops[0])
        );
    }
}
