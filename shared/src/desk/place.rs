//! Where an agent works today: the place that demandes are written down for and that pages open on.
//!
//! Only answers; the page on which an agent says to be elsewhere is `today`'s.

use jiff::civil::Date;

use super::SignedIn;
use crate::domain::catalog::Catalog;
use crate::domain::codes::Role;

/// Code of the place where `who` works on `today`; `None` only when the catalog holds no place at all.
///
/// What the agent chose comes first. Otherwise an agent of the mobile Maison is at the tour's first stop of the day,
/// and the staff at the fixed Maison, which is also where agents are on a day without a stop.
#[must_use]
pub fn place_of_the_day<'a>(
    catalog: &'a Catalog,
    who: &'a SignedIn,
    today: Date,
) -> Option<&'a str> {
    let known = |code: &&str| catalog.places.contains_key(*code);
    let stop = || match who.role {
        Role::Agent => {
            let stops = catalog.stops_on(today);
            stops.first().map(|(_, stop)| stop.place.as_str())
        }
        Role::Staff | Role::Administrator => None,
    };
    let fixed = || {
        let mut places = catalog.places.iter();
        places
            .find(|(_, place)| place.fixed)
            .map(|(code, _)| &**code)
    };
    let chosen = who.place.as_deref().filter(known);
    chosen
        .or_else(|| stop().filter(known))
        .or_else(fixed)
        .or_else(|| catalog.places.keys().next().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::default_catalog;
    use crate::ids::AgentId;
    use jiff::civil::date;

    const THURSDAY: Date = date(2026, 11, 26);
    const SUNDAY: Date = date(2026, 11, 29);

    fn who(role: Role, place: Option<&str>) -> SignedIn {
        SignedIn {
            agent: AgentId::fresh(),
            name: "Claire Fabre".to_owned(),
            role,
            place: place.map(str::to_owned),
            token_hash: [0; 32],
            is_refresh: false,
        }
    }

    fn place(role: Role, chosen: Option<&str>, today: Date) -> String {
        let (catalog, who) = (default_catalog(), who(role, chosen));
        place_of_the_day(&catalog, &who, today)
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn an_agent_is_where_the_tour_stops_unless_they_said_otherwise() {
        assert_eq!(place(Role::Agent, None, THURSDAY), "saint-chinian");
        assert_eq!(place(Role::Agent, Some("quarante"), THURSDAY), "quarante");
        assert_eq!(place(Role::Agent, None, SUNDAY), "capestang");
    }

    #[test]
    fn the_staff_is_at_the_fixed_maison() {
        assert_eq!(place(Role::Staff, None, THURSDAY), "capestang");
        assert_eq!(place(Role::Staff, Some("quarante"), THURSDAY), "quarante");
    }

    #[test]
    fn a_place_that_the_catalog_lost_is_not_used() {
        let chosen = Some("maureilhan");
        assert_eq!(place(Role::Agent, chosen, THURSDAY), "saint-chinian");
        let who = who(Role::Agent, chosen);
        assert_eq!(place_of_the_day(&Catalog::default(), &who, THURSDAY), None);
    }
}
