//! The accounts of the agents, as the catalog lists them: add, close, list.
//!
//! Signing in is the desk's. Accounts are never removed: every change bears the id of its author.

use shared::desk::passphrase;
use shared::domain::catalog::{Agent, Catalog, catalog_id};
use shared::domain::codes::Role;
use shared::ids::AgentId;

use crate::opened::{Hub, HubError, PROGRAM};

/// Longest login.
const LOGIN_CHARS_MAX: usize = 40;

/// What became of a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It may sign in.
    Done(AgentId),
    /// The login has other signs than small letters, digits, points and dashes, or is too long.
    BadLogin,
    /// Another account, perhaps a closed one, has this login.
    LoginTaken,
    /// The passphrase will not do, in French.
    BadPassphrase(&'static str),
}

/// What became of closing an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disabled {
    /// It can no longer sign in.
    Done,
    /// Nobody has this login.
    Unknown,
}

/// Adds an account.
pub(crate) async fn add(
    hub: &Hub,
    login: &str,
    name: &str,
    role: Role,
    passphrase: String,
) -> Result<Added, HubError> {
    if !is_login(login) {
        return Ok(Added::BadLogin);
    }
    if let Some(problem) = passphrase::problem(&passphrase) {
        return Ok(Added::BadPassphrase(problem));
    }
    // Hashing takes its time by design.
    let hashed = tokio::task::spawn_blocking(move || passphrase::hash(&passphrase)).await;
    let passphrase_hash = match hashed {
        Ok(Ok(hash)) => hash,
        Ok(Err(error)) => return Err(HubError::Passphrase(error.to_string())),
        Err(error) => return Err(HubError::Passphrase(error.to_string())),
    };
    let account = Agent {
        login: login.to_owned(),
        name: name.to_owned(),
        role,
        passphrase_hash,
        disabled: false,
    };
    let add = move |catalog: &mut Catalog| {
        if find(catalog, &account.login).is_some() {
            return Added::LoginTaken;
        }
        let id = AgentId::fresh();
        catalog.agents.insert(id, account);
        Added::Done(id)
    };
    Ok(hub.site().edit(catalog_id(), PROGRAM, add).await?)
}

/// Closes an account.
pub(crate) async fn disable(hub: &Hub, login: String) -> Result<Disabled, HubError> {
    let disable = move |catalog: &mut Catalog| {
        let account = find(catalog, &login).and_then(|id| catalog.agents.get_mut(&id));
        account.map_or(Disabled::Unknown, |account| {
            account.disabled = true;
            Disabled::Done
        })
    };
    Ok(hub.site().edit(catalog_id(), PROGRAM, disable).await?)
}

fn find(catalog: &Catalog, login: &str) -> Option<AgentId> {
    let mut accounts = catalog.agents.iter();
    accounts
        .find(|(_, agent)| agent.login == login)
        .map(|(id, _)| *id)
}

fn is_login(login: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    !login.is_empty() && login.len() <= LOGIN_CHARS_MAX && login.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::time::Clock;

    const PASSPHRASE: &str = "quatre mots sans suite";

    #[tokio::test]
    async fn an_account_is_added_once_and_can_be_closed() {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::default()).await.unwrap();
        let add = |login: &'static str, passphrase: &str| {
            let passphrase = passphrase.to_owned();
            let hub = hub.clone();
            async move {
                super::add(&hub, login, "Sylvie", Role::Agent, passphrase)
                    .await
                    .unwrap()
            }
        };
        let Added::Done(id) = add("sylvie", PASSPHRASE).await else {
            panic!("refused");
        };
        assert_eq!(add("sylvie", PASSPHRASE).await, Added::LoginTaken);
        assert_eq!(add("Sylvie B", PASSPHRASE).await, Added::BadLogin);
        assert!(matches!(
            add("marc", "court").await,
            Added::BadPassphrase(_)
        ));
        assert_eq!(
            disable(&hub, "marc".to_owned()).await.unwrap(),
            Disabled::Unknown
        );
        assert_eq!(
            disable(&hub, "sylvie".to_owned()).await.unwrap(),
            Disabled::Done
        );
        let catalog = hub.site().catalog().await.unwrap();
        assert!(catalog.agents[&id].disabled);
        assert!(passphrase::verify(
            PASSPHRASE,
            Some(&catalog.agents[&id].passphrase_hash)
        ));
    }
}
