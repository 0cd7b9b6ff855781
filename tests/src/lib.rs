//! Harness of the whole-system tests.
//!
//! [`program`] runs the built programs as an administrator would and ends them as a power cut would; [`link`] is the
//! line between a laptop and the hub, which a test cuts and restores, [`shaped`] a slow one, and [`rough`] the kernel's
//! own, which loses packets; [`faulty_disk`] is a disk that fails; [`workload`] is what the exchange is measured on;
//! [`stand`] is a hub with its laptops; [`source`] reads the workspace's own files for the tidy test. Everything listens
//! on 127.0.0.1 only, on ports that the system chooses. All of it blocks, so that a test reads as a list of what happens;
//! in an async test, call it through `tokio::task::spawn_blocking`.
//!
//! Nothing here is part of the product.

pub mod agent;
pub mod decoders;
pub mod faulty_disk;
pub mod link;
pub mod program;
pub mod rough;
pub mod sample;
pub mod shaped;
pub mod source;
pub mod stand;
pub mod usage;
pub mod workload;
