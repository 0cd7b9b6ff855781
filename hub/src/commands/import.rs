//! `maison-hub import`: says line by line what is wrong and who looks known, then writes the good lines.
//!
//! Nobody is there to decide about lookalikes, so lines that resemble anybody are never written here: the page asks.
//! Lines are told by their number, never by a name: the output of commands ends up in logs.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use shared::domain::catalog::Catalog;
use shared::domain::codes::Role;
use shared::ids::AgentId;
use shared::program::{Exit, complain, say};
use shared::text::{counted, system_words};
use shared::time::Clock;

use crate::cli::Import;
use crate::import::{
    Alike, Chosen, FILE_BYTES_MAX, Line, Outcome, Preview, With, Written, preview_on, write,
};
use crate::opened::{Hub, HubError};

pub(super) async fn import(asked: Import) -> Result<Exit, HubError> {
    let bytes = match read(&asked.file) {
        Ok(bytes) => bytes,
        Err(error) => {
            complain(format!(
                "Le fichier {} ne se lit pas\u{a0}: {}",
                asked.file.display(),
                system_words(&error)
            ));
            return Ok(Exit::Failed);
        }
    };
    let hub = Hub::open_existing(&asked.data.data, Clock::default()).await?;
    let Some(agent) = account(&hub.site().catalog().await?, &asked.agent) else {
        complain(format!(
            "Aucun compte ouvert de l’équipe de Capestang ni d’administrateur n’a l’identifiant «\u{a0}{}\u{a0}»\u{a0}: \
             voyez «\u{a0}maison-hub agent list\u{a0}».",
            asked.agent
        ));
        return Ok(Exit::Failed);
    };
    let preview = match preview_on(hub.site(), bytes).await? {
        Ok(preview) => preview,
        Err(problem) => {
            complain(problem);
            return Ok(Exit::Failed);
        }
    };
    let counts = preview.counts();
    let refused = !asked.only_good && counts.alike + counts.wrong > 0;
    let mut report = Report::of(&preview);
    if !refused && !asked.dry_run {
        let chosen = good(preview);
        let written = hub.site().write(move |work| write(work, agent, chosen));
        report.written = Some(written.await?);
    }
    report.say(&asked);
    Ok(if refused { Exit::Failed } else { Exit::Done })
}

/// The bytes of a file; one too many of them is enough for the import to refuse it.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The open account with this login, if it may import.
fn account(catalog: &Catalog, login: &str) -> Option<AgentId> {
    let mut accounts = catalog.agents.iter();
    let found = accounts.find(|(_, account)| account.login == login);
    let (id, _) = found.filter(|(_, account)| !account.disabled && account.role >= Role::Staff)?;
    Some(*id)
}

fn good(preview: Preview) -> Vec<Chosen> {
    let lines = preview.lines.into_iter();
    lines
        .filter_map(|line| match line.outcome {
            Outcome::Good(person) => Some(Chosen {
                person,
                decided: false,
            }),
            Outcome::Alike(..) | Outcome::Wrong(_) => None,
        })
        .collect()
}

/// What is said at the end.
struct Report {
    lines: usize,
    good: usize,
    alike: Vec<(u64, Alike)>,
    wrong: Vec<(u64, &'static str, String)>,
    wrong_lines: usize,
    written: Option<Written>,
}

impl Report {
    fn of(preview: &Preview) -> Self {
        let counts = preview.counts();
        let mut report = Self {
            lines: preview.lines.len(),
            good: counts.good,
            alike: Vec::new(),
            wrong: Vec::new(),
            wrong_lines: counts.wrong,
            written: None,
        };
        for Line {
            number, outcome, ..
        } in &preview.lines
        {
            match outcome {
                Outcome::Good(_) => {}
                Outcome::Alike(_, alike) => {
                    let likeliest = alike.first().cloned();
                    report.alike.extend(likeliest.map(|alike| (*number, alike)));
                }
                Outcome::Wrong(problems) => {
                    let problems = problems.iter();
                    report.wrong.extend(
                        problems.map(|problem| (*number, problem.column, problem.message.clone())),
                    );
                }
            }
        }
        report
    }

    fn say(&self, asked: &Import) {
        if asked.json {
            say(self.json());
        } else {
            self.say_in_french(asked);
        }
    }

    fn json(&self) -> Value {
        let wrong = self.wrong.iter();
        let wrong: Vec<Value> = wrong
            .map(|(line, column, message)| json!({"line": line, "column": column, "message": message}))
            .collect();
        let alike = self.alike.iter().map(|(line, alike)| {
            let why = alike.resemblance.reasons();
            match &alike.with {
                With::Known(id, _) => json!({"line": line, "person": id, "why": why}),
                With::Line(other) => json!({"line": line, "same_as_line": other, "why": why}),
            }
        });
        json!({
            "lines": self.lines,
            "good": self.good,
            "alike": alike.collect::<Vec<_>>(),
            "wrong": wrong,
            "created": self.written.map(|written| written.created),
        })
    }

