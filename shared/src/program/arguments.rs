//! The command line in French: the same help, headings and error sentences for both programs.
//!
//! Which commands there are stands in each program's `cli.rs`; clap reads them and this puts them into French.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};

use super::exit::EXIT_CODES;
use super::{Exit, complain, say};

/// Reads a command line; its first word is the program's name.
///
/// # Errors
/// The exit code, once help, version or the error has been shown.
pub fn parse<C, I, T>(words: I) -> Result<C, Exit>
where
    C: CommandFactory + FromArgMatches,
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let mut command = in_french(C::command().after_help(EXIT_CODES), true);
    let matches = command.try_get_matches_from_mut(words);
    matches
        .and_then(|matches| C::from_arg_matches(&matches))
        .map_err(|error| shown(&error))
}

fn shown(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            say(error.render().to_string().trim_end());
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            complain(error.render().to_string().trim_end());
            Exit::Usage
        }
        _ => {
            complain(sentence(error));
            complain("Ajoutez --help à la commande pour voir ce qu’elle accepte.");
            Exit::Usage
        }
    }
}

/// What is wrong with the command line, in one French sentence.
fn sentence(error: &clap::Error) -> String {
    let told = |kind| error.get(kind).map(words).unwrap_or_default();
    let argument = told(ContextKind::InvalidArg);
    let value = told(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => format!("Argument inconnu\u{a0}: {argument}"),
        ErrorKind::InvalidSubcommand => {
            format!(
                "Commande inconnue\u{a0}: {}",
                told(ContextKind::InvalidSubcommand)
            )
        }
        ErrorKind::MissingSubcommand => "Il manque une commande.".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("Il manque\u{a0}: {argument}"),
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("Il manque une valeur après {argument}")
        }
        ErrorKind::InvalidValue => format!(
            "{argument}\u{a0}: «\u{a0}{value}\u{a0}» n’est pas possible (au choix\u{a0}: {})",
            told(ContextKind::ValidValue)
        ),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            format!(
                "{argument}\u{a0}: «\u{a0}{value}\u{a0}» ne convient pas ({})",
                why.unwrap_or_default()
            )
        }
        ErrorKind::ArgumentConflict => {
            format!("{argument} ne va pas avec {}", told(ContextKind::PriorArg))
        }
        _ => error.to_string(),
    }
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => StyledStr::to_string(text),
        other => other.to_string(),
    }
}

/// Headings, `--help` and `--version` of a command and of those below it.
fn in_french(command: Command, is_program: bool) -> Command {
    let mut template =
        String::from("{before-help}{about-with-newline}\nUtilisation\u{a0}: {usage}\n");
    let has_commands = command.has_subcommands();
    if has_commands {
        template.push_str("\nCommandes\u{a0}:\n{subcommands}\n");
    }
    if command.get_positionals().next().is_some() {
        template.push_str("\nArguments\u{a0}:\n{positionals}\n");
    }
    template.push_str("\nOptions\u{a0}:\n{options}{after-help}");
    let mut command = command
        .help_template(template)
        .subcommand_value_name("COMMANDE")
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help("Affiche cette aide"),
        )
        // What clap adds in brackets is in English; the help texts say it themselves.
        .mut_args(without_brackets);
    if is_program {
        command = command.arg(
            Arg::new("version")
                .long("version")
                .action(ArgAction::Version)
                .help("Affiche la version"),
        );
    }
    command.mut_subcommands(|below| in_french(below, false))
}

fn without_brackets(argument: Arg) -> Arg {
    if !argument.get_action().takes_values() {
        return argument;
    }
    argument
        .hide_default_value(true)
        .hide_env(true)
        .hide_possible_values(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Parser, Subcommand};

    #[derive(Debug, Parser)]
    #[command(name = "essai", version)]
    struct Cli {
        #[command(subcommand)]
        command: Below,
    }

    #[derive(Debug, Subcommand)]
    enum Below {
        /// Compte jusqu’à N
        Count {
            /// Nombre
            n: u32,
            /// Sens
            #[arg(long, value_parser = ["avant", "arriere"])]
            way: Option<String>,
        },
    }

    fn error(words: &[&str]) -> clap::Error {
        in_french(Cli::command(), true)
            .try_get_matches_from(words)
            .unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_said_in_french() {
        for (words, expected) in [
            (&["essai", "count"][..], "Il manque\u{a0}: <N>"),
            (&["essai", "danser"], "Commande inconnue\u{a0}: danser"),
            (
                &["essai", "count", "1", "--vite"],
                "Argument inconnu\u{a0}: --vite",
            ),
            (
                &["essai", "count", "1", "--way", "haut"],
                "--way <WAY>\u{a0}: «\u{a0}haut\u{a0}» n’est pas possible (au choix\u{a0}: avant, arriere)",
            ),
        ] {
            assert_eq!(sentence(&error(words)), expected, "{words:?}");
        }
        assert!(
            sentence(&error(&["essai", "count", "x"]))
                .starts_with("<N>\u{a0}: «\u{a0}x\u{a0}» ne convient pas")
        );
        assert_eq!(
            parse::<Cli, _, _>(["essai", "danser"]).unwrap_err(),
            Exit::Usage
        );
    }

    #[test]
    fn help_has_no_english_heading() {
        for words in [&["essai", "--help"][..], &["essai", "count", "--help"]] {
            let help = error(words).to_string();
            for english in [
                "Usage:",
                "Options:",
                "Commands:",
                "Arguments:",
                "Print help",
            ] {
                assert!(!help.contains(english), "{english} in:\n{help}");
            }
        }
    }
}
