//! What happened to this laptop that somebody should know, in plain words: it was found to be a copy.

use jiff::civil::DateTime;
use shared::desk::page::moment;
use shared::time::Timestamp;

/// A notice is shown for this long: whoever made the copy should have seen it by then.
const SHOWN_MS: i64 = 30 * 24 * 3_600_000;

/// What to say of a copy that was noticed at this time.
pub(super) fn copy(noticed: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let noticed = noticed.filter(|at| now.0 - at.0 < SHOWN_MS)?;
    Some(copy_sentence(noticed.local(), now.local()))
}

fn copy_sentence(noticed: DateTime, now: DateTime) -> String {
    format!(
        "Ces données sont une copie d’un portable, ou une ancienne image de son disque\u{a0}: le hub l’a reconnu ({}). \
         Ce portable a reçu sa propre identité et reprend tout seul ce qui lui manquait\u{a0}; aucune saisie n’est perdue.",
        moment(noticed, now)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_told_for_a_month() {
        let noticed = Timestamp(1_795_681_500_000);
        let said = copy(Some(noticed), noticed).unwrap();
        assert!(said.contains("reconnu (9\u{a0}h\u{a0}25)"), "{said}");
        assert_eq!(copy(Some(noticed), Timestamp(noticed.0 + SHOWN_MS)), None);
        assert_eq!(copy(None, noticed), None);
    }
}
