//! What a form was filled in with and what was wrong with it, as the field macros of `parts.html` draw it.
//!
//! Knows nothing of any page: a page's handler reads values, refuses some, and shows the form again.

/// The content of one form: what was sent, or what it starts with, and the errors found in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    values: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

/// One error, at one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field.
    pub name: String,
    /// A sentence that says what to do: « Indiquez le nom. »
    pub message: String,
}

/// One possible answer of a list that is not a closed list of codes (operators, communes, places).
/// The macros take anything with these two methods, so the enums of `domain::codes` as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    code: String,
    label: String,
}

impl Choice {
    /// An answer that is stored as `code` and read as `label`.
    #[must_use]
    pub fn new(code: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            label: label.into(),
        }
    }

    /// What the form sends.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What a person reads.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl Form {
    /// The form as a browser sent it (`axum::Form<Vec<(String, String)>>`).
    #[must_use]
    pub fn sent(values: Vec<(String, String)>) -> Self {
        Self {
            values,
            errors: Vec::new(),
        }
    }

    /// Gives a field its first value; a second call with the same name adds a second answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Gives a field the value that the record holds now and remembers it (`starts` of `parts.html`), so that
    /// [`Self::changed`] can tell what the person changed from what came from elsewhere meanwhile.
    #[must_use]
    pub fn starting(self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.with(name, value.clone()).with(&start_of(name), value)
    }

    /// Whether a field's answers are others than those that the form started with.
    #[must_use]
    pub fn changed(&self, name: &str) -> bool {
        let sorted = |name: &str| {
            let mut answers: Vec<&str> = self.all(name).filter(|a| !a.is_empty()).collect();
            answers.sort_unstable();
            answers.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        sorted(name) != sorted(&start_of(name))
    }

    /// Names of the fields that hold something or were sent empty.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    /// What the form started with, as the hidden inputs that `starts` of `parts.html` draws: names and values.
    pub fn starts(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter();
        values
            .filter(|(name, _)| name.starts_with(START))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What stands in a field, trimmed; empty when it was not sent.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every answer of a field that allows several, trimmed.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.trim())
    }

    /// Whether a choice is among a field's answers.
    #[must_use]
    pub fn has(&self, name: &str, code: &str) -> bool {
        self.all(name).any(|value| value == code)
    }

    /// Notes that a field cannot stand as it is. Errors show in the order in which they were found.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError {
            name: name.to_owned(),
            message: message.into(),
        });
    }

    /// The first error of a field; empty when there is none.
    #[must_use]
    pub fn error(&self, name: &str) -> &str {
        self.errors
            .iter()
            .find(|error| error.name == name)
            .map_or("", |error| &error.message)
    }

    /// Every error, for the summary at the top.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Whether nothing was refused.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.errors.is_empty()
    }
}

/// What the names of remembered first values begin with.
const START: &str = "start.";

