//! An agent at a laptop whose disk is full: the page says so, reading goes on, and what was typed waits for some room.

use axum::http::StatusCode;
use tests::agent::form_fields;
use tests::faulty_disk::Disk;
use tests::program::{self, Program};
use tests::stand::Stand;

const NEW: &str = "/personnes/nouvelle";
const NAME: &str = "Zébulonette";

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    let fields = fields.iter();
    fields.map(|(name, value)| (&**name, &**value)).collect()
}

#[tokio::test]
async fn what_is_typed_while_the_disk_is_full_is_sent_again_from_the_page_that_says_so() {
    let mut stand = Stand::new(&[], 1, |hub| hub.page("")).await;
    stand.laptops.pop().unwrap().stop();
    let directory = tempfile::tempdir().unwrap();
    let full = directory.path().join("full");
    let data = stand.laptop(1);
    let disk = Disk::full_while(&data, &full);
    let laptop = Program::try_serve(disk.variables(), program::node(), &data).unwrap();
    let agent = stand.agent(&laptop).await;
    let mut fields = form_fields(&agent.get(NEW).await, NEW);
    let names = fields.iter_mut();
    for (_, value) in names.filter(|(name, _)| name.ends_with("_name")) {
        *value = NAME.to_owned();
    }

    std::fs::write(&full, "").unwrap();
    for _ in 0..2 {
        let answer = agent.send(NEW, &borrowed(&fields)).await;
        assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
        let page = answer.text().await.unwrap();
        assert!(
            page.contains("<p class=\"lead\">Le disque est plein"),
            "{page}"
        );
        assert_eq!(form_fields(&page, NEW), fields);
    }
    assert!(!agent.get("/personnes").await.contains(NAME));

    std::fs::remove_file(&full).unwrap();
    let sheet = agent.act(NEW, &borrowed(&fields)).await;
    assert!(agent.get(&sheet).await.contains(NAME));
    let (_, log) = laptop.stop();
    assert!(!log.contains(NAME) && !log.contains("panicked"), "{log}");
}
