//! The closed lists of codes of the field: levels, statuses, themes, operators and so on.
//!
//! Codes and labels only; the rules that use them live beside the thing they rule.

use super::code::codes;

codes! {
    /// Level of a workshop, and of a person.
    Level {
        Beginner = "debutant", "Débutant";
        Intermediate = "intermediaire", "Initié";
        Advanced = "avance", "Confirmé";
    } default Beginner
}

codes! {
    /// Whether a registration still stands. Confirmed or waiting is derived, never stored.
    RegistrationStatus {
        Registered = "registered", "Inscrit";
        Cancelled = "cancelled", "Annulé (par la personne)";
        Revoked = "revoked", "Annulé (par le service)";
    } default Registered
}

codes! {
    /// What became of a registered person on the day.
    Attendance {
        Unknown = "unknown", "À renseigner";
        Present = "present", "Présent";
        Excused = "excused", "Excusé";
        NoShow = "no_show", "Absent";
    } default Unknown
}

codes! {
    /// Gender, optional.
    Gender {
        Female = "feminin", "Féminin";
        Male = "masculin", "Masculin";
        Undisclosed = "non_communique", "Non communiqué";
    } default Undisclosed
}

codes! {
    /// Age band at a date.
    AgeBand {
        UnderTwelve = "moins_de_douze", "Moins de 12 ans";
        TwelveToSeventeen = "douze_dix_huit", "12–17 ans";
        EighteenToTwentyFour = "dix_huit_vingt_quatre", "18–24 ans";
        TwentyFiveToThirtyNine = "vingt_cinq_trente_neuf", "25–39 ans";
        FortyToFiftyNine = "quarante_cinquante_neuf", "40–59 ans";
        SixtyToSixtyNine = "soixante_soixante_neuf", "60–69 ans";
        SeventyPlus = "soixante_dix_plus", "70 ans et plus";
        Undisclosed = "non_communique", "Non communiqué";
    } default Undisclosed
}

codes! {
    /// Social status, optional.
    SocialStatus {
        Studying = "scolarise", "Scolarisé";
        Unemployed = "sans_emploi", "Sans emploi";
        Employed = "en_emploi", "En emploi";
        Retired = "retraite", "Retraité";
        Undisclosed = "non_communique", "Non communiqué";
    } default Undisclosed
}

codes! {
    /// Equipment used.
    Equipment {
        Computer = "ordinateur", "Ordinateur";
        Phone = "telephone", "Téléphone";
        Tablet = "tablette", "Tablette";
        Other = "autre", "Autre";
        None = "aucun", "Aucun";
    } default None
}

codes! {
    /// How a demande reached the counter.
    Channel {
        OnSite = "sur_place", "Sur place";
        Phone = "telephone", "Téléphone";
        Email = "courriel", "Courriel";
        Remote = "a_distance", "À distance";
    } default OnSite
}

codes! {
    /// What became of a demande.
    Outcome {
        Settled = "traitee", "Traitée sur place";
        Referred = "orientee", "Orientée";
        Appointment = "rendez_vous", "Rendez-vous pris";
    } default Settled
}

codes! {
    /// How far the person did it alone.
    Autonomy {
        Accompanied = "entierement_accompagne", "Entièrement accompagné";
        Partly = "partiellement_autonome", "Partiellement autonome";
        Autonomous = "autonome", "Autonome";
    } default Accompanied
}

codes! {
    /// How the person heard of the workshops.
    Heard {
        Flyer = "flyer", "Flyer";
        LightPanel = "panneau_lumineux", "Panneau lumineux";
        TownHall = "mairie", "Mairie";
        Library = "mediatheque", "Médiathèque";
        Association = "association", "Association";
        Agent = "agent", "Agent";
        WordOfMouth = "bouche_a_oreille", "Bouche-à-oreille";
        Other = "autre", "Autre";
    } default Other
}

codes! {
    /// State of a session.
    SessionState {
        Planned = "planned", "Prévu";
        Cancelled = "cancelled", "Annulé";
    } default Planned
}

codes! {
    /// Role of an account, in the order of what it may do: each may do all that the one before may.
    Role {
        Agent = "agent", "Agent";
        Staff = "staff", "Équipe de Capestang";
        Administrator = "administrator", "Administrateur";
    } default Agent
}

codes! {
    /// Theme of a workshop or demande: médiation numérique first, then démarches.
    Theme {
        Diagnostic = "diagnostic_numerique", "Diagnostic numérique";
        Hardware = "prendre_en_main_du_materiel", "Prendre en main du matériel";
        Maintenance = "maintenance_de_materiel", "Maintenance de matériel";
        Content = "gere_ses_contenus_numeriques", "Gérer ses contenus numériques";
        Browsing = "navigation_sur_internet", "Navigation sur internet";
        Email = "email", "E-mail";
        Office = "bureautique", "Bureautique";
        SocialNetworks = "reseaux_sociaux", "Réseaux sociaux";
        Health = "sante", "Santé";
        Banking = "banque_et_achats_en_ligne", "Banque et achats en ligne";
        Entrepreneurship = "entrepreneuriat", "Accompagner un professionnel";
        Employment = "insertion_professionnelle", "Insertion professionnelle";
        Security = "securite_numerique", "Prévention en sécurité numérique";
        Parenting = "parentalite", "Parentalité";
        Schooling = "scolarite_et_numerique", "Scolarité et numérique";
        Creation = "creer_avec_le_numerique", "Créer avec le numérique";
        Culture = "culture_numerique", "Culture numérique";
        ArtificialIntelligence = "intelligence_artificielle", "Intelligence artificielle";
        Procedures = "aide_aux_demarches_administratives", "Aide aux démarches administratives";
        Papers = "papiers_elections_citoyennete", "Papiers, élections, citoyenneté";
        Family = "famille_scolarite", "Famille, scolarité";
        SocialHealth = "social_sante", "Social, santé";
        Work = "travail_formation", "Travail, formation";
        Housing = "logement", "Logement";
        Transport = "transports_mobilite", "Transports, mobilité";
        Money = "argent_impots", "Argent, impôts";
        Justice = "justice", "Justice";
        Foreigners = "etrangers_europe", "Étrangers, Europe";
        Leisure = "loisirs_sports_culture", "Loisirs, sports, culture";
        Associations = "associations", "Associations";
    } default Procedures
}

impl Theme {
    /// Whether the theme belongs to the médiation numérique list (else to the démarches list).
    #[must_use]
    pub fn is_digital(self) -> bool {
        self <= Self::Procedures
    }
}

codes! {
    /// Why a person was erased.
    ErasureReason {
        Request = "demande", "La personne l’a demandé";
        Retention = "conservation", "La durée de conservation est passée";
        Mistake = "erreur", "La fiche a été créée par erreur";
    } default Request
}

/// Usual durations of a demande, in minutes.
pub const DURATIONS_MIN: &[u16] = &[15, 30, 45, 60, 90, 120];
