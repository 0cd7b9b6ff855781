//! Two laptops on a good line: what is written at one desk is seen at the other at once. Real programs.

use std::time::{Duration, Instant};

use tests::agent::{Agent, Live, form_fields};
use tests::program::Program;
use tests::stand::Stand;

/// As long as two desks may differ.
const SEEN_WITHIN: Duration = Duration::from_secs(2);
/// For everything else.
const PATIENCE: Duration = Duration::from_secs(30);

/// One laptop with an agent and an open page.
struct Desk {
    agent: Agent,
    live: Live,
}

impl Desk {
    async fn at(stand: &Stand, site: &Program) -> Self {
        let agent = stand.agent(site).await;
        let live = agent.live().await;
        Self { agent, live }
    }

    /// Until the laptop waits at the hub. On a busy machine the line may look bad at first: another exchange measures it
    /// again.
    async fn until_waiting(&self) {
        let began = Instant::now();
        while !self.is_waiting().await {
            assert!(
                began.elapsed() < PATIENCE,
                "the laptop does not wait at the hub"
            );
            self.agent.act("/synchronisation/maintenant", &[]).await;
        }
    }

    async fn is_waiting(&self) -> bool {
        let page = self.agent.get("/synchronisation").await;
        page.contains("arrive aussitôt")
    }

    async fn register(&self, family: &str) {
        let blank = self.agent.get("/personnes/nouvelle").await;
        let mut fields = form_fields(&blank, "/personnes/nouvelle");
        for (name, value) in &mut fields {
            match name.as_str() {
                "family_name" => *value = family.to_owned(),
                "given_name" => *value = "Maria".to_owned(),
                _ => {}
            }
        }
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        self.agent.act("/personnes/nouvelle", &fields).await;
    }

    async fn knows(&self, family: &str) -> bool {
        let found = self
            .agent
            .send("/personnes/recherche", &[("q", family)])
            .await;
        found.text().await.expect("a page").contains("Maria")
    }

    /// Follows the events of the open page until a search finds this name; answers how long it took.
    async fn until_seen(&mut self, family: &str) -> Duration {
        let began = Instant::now();
        let seen = async {
            while !self.knows(family).await {
                self.live.next().await.expect("the stream stays open");
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{family} never arrived");
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_desks_see_each_others_entries_within_two_seconds() {
    let stand = Stand::new(&[], 2, |hub| hub.page("")).await;
    let mut desks = [
        Desk::at(&stand, &stand.laptops[0]).await,
        Desk::at(&stand, &stand.laptops[1]).await,
    ];
    let mut hub = Desk::at(&stand, stand.hub()).await;
    for desk in &desks {
        desk.until_waiting().await;
    }
    // In turn, so that each writes while it waits, and more than once.
    for (n, family) in ["Alba", "Barthès", "Cathala", "Delmas"].iter().enumerate() {
        desks[n % 2].register(family).await;
        let took = desks[(n + 1) % 2].until_seen(family).await;
        assert!(took < SEEN_WITHIN, "{family} was seen after {took:?}");
        hub.until_seen(family).await;
    }
    hub.register("Escande").await;
    for desk in &mut desks {
        let took = desk.until_seen("Escande").await;
        assert!(took < SEEN_WITHIN, "seen after {took:?}");
    }
}
