//! A hub and its laptops as directories: prepared once, copied for every run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use field_node::Node;
use hub::Hub;
use shared::ids::AgentId;
use shared::site::Site;
use shared::time::Clock;
use tempfile::TempDir;
use tests::program::{self, Finished, Program};
use tests::shaped::{Shape, ShapedLink};
use tests::workload::{Op, applied};

/// How long one exchange may take: several times what the largest one needs on the slowest line.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// The directories.
pub struct Stage {
    root: TempDir,
    pub laptops: usize,
}

impl Stage {
    /// A hub that holds what `operations` make, and laptops that are registered with it through `link` and empty.
    pub async fn enrolled(
        link: &ShapedLink,
        operations: &[Op],
        laptops: usize,
    ) -> Result<Self, String> {
        let root = tempfile::tempdir().map_err(words)?;
        let stage = Self { root, laptops };
        let hub = stage.open_hub().await?;
        applied::apply(&hub, AgentId::fresh(), operations)
            .await
            .map_err(words)?;
        drop(hub);
        let tickets: Vec<String> = (0..laptops).map(|n| stage.ticket(link, n)).collect();
        let serving = stage.serve(link);
        for (n, ticket) in tickets.iter().enumerate() {
            let data = stage.laptop(n);
            let arguments = ["enrol", "--data", text(&data), ticket];
            succeeded(&program::run(program::node(), &arguments))?;
        }
        serving.stop();
        Ok(stage)
    }

    /// The same laptops after a first exchange.
    pub fn in_sync(self, link: &ShapedLink) -> Result<Self, String> {
        let serving = self.serve(link);
        self.sync_all(0..self.laptops)?;
        serving.stop();
        Ok(self)
    }

    /// A copy of its own.
    pub fn copy(&self) -> Result<Self, String> {
        let root = tempfile::tempdir().map_err(words)?;
        copy_directory(self.root.path(), root.path()).map_err(words)?;
        Ok(Self {
            root,
            laptops: self.laptops,
        })
    }

    /// Runs the hub, with the line leading to it.
    pub fn serve(&self, link: &ShapedLink) -> Program {
        let serving = Program::serve(program::hub(), &self.hub(), &["--log", "warn"]);
        link.point_at(serving.address());
        link.shape(Shape::LOOP);
        serving
    }

    /// One exchange of a laptop.
    pub fn sync(&self, laptop: usize) -> Finished {
        let data = self.laptop(laptop);
        let arguments = ["sync", "--json", "--log", "warn", "--data", text(&data)];
        program::run_within(PATIENCE, program::node(), &arguments)
    }

    /// One exchange of each of these laptops, one after another, none of them measured.
    pub fn sync_all(&self, laptops: impl IntoIterator<Item = usize>) -> Result<(), String> {
        laptops
            .into_iter()
            .try_for_each(|laptop| succeeded(&self.sync(laptop)))
    }

    /// The hub's site, in this process.
    pub async fn open_hub(&self) -> Result<Site, String> {
        let hub = Hub::open(&self.hub(), Clock::default()).await;
        Ok(hub.map_err(words)?.site().clone())
    }

    /// A laptop's site, in this process.
    pub async fn open_laptop(&self, laptop: usize) -> Result<Site, String> {
        let node = Node::open(&self.laptop(laptop), Clock::default()).await;
        Ok(node.map_err(words)?.site().clone())
    }

    fn ticket(&self, link: &ShapedLink, laptop: usize) -> String {
        let (data, name) = (self.hub(), format!("Portable {}", laptop + 1));
        let finished = program::run(
            program::hub(),
            &[
                "ticket",
                "create",
                "--json",
                "--data",
                text(&data),
                "--name",
                &name,
                "--address",
                &link.url(),
            ],
        );
        let ticket = finished.success().json();
        ticket["ticket"].as_str().unwrap_or_default().to_owned()
    }

    fn hub(&self) -> PathBuf {
        self.root.path().join("hub")
    }

    fn laptop(&self, n: usize) -> PathBuf {
        self.root.path().join(format!("laptop-{n}"))
    }
}

/// The exchange that a program did, if it succeeded.
pub fn succeeded(finished: &Finished) -> Result<(), String> {
    match finished.code {
        Some(0) => Ok(()),
        code => Err(format!(
            "ended with {code:?}: {}{}",
            finished.stdout, finished.stderr
        )),
    }
}

/// An error as text.
pub fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn text(path: &Path) -> &str {
    path.to_str()
        .expect("temporary directories have plain names")
}

fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
