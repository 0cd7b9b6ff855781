//! Passphrases: the rule for a new one, and argon2id.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// A shorter one falls to a day's guessing on a stolen disk (design, « At rest »).
pub const CHARS_MIN: usize = 12;

/// What is wrong with a new passphrase, in French; `None` when it will do.
#[must_use]
pub fn problem(passphrase: &str) -> Option<&'static str> {
    (passphrase.chars().count() < CHARS_MIN)
        .then_some("La phrase secrète doit avoir au moins 12 caractères : quatre mots conviennent.")
}

/// argon2id in PHC form, with a fresh salt. Takes some 50 ms: call it on a blocking thread.
///
/// # Errors
/// When the system gives no randomness.
pub fn hash(passphrase: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(passphrase.as_bytes())?
        .to_string())
}

/// Whether `passphrase` is the one of `phc`. Takes as long for an unknown account (`None`) as for a known one.
#[must_use]
pub fn verify(passphrase: &str, phc: Option<&str>) -> bool {
    /// The hash of a passphrase that nobody has, for accounts that do not exist.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9i$\
        7iNHSSZpRYEGEZ6YyRcMRxZWCKLxiMgjVDXHVvcQY3o";
    let Ok(hash) = PasswordHash::new(phc.unwrap_or(NOBODY)) else {
        return false;
    };
    let matches = Argon2::default()
        .verify_password(passphrase.as_bytes(), &hash)
        .is_ok();
    matches && phc.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_passphrase_and_no_other() {
        let phc = hash("quatre mots de passe").unwrap();
        assert!(phc.starts_with("$argon2id$"));
        assert!(verify("quatre mots de passe", Some(&phc)));
        assert!(!verify("quatre mots de passe ", Some(&phc)));
        assert!(!verify("", None));
        assert!(!verify("x", Some("not a hash")));
    }

    #[test]
    fn an_unknown_account_is_really_hashed() {
        let started = std::hint::black_box(PasswordHash::new(
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9i$7iNHSSZpRYEGEZ6YyRcMRxZWCKLxiMgjVDXHVvcQY3o",
        ));
        assert!(
            started.is_ok(),
            "the hash of nobody must parse, or its verification would be instant"
        );
    }

    #[test]
    fn short_passphrases_are_refused() {
        assert!(problem("onze signes").is_some());
        assert!(problem("douze signes").is_none());
    }
}
