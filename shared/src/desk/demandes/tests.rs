//! What the page of demandes promises, walked as a browser without JavaScript would.

use axum::http::StatusCode;
use jiff::civil::{Date, date};

use crate::desk::testing::{Seen, Visitor, fill};
use crate::domain::codes::{AgeBand, Channel, Outcome, Theme};
use crate::domain::demande::{Demande, Register, register_id};
use crate::domain::person::Person;
use crate::ids::PersonId;

const TODAY: Date = date(2026, 11, 26);

async fn sylvie(visitor: &Visitor) -> PersonId {
    let id = PersonId::fresh();
    let written = visitor
        .site()
        .edit(id, visitor.agent, |person: &mut Person| {
            person.given_name = "Sylvie".into();
            person.family_name = "Carayon".into();
            person.commune = "34245".into();
            person.birth_year = Some(1950);
        });
    written.await.unwrap();
    id
}

/// The demandes of the day at a place, oldest first.
async fn day(visitor: &Visitor, place: &str) -> Vec<Demande> {
    let register = visitor.site().document(register_id(place, TODAY)).await;
    let Some(register) = register.unwrap() else {
        return Vec::new();
    };
    let register: Register = register.value().unwrap();
    assert_eq!((&*register.place, register.date), (place, Some(TODAY)));
    let mut demandes: Vec<Demande> = register.demandes.into_values().collect();
    demandes.sort_by_key(|demande| demande.at);
    demandes
}

/// Sends the form of a page with these answers chosen; the usual ones stand as the page shows them.
async fn send(visitor: &Visitor, form: &Seen, answers: &[(&str, &str)]) -> Seen {
    let usual = [
        ("outcome", "traitee"),
        ("duration", "15"),
        ("channel", "sur_place"),
    ];
    let mut all = answers.to_vec();
    for (name, value) in usual {
        if answers.iter().all(|(other, _)| *other != name) {
            all.push((name, value));
        }
    }
    fill(visitor, form, "/demandes", &all).await
}

#[tokio::test]
async fn a_demande_takes_one_tap_and_the_form_is_ready_again_with_the_same_channel() {
    let visitor = Visitor::agent().await;
    let form = visitor.get("/demandes").await;
    assert!(form.says("Aujourd’hui à Saint-Chinian") && form.says("0 demande"));
    for usual in ["traitee\" checked", "15\" checked", "sur_place\" checked"] {
        assert!(form.says(usual), "{usual}");
    }
    let answers = [
        ("operator", "cnaf"),
        ("channel", "telephone"),
        ("theme", "social_sante"),
    ];
    let seen = send(&visitor, &form, &answers).await;
    assert_eq!(seen.location.as_deref(), Some("/demandes?canal=telephone"));
    let seen = visitor.get("/demandes?canal=telephone").await;
    assert!(seen.says("Demande notée.") && seen.says("telephone\" checked"));
    assert!(seen.says("autofocus") && !seen.says("cnaf\" checked"));
    assert!(seen.says("9 h 25, social, santé, traitée sur place, téléphone, 15 min"));
    let written = day(&visitor, "saint-chinian").await;
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].channel, Channel::Phone);
    assert_eq!(written[0].theme, Some(Theme::SocialHealth));
    assert_eq!(written[0].agent, Some(visitor.agent));
}

#[tokio::test]
async fn sending_a_form_twice_writes_one_demande() {
    let visitor = Visitor::agent().await;
    let form = visitor.get("/demandes").await;
    send(&visitor, &form, &[("operator", "cnaf")]).await;
    send(&visitor, &form, &[("operator", "cnaf")]).await;
    assert_eq!(day(&visitor, "saint-chinian").await.len(), 1);
    let form = visitor.get("/demandes").await;
    send(&visitor, &form, &[("operator", "cnaf")]).await;
    assert_eq!(day(&visitor, "saint-chinian").await.len(), 2);
}

