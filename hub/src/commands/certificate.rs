//! `maison-hub certificate rotate`.

use shared::program::{Exit, complain, say};
use shared::text::counted;
use shared::time::Clock;

use crate::certificate::own::{self, Changed};
use crate::cli::CertificateRotate;
use crate::opened::{Hub, HubError};

pub(super) async fn rotate(asked: CertificateRotate) -> Result<Exit, HubError> {
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    match own::change(&hub, asked.force).await? {
        Changed::Done => {
            say(
                "Le hub a changé de clé\u{a0}: les portables connaissent déjà la nouvelle, et apprennent la suivante à leur \
                 prochain échange.",
            );
            Ok(Exit::Done)
        }
        Changed::WouldLockOut(names) => {
            complain(format!(
                "Rien n’est changé\u{a0}: {} et ne reconnaîtraient plus le hub\u{a0}: {}.\n\
                 Attendez leur prochain échange, ou ajoutez --force\u{a0}; il leur faudra un nouveau ticket.",
                match names.len() {
                    1 => "un portable ou ticket n’a pas servi depuis le dernier changement"
                        .to_owned(),
                    n => format!(
                        "{} n’ont pas servi depuis le dernier changement",
                        counted(n as u64, "portable ou ticket", "portables ou tickets")
                    ),
                },
                names.join(", ")
            ));
            Ok(Exit::Failed)
        }
    }
}
