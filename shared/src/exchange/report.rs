//! What came of one exchange, for the page, the command line and the log.

/// What came of one exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Requests whose answer was read to its end.
    pub round_trips: u64,
    /// Bytes of the request bodies.
    pub bytes_up: u64,
    /// Bytes of the response bodies.
    pub bytes_down: u64,
    /// Changes that the hub confirmed, new to it or not.
    pub sent: u64,
    /// Changes that were new here.
    pub received: u64,
    /// Where the answer is long: positions of the hub's ledger that it covers in all, for a progress bar.
    pub coming: u64,
    /// Those that it has covered so far.
    pub covered: u64,
    /// Changes of this laptop that the hub has set aside, in this exchange or before.
    pub refused: u64,
    /// Changes of the hub that this laptop has set aside, in this exchange or before.
    pub set_aside: u64,
    /// Whether the two ledgers were proved equal, save what is pending and what the hub refused.
    pub identical: bool,
    /// If they were not, why.
    pub why_not: Option<WhyNot>,
    /// Whether the ledgers had to be compared change by change.
    pub reconciled: bool,
    /// Whether the hub was found in a new epoch: it was restored from an older copy.
    pub hub_began_anew: bool,
    /// How far this laptop's clock is behind the hub's, in milliseconds; `None` when the hub was not heard.
    pub hub_time_offset_ms: Option<i64>,
}

/// Why the two ledgers were not proved equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// The exchange did not come to its end.
    Unfinished,
    /// They still differ after a comparison change by change.
    Different,
    /// This laptop could not take some of the hub's changes.
    SetAside,
}

impl WhyNot {
    /// A short code for scripts and the log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Different => "different",
            Self::SetAside => "set_aside",
        }
    }
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unfinished => {
                "l’échange n’est pas allé jusqu’au bout\u{a0}: il reprendra à la prochaine connexion"
            }
            Self::Different => {
                "des différences restent à réparer\u{a0}: le prochain échange continue"
            }
            Self::SetAside => {
                "ce portable n’a pas pu lire certaines données du hub\u{a0}: mettez le programme à jour"
            }
        })
    }
}

impl Report {
    /// A short code of the outcome: `identical`, or why not.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        self.why_not.map_or("identical", WhyNot::code)
    }
}