fn start_of(name: &str) -> String {
    format!("{START}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::{Heard, Level};
    use askama::Template;

    /// Every part of `parts.html` that draws a form.
    #[derive(Template)]
    #[template(
        ext = "html",
        source = r#"{% import "parts.html" as parts %}
{{ parts::error_summary(form) }}
{{ parts::field(form, "family_name", "Nom", required=true) }}
{{ parts::field(form, "phone", "Téléphone", kind="tel", hint="Dix chiffres.") }}
{{ parts::passphrase(form, "secret", "Phrase secrète") }}
{{ parts::select(form, "place", "Lieu", places, empty="Tous") }}
{{ parts::chips(form, "level", "Niveau", Level::ALL) }}
{{ parts::chips_many(form, "heard", "Connu par", Heard::ALL) }}
{{ parts::chips_more(form, "operator", "Opérateur", places, others, "Autres") }}
{{ parts::checkbox(form, "own", "Son propre matériel") }}
{{ parts::notes(form, "notes", "Note") }}
{% call parts::period(form, "/vue") %}{{ parts::act("Voir") }}{% endcall %}"#
    )]
    struct Fields<'a> {
        form: &'a Form,
        places: Vec<Choice>,
        others: Vec<Choice>,
    }

    /// Every other part.
    #[derive(Template)]
    #[template(
        ext = "html",
        source = r#"{% import "parts.html" as parts %}
{% call parts::tap("/presence", also="seats") %}<button>Présent</button>{% endcall %}
{{ parts::badge("late", "À appeler") }}{{ parts::seats(taken, capacity) }}{{ parts::empty("Personne.") }}
{{ parts::pager("Semaine", "23–29 novembre", "/a", "Avant", "", "") }}
{% call parts::facts() %}{{ parts::fact("Téléphone", "") }}{% endcall %}
{% call parts::table("Demandes", "demandes") %}<tr><td>{{ parts::bar(taken, capacity) }}</td></tr>{% endcall %}
{{ parts::act_link("/x", "Inscrire") }}{{ parts::quiet_link("/y", "Retour") }}"#
    )]
    struct Others {
        taken: usize,
        capacity: usize,
    }

    fn fields(form: &Form) -> String {
        Fields {
            form,
            places: vec![Choice::new("saint-chinian", "Saint-Chinian")],
            others: vec![Choice::new("quarante", "Quarante")],
        }
        .render()
        .expect("the template renders")
    }

    #[test]
    fn a_refused_field_shows_its_error_and_is_described_by_it() {
        let mut form = Form::default().with("phone", "06\"<");
        form.refuse("phone", "Il manque des chiffres.");
        let html = fields(&form);
        assert!(html.contains(r#"aria-invalid="true" aria-describedby="phone-hint phone-error""#));
        assert!(html.contains(r#"<p class="error" id="phone-error">Il manque des chiffres.</p>"#));
        assert!(html.contains(r##"<a href="#phone">Il manque des chiffres.</a>"##));
        assert!(html.contains("Une chose à corriger"));
        assert!(!html.contains("06\"<"), "what was sent is escaped");
    }

    #[test]
    fn a_form_starts_with_the_answers_it_was_given() {
        let form = Form::default()
            .with("level", "avance")
            .with("heard", "mairie")
            .with("heard", "flyer")
            .with("place", "saint-chinian")
            .with("operator", "quarante")
            .with("own", "1");
        let html = fields(&form);
        assert!(html.contains(r#"value="avance" checked"#));
        assert!(!html.contains(r#"value="debutant" checked"#));
        assert!(
            html.contains(r#"value="mairie" checked"#) && html.contains(r#"value="flyer" checked"#)
        );
        assert!(html.contains(r#"value="saint-chinian" selected"#));
        assert!(html.contains(r#"<details class="more" open>"#));
        assert!(html.contains(r#"name="own" value="1" checked"#));
        assert!(!html.contains("à corriger"));
    }

    #[test]
    fn the_other_parts_say_what_they_draw() {
        let html = Others {
            taken: 3,
            capacity: 4,
        }
        .render()
        .expect("the template renders");
        assert_eq!(html.matches(r#"class="seat seat-taken""#).count(), 3);
        assert_eq!(html.matches(r#"class="seat""#).count(), 1);
        assert!(html.contains("Non renseigné"));
        assert!(html.contains(r#"viewBox="0 0 4 1""#));
        assert!(!html.contains(r#"rel="next""#));
        assert!(html.contains(r#"data-tap="seats""#));
    }

    #[test]
    fn a_form_knows_what_the_person_changed() {
        let shown = Form::default()
            .starting("title", "E-mail")
            .starting("capacity", "4")
            .starting("theme", "email")
            .starting("theme", "sante");
        let starts: Vec<_> = shown.starts().collect();
        assert_eq!(starts.len(), 4);
        let sent = starts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut sent = Form::sent(sent.collect())
            .with("title", " E-mail ")
            .with("capacity", "5")
            .with("theme", "sante")
            .with("theme", "email");
        assert!(!sent.changed("title") && sent.changed("capacity") && !sent.changed("theme"));
        sent = sent.with("theme", "justice");
        assert!(sent.changed("theme"));
    }

    #[test]
    fn a_form_gives_back_what_was_sent_and_what_was_refused() {
        let mut form = Form::default()
            .with("name", "  Carayon ")
            .with("theme", "email")
            .with("theme", "sante");
        assert_eq!(form.value("name"), "Carayon");
        assert_eq!(form.value("phone"), "");
        assert!(form.has("theme", "sante") && !form.has("theme", "justice"));
        assert!(form.is_good());
        form.refuse("phone", "Indiquez un téléphone ou un courriel.");
        assert_eq!(form.error("phone"), "Indiquez un téléphone ou un courriel.");
        assert_eq!(form.error("name"), "");
        assert_eq!(form.errors().len(), 1);
    }
}
