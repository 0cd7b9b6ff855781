//! What happened to this laptop that somebody should know, in plain words: it was found to be a copy, its database was
//! damaged, changes rotted in it, or entries of somebody who was erased meanwhile were not kept. And how much the hub
//! has, has signed for, and has backed up.

use jiff::civil::DateTime;
use shared::desk::page::moment;
use shared::exchange::durability::Durable;
use shared::ledger::erasures::Lost;
use shared::text::counted;
use shared::time::Timestamp;

use crate::rescue::Damage;

/// A notice is shown for this long: whoever made the copy should have seen it by then.
const SHOWN_MS: i64 = 30 * 24 * 3_600_000;

/// What to say of a copy that was noticed at this time.
pub(super) fn copy(noticed: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let noticed = noticed.filter(|at| now.0 - at.0 < SHOWN_MS)?;
    Some(copy_sentence(noticed.local(), now.local()))
}

/// How much is in a verified backup, and of when that is.
pub(super) fn backed_up(durable: &Durable, now: DateTime) -> String {
    match durable.newest {
        None => "Rien pour l’instant".to_owned(),
        Some(backup) => {
            let records = counted(durable.backup, "fiche", "fiches");
            let at = moment(backup.at().local(), now);
            format!("{records}\u{a0}; sauvegarde vérifiée du hub\u{a0}: {at}")
        }
    }
}

/// How much is at the hub, and when the hub last signed for it.
pub(super) fn at_hub(durable: &Durable, now: DateTime) -> String {
    let records = counted(durable.hub, "fiche", "fiches");
    match durable.receipt {
        None => records,
        Some(receipt) => {
            let at = moment(receipt.at().local(), now);
            format!("{records}\u{a0}; reçu signé du hub\u{a0}: {at}")
        }
    }
}

/// What to say of a database that was found damaged.
pub(super) fn damaged(damage: Option<Damage>, now: Timestamp) -> Option<String> {
    let damage = damage.filter(|damage| now.0 - damage.at.0 < SHOWN_MS)?;
    let when = moment(damage.at.local(), now.local());
    Some(damage.words(&format!(" ({when})")))
}

/// What to say of changes whose bytes had rotted on the disk.
pub(super) fn rotten(noticed: Option<(Timestamp, u64)>, now: Timestamp) -> Option<String> {
    let (at, count) = noticed.filter(|(at, _)| now.0 - at.0 < SHOWN_MS)?;
    let changes = counted(count, "modification abîmée", "modifications abîmées");
    Some(format!(
        "{changes} sur le disque de ce portable, reconnu ({}). Ce que le hub en a revient au prochain échange, tout \
         seul\u{a0}; si cela se répète, faites vérifier le disque.",
        moment(at.local(), now.local())
    ))
}

fn copy_sentence(noticed: DateTime, now: DateTime) -> String {
    format!(
        "Ces données sont une copie d’un portable, ou une ancienne image de son disque\u{a0}: le hub l’a reconnu ({}). \
         Ce portable a reçu sa propre identité et reprend tout seul ce qui lui manquait\u{a0}; aucune saisie n’est perdue.",
        moment(noticed, now)
    )
}

/// What to say to the authors of entries that went with a person who was erased.
pub(super) fn lost(lost: &[Lost], now: Timestamp) -> Vec<String> {
    let recent = lost.iter().filter(|lost| now.0 - lost.at.0 < SHOWN_MS);
    recent.map(|lost| lost_sentence(lost, now)).collect()
}

fn lost_sentence(lost: &Lost, now: Timestamp) -> String {
    let entries = counted(lost.changes, "saisie", "saisies");
    let kept = if lost.changes < 2 {
        "n’a pas été gardée"
    } else {
        "n’ont pas été gardées"
    };
    format!(
        "{entries} de ce portable {kept}\u{a0}: la personne a été effacée au hub ({}).",
        moment(lost.at.local(), now.local())
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

    #[test]
    fn a_damaged_database_is_told_for_a_month_and_says_where_it_is() {
        let at = Timestamp(1_795_681_500_000);
        let damage = |is_registered, saved| {
            Some(Damage {
                at,
                directory: "base-abimee-2026-11-26-0925".into(),
                saved,
                is_registered,
            })
        };
        assert_eq!(
            damaged(damage(true, 1240), at).unwrap(),
            "La base de données de ce portable était abîmée (9\u{a0}h\u{a0}25). Elle est mise de côté dans le dossier \
             «\u{a0}base-abimee-2026-11-26-0925\u{a0}», à côté de la nouvelle\u{a0}: rien n’en est supprimé. \
             1\u{202f}240 modifications en sont reprises\u{a0}; ce qui manque reviendra du hub au prochain échange, tout \
             seul."
        );
        let lost = damaged(damage(false, 0), at).unwrap();
        assert!(
            lost.contains("Aucune saisie") && lost.contains("nouveau ticket"),
            "{lost}"
        );
        assert_eq!(damaged(damage(true, 1), Timestamp(at.0 + SHOWN_MS)), None);
    }

    #[test]
    fn rotten_changes_are_told_for_a_month() {
        let at = Timestamp(1_795_681_500_000);
        let said = rotten(Some((at, 2)), at).unwrap();
        assert!(
            said.starts_with("2 modifications abîmées sur le disque"),
            "{said}"
        );
        assert_eq!(rotten(Some((at, 2)), Timestamp(at.0 + SHOWN_MS)), None);
    }

    #[test]
    fn entries_that_went_with_somebody_erased_are_told_for_a_month() {
        let at = Timestamp(1_795_681_500_000);
        let lost = |changes| [Lost { at, changes }];
        let said = super::lost(&lost(1), at);
        assert_eq!(
            said,
            [
                "1 saisie de ce portable n’a pas été gardée\u{a0}: la personne a été effacée au hub (9\u{a0}h\u{a0}25)."
            ]
        );
        assert!(super::lost(&lost(2), at)[0].starts_with("2 saisies de ce portable n’ont"));
        assert!(super::lost(&lost(2), Timestamp(at.0 + SHOWN_MS)).is_empty());
    }
}