#[tokio::test]
async fn the_demande_of_somebody_named_keeps_their_commune_and_age() {
    let visitor = Visitor::agent().await;
    let id = sylvie(&visitor).await.to_string();
    let seen = visitor.post("/demandes/chercher", &[("q", "cara")]).await;
    assert!(seen.says("1 personne.") && seen.says("Sylvie CARAYON"));
    // Choosing keeps what was filled in.
    let filled = [
        ("operator", "msa"),
        ("notes", "Revient jeudi"),
        ("chosen", &*id),
    ];
    let form = visitor.post("/demandes/pour", &filled).await;
    assert!(form.says("Pour <strong>Sylvie CARAYON</strong>") && form.says("msa\" checked"));
    assert!(form.says("Revient jeudi"));
    send(&visitor, &form, &[("operator", "msa")]).await;
    let written = day(&visitor, "saint-chinian").await;
    assert_eq!(written[0].person.map(|id| id.to_string()), Some(id.clone()));
    assert_eq!(
        (&*written[0].commune, written[0].age_band),
        ("34245", AgeBand::SeventyPlus)
    );
    let dropped = visitor
        .post("/demandes/pour", &[("person", &id), ("chosen", "")])
        .await;
    assert!(!dropped.says("Sylvie"));
    let seen = visitor.get(&format!("/demandes?pour={id}")).await;
    assert!(seen.says("Pour <strong>Sylvie CARAYON</strong>"));
    assert!(visitor.get("/demandes/pour").await.location.is_some());
}

#[tokio::test]
async fn the_structure_is_kept_for_a_referral_only() {
    let visitor = Visitor::agent().await;
    for outcome in ["orientee", "rendez_vous"] {
        let form = visitor.get("/demandes").await;
        let answers = [
            ("operator", "autre"),
            ("outcome", outcome),
            ("referred_to", " Mission  locale "),
            ("commune", "34226"),
            ("autonomy", "autonome"),
            ("duration", "45"),
        ];
        send(&visitor, &form, &answers).await;
    }
    let written = day(&visitor, "saint-chinian").await;
    let kept: Vec<_> = written
        .iter()
        .map(|d| (d.outcome, &*d.referred_to))
        .collect();
    assert_eq!(
        kept,
        [
            (Outcome::Referred, "Mission locale"),
            (Outcome::Appointment, "")
        ]
    );
    assert_eq!(
        (&*written[0].commune, written[0].duration_min),
        ("34226", 45)
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_and_the_form_keeps_its_answers() {
    let visitor = Visitor::agent().await;
    let form = visitor.get("/demandes").await;
    let answers = [("operator", "fisc"), ("duration", "x"), ("notes", "Urgent")];
    let seen = send(&visitor, &form, &answers).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.says("Choisissez un opérateur.") && seen.says("La durée va de 1 à 600 minutes."));
    assert!(seen.says("Urgent"));
    assert_eq!(day(&visitor, "saint-chinian").await, []);
    let seen = send(&visitor, &form, &[("operator", "cnaf"), ("place", "paris")]).await;
    assert_eq!(seen.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_demande_is_struck_and_put_back() {
    let visitor = Visitor::agent().await;
    let form = visitor.get("/demandes").await;
    send(&visitor, &form, &[("operator", "cnaf")]).await;
    let seen = visitor.get("/demandes").await;
    let act = |seen: &Seen, word: &str| {
        let before = seen.text.split(&format!("/{word}\"")).next().unwrap();
        format!("{}/{word}", before.rsplit('"').next().unwrap())
    };
    let seen = visitor.act(&act(&seen, "rayer"), &[]).await;
    assert!(
        seen.says("Demande rayée.") && seen.says("<s>Cnaf (CAF)</s>") && seen.says("0 demande")
    );
    assert!(day(&visitor, "saint-chinian").await[0].struck);
    let seen = visitor.act(&act(&seen, "remettre"), &[]).await;
    assert!(seen.says("Demande remise.") && seen.says("1 demande<"));
    let path = format!(
        "/demandes/{}/{}/rayer",
        register_id("quarante", TODAY),
        PersonId::fresh()
    );
    assert_eq!(visitor.post(&path, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn demandes_belong_to_the_place_where_the_agent_is() {
    let visitor = Visitor::agent().await;
    visitor
        .post("/aujourdhui/lieu", &[("place", "quarante")])
        .await;
    let form = visitor.get("/demandes").await;
    assert!(form.says("Aujourd’hui à Quarante"));
    send(&visitor, &form, &[("operator", "cnaf")]).await;
    assert_eq!(day(&visitor, "quarante").await.len(), 1);
    assert_eq!(day(&visitor, "saint-chinian").await.len(), 0);
}
