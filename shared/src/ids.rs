//! Identifiers: one newtype for each thing that has an identity, all UUIDs written in 22 characters.
//!
//! The text form is base 64 with an alphabet in ASCII order, so that text sorts as the bytes do: documents, SQL
//! rows and URLs all hold this one form. Nothing here draws an id by itself except `fresh`, which is UUIDv7.

use std::fmt;
use std::str::FromStr;

use data_encoding::Encoding;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Name space of the ids that are computed (UUIDv5) rather than drawn. Never change it: documents would part.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d61_6973_6f6e_4d6f_8269_6c65_5375_6448);

/// Base 64 without padding whose 64 digits stand in ASCII order, so that ids sort alike as bytes and as text.
static ENCODING: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
    let mut specification = data_encoding::Specification::new();
    specification
        .symbols
        .push_str("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
    specification
        .encoding()
        .unwrap_or(data_encoding::BASE64URL_NOPAD)
});

/// What was given is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an identifier of 22 characters")]
pub struct NotAnId;

/// Computes the id that every site gives to the same `name`.
pub(crate) fn computed(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

fn write_id(id: Uuid) -> String {
    ENCODING.encode(id.as_bytes())
}

fn read_id(text: &str) -> Result<Uuid, NotAnId> {
    let bytes = ENCODING.decode(text.as_bytes()).map_err(|_| NotAnId)?;
    Uuid::from_slice(&bytes).map_err(|_| NotAnId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub Uuid);

        impl $name {
            /// Draws a fresh id (UUIDv7: roughly in order of creation).
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            /// The 16 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&write_id(self.0))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                read_id(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.to_string().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                value.as_str()?.parse().map_err(|error| rusqlite::types::FromSqlError::Other(Box::new(error)))
            }
        }
    )*};
}

ids! {
    /// Any document of the ledger, whatever its kind.
    DocumentId;
    /// A person; also the id of their document.
    PersonId;
    /// A workshop session; also the id of its document.
    SessionId;
    /// A weekly series of sessions.
    SeriesId;
    /// One registration in a session.
    RegistrationId;
    /// One request at a counter.
    DemandeId;
    /// One note on a session.
    NoteId;
    /// An agent, a member of the Capestang staff or an administrator.
    AgentId;
    /// One replica of the ledger: the hub, or one laptop in one of its lives.
    ReplicaId;
}

impl From<PersonId> for DocumentId {
    fn from(id: PersonId) -> Self {
        Self(id.0)
    }
}

impl From<SessionId> for DocumentId {
    fn from(id: SessionId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_returns_and_sorts_like_the_bytes() {
        let mut ids: Vec<PersonId> = (0..500u128)
            .map(|n| {
                PersonId(Uuid::from_u128(
                    n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834),
                ))
            })
            .collect();
        ids.sort();
        let texts: Vec<String> = ids.iter().map(PersonId::to_string).collect();
        assert!(texts.is_sorted());
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(text.len(), 22);
            assert_eq!(text.parse::<PersonId>(), Ok(*id));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "abc",
            "é",
            "../../etc/passwd",
            "0000000000000000000000000",
        ] {
            assert_eq!(text.parse::<PersonId>(), Err(NotAnId), "{text}");
        }
    }
}