    fn say_in_french(&self, asked: &Import) {
        for (line, column, message) in &self.wrong {
            say(format!("Ligne {line}, {column}\u{a0}: {message}"));
        }
        for (line, alike) in &self.alike {
            let other = match alike.with {
                With::Known(..) => "une personne connue".to_owned(),
                With::Line(other) => format!("la ligne {other}"),
            };
            let why = alike.resemblance.reasons();
            say(format!("Ligne {line}\u{a0}: ressemble à {other} ({why})."));
        }
        let count = |n: usize, one: &str, several: &str| counted(n as u64, one, several);
        say(format!(
            "{}\u{a0}: {}, {} à vérifier, {} à corriger.",
            count(self.lines, "ligne", "lignes"),
            count(self.good, "bonne", "bonnes"),
            self.alike.len(),
            self.wrong_lines,
        ));
        match self.written {
            Some(written) => {
                say(format!(
                    "{}.",
                    count(written.created, "personne créée", "personnes créées")
                ));
                if written.appeared > 0 {
                    let appeared =
                        count(written.appeared, "personne apparue", "personnes apparues");
                    say(format!("{appeared} entre-temps, laissées telles quelles."));
                }
            }
            None if asked.dry_run => say("Essai\u{a0}: rien n’est écrit."),
            None => complain(
                "Rien n’est écrit. Corrigez le fichier, ou décidez ligne par ligne sur la page Import, \
                 ou ajoutez --only-good pour n’importer que les lignes bonnes.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Data;
    use crate::opened::PROGRAM;
    use shared::domain::beneficiary::COLUMNS;
    use shared::domain::catalog::{Agent, catalog_id};
    use shared::view::people;
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// A hub with an account for each role, its login the role's code, and a file to import.
    async fn stand(lines: &[&str]) -> (TempDir, Hub, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let hub = Hub::open(directory.path(), Clock::default()).await.unwrap();
        hub.site()
            .edit(catalog_id(), PROGRAM, |catalog: &mut Catalog| {
                for role in Role::ALL {
                    let account = Agent {
                        login: role.code().to_owned(),
                        role: *role,
                        ..Agent::default()
                    };
                    catalog.agents.insert(AgentId::fresh(), account);
                }
            })
            .await
            .unwrap();
        let file = directory.path().join("liste.csv");
        let text = format!("{}\n{}\n", COLUMNS.join(";"), lines.join("\n"));
        std::fs::write(&file, text).unwrap();
        (directory, hub, file)
    }

    fn asked(hub: &Hub, file: PathBuf) -> Import {
        Import {
            data: Data {
                data: hub.site().store().directory().to_owned(),
            },
            file,
            agent: "staff".to_owned(),
            dry_run: false,
            only_good: false,
            json: true,
        }
    }

    async fn known(hub: &Hub) -> u64 {
        let count = hub.site().read(|c| Ok(people::count(c, "")?));
        count.await.unwrap()
    }

    #[tokio::test]
    async fn a_good_file_is_imported_once_and_then_known() {
        let (_directory, hub, file) = stand(&["CARAYON;Sylvie", "MAS;Ana"]).await;
        let command = || asked(&hub, file.clone());
        let dry = Import {
            dry_run: true,
            ..command()
        };
        assert_eq!(import(dry).await.unwrap(), Exit::Done);
        assert_eq!(known(&hub).await, 0);
        assert_eq!(import(command()).await.unwrap(), Exit::Done);
        assert_eq!(known(&hub).await, 2);
        assert_eq!(import(command()).await.unwrap(), Exit::Failed);
        let only_good = Import {
            only_good: true,
            ..command()
        };
        assert_eq!(import(only_good).await.unwrap(), Exit::Done);
        assert_eq!(known(&hub).await, 2);
    }

    #[tokio::test]
    async fn nothing_is_written_beside_a_bad_line_unless_only_good_is_asked_for() {
        let (_directory, hub, file) = stand(&["CARAYON;Sylvie", ";Lucie", "Carayon;Sylvie"]).await;
        let command = || asked(&hub, file.clone());
        assert_eq!(import(command()).await.unwrap(), Exit::Failed);
        assert_eq!(known(&hub).await, 0);
        let only_good = Import {
            only_good: true,
            json: false,
            ..command()
        };
        assert_eq!(import(only_good).await.unwrap(), Exit::Done);
        assert_eq!(known(&hub).await, 1);
    }

    #[tokio::test]
    async fn an_account_that_may_not_import_and_a_missing_file_are_refused() {
        let (_directory, hub, file) = stand(&["CARAYON;Sylvie"]).await;
        for agent in ["agent", "personne"] {
            let refused = Import {
                agent: agent.to_owned(),
                ..asked(&hub, file.clone())
            };
            assert_eq!(import(refused).await.unwrap(), Exit::Failed, "{agent}");
        }
        let missing = asked(&hub, file.with_file_name("absent.csv"));
        assert_eq!(import(missing).await.unwrap(), Exit::Failed);
        assert_eq!(known(&hub).await, 0);
    }
}
