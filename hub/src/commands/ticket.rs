//! `maison-hub ticket create|list`.

use axum::http::uri::Authority;
use shared::program::{Exit, complain, say};
use shared::text::collapsed;
use shared::time::{Clock, Timestamp, clock_time, short_date};

use crate::certificate::own;
use crate::cli::{TicketCreate, TicketList};
use crate::devices::tickets::{self, Issued};
use crate::opened::{Hub, HubError};

pub(super) async fn create(asked: TicketCreate) -> Result<Exit, HubError> {
    let name = collapsed(&asked.name);
    if name.is_empty() {
        complain("Le nom du portable est vide.");
        return Ok(Exit::Usage);
    }
    let addresses: Vec<String> = asked.address.iter().map(|url| clean(url)).collect();
    if let Some(bad) = addresses.iter().find(|url| !is_address(url)) {
        complain(format!(
            "{bad} ne convient pas\u{a0}: donnez une adresse comme https://hub.example.org ou https://192.168.1.10:8443, sans \
             chemin.\nhttp ne va que sur cette machine\u{a0}: http://127.0.0.1:8080."
        ));
        return Ok(Exit::Usage);
    }
    let hub = Hub::open(&asked.data.data, Clock::default()).await?;
    let is_encrypted = addresses.iter().any(|url| url.starts_with("https://"));
    let pins = match is_encrypted && !asked.public_certificate {
        true => Some(own::keys(&hub).await?.pins()),
        false => None,
    };
    let ticket = tickets::create(&hub, name.clone(), addresses, pins, asked.valid_hours).await?;
    if asked.json {
        say(serde_json::json!({ "ticket": ticket.to_string() }));
    } else {
        say(format!(
            "Ticket pour «\u{a0}{name}\u{a0}», valable {} heures, une seule fois\u{a0}:\n\n{ticket}\n\n\
             Sur le portable\u{a0}: maison-node enrol TICKET --data DOSSIER",
            asked.valid_hours
        ));
    }
    Ok(Exit::Done)
}

fn clean(url: &str) -> String {
    url.trim().trim_end_matches('/').to_owned()
}

/// A URL without a path: `https`, or `http` on this machine.
fn is_address(url: &str) -> bool {
    if let Some(authority) = url.strip_prefix("https://") {
        return authority
            .parse::<Authority>()
            .is_ok_and(|a| !a.host().is_empty() && !a.as_str().contains('@'));
    }
    let Some(authority) = url.strip_prefix("http://") else {
        return false;
    };
    let Some((host, port)) = authority.rsplit_once(':') else {
        return false;
    };
    let is_loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    is_loopback && port.parse::<u16>().is_ok()
}

pub(super) async fn list(asked: TicketList) -> Result<Exit, HubError> {
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    let now = hub.site().clock().now();
    let issued = hub
        .site()
        .read(|connection| Ok(tickets::list(connection)?))
        .await?;
    if issued.is_empty() {
        say("Aucun ticket.");
    }
    for ticket in &issued {
        say(format!("{}  {}", ticket.name, state(ticket, now)));
    }
    Ok(Exit::Done)
}

fn state(ticket: &Issued, now: Timestamp) -> String {
    let until = moment(ticket.expires);
    match ticket.used_by {
        Some(_) => "utilisé".to_owned(),
        None if ticket.expires <= now => format!("périmé depuis le {until}"),
        None => format!("valable jusqu’au {until}"),
    }
}

fn moment(at: Timestamp) -> String {
    let local = at.local();
    format!(
        "{} à {}",
        short_date(local.date()),
        clock_time(local.time())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encrypted_or_of_this_machine() {
        for good in [
            "http://127.0.0.1:8080",
            "http://localhost:80",
            "http://[::1]:8080",
            "https://hub.example.org",
            "https://192.168.1.10:8443",
            "https://[2001:db8::1]:8443",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "https://",
            "https://hub.example.org/x",
            "https://me@hub.example.org",
            "http://192.168.1.2:8080",
            "http://127.0.0.1",
            "127.0.0.1:80",
            "http://127.0.0.1:80/x",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        assert_eq!(clean(" http://127.0.0.1:8080/ "), "http://127.0.0.1:8080");
    }
}
