//! `maison-hub agent add|list|disable`.

use std::io::{BufRead, IsTerminal};

use shared::program::{Exit, complain, say};
use shared::text::collapsed;
use shared::time::Clock;

use crate::accounts::{self, Added, Disabled};
use crate::cli::{AgentAdd, AgentDisable, AgentList};
use crate::opened::{Hub, HubError};

pub(super) async fn add(asked: AgentAdd) -> Result<Exit, HubError> {
    let name = collapsed(&asked.name);
    if name.is_empty() {
        complain("Le nom est vide.");
        return Ok(Exit::Usage);
    }
    let passphrase = match asked.passphrase {
        Some(passphrase) => passphrase,
        None => match ask_passphrase()? {
            Some(passphrase) => passphrase,
            None => {
                complain("Les deux saisies diffèrent\u{a0}: recommencez.");
                return Ok(Exit::Failed);
            }
        },
    };
    let hub = Hub::open(&asked.data.data, Clock::default()).await?;
    let refusal = match accounts::add(&hub, &asked.login, &name, asked.role, passphrase).await? {
        Added::Done(_) => {
            say(format!(
                "{name} peut se connecter\u{a0}: identifiant «\u{a0}{}\u{a0}».",
                asked.login
            ));
            return Ok(Exit::Done);
        }
        Added::BadLogin => {
            "L’identifiant ne peut avoir que des lettres minuscules sans accent, des chiffres, des points et des tirets, 40 au plus."
        }
        Added::LoginTaken => "Cet identifiant est déjà pris\u{a0}: choisissez-en un autre.",
        Added::BadPassphrase(problem) => problem,
    };
    complain(refusal);
    Ok(Exit::Failed)
}

/// The passphrase, typed twice in a terminal or read as one line; `None` when the two differ.
fn ask_passphrase() -> Result<Option<String>, HubError> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        return Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()));
    }
    let first = rpassword::prompt_password("Phrase secrète (12 caractères au moins)\u{a0}: ")?;
    let second = rpassword::prompt_password("Encore une fois\u{a0}: ")?;
    Ok((first == second).then_some(first))
}

pub(super) async fn list(asked: AgentList) -> Result<Exit, HubError> {
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    let catalog = hub.site().catalog().await?;
    if catalog.agents.is_empty() {
        say("Aucun compte\u{a0}: ajoutez-en un avec «\u{a0}maison-hub agent add\u{a0}».");
    }
    let mut accounts: Vec<_> = catalog.agents.values().collect();
    accounts.sort_by_key(|account| (account.disabled, account.login.clone()));
    for account in accounts {
        let closed = if account.disabled { "  (fermé)" } else { "" };
        say(format!(
            "{}  {}  {}{closed}",
            account.login, account.name, account.role
        ));
    }
    Ok(Exit::Done)
}

pub(super) async fn disable(asked: AgentDisable) -> Result<Exit, HubError> {
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    match accounts::disable(&hub, asked.login).await? {
        Disabled::Done => {
            say("Le compte est fermé. Les portables l’apprendront à leur prochain échange.");
            Ok(Exit::Done)
        }
        Disabled::Unknown => {
            complain("Aucun compte n’a cet identifiant.");
            Ok(Exit::Failed)
        }
    }
}
