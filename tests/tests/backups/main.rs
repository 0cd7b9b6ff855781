//! Backups as processes: a lost hub that is restored, and programs that die or find no room.

mod faults;
mod lost;
mod world;
