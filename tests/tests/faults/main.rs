//! Faults of disks and machines, on the real programs and their files: damaged databases, writes that fail, power cuts.

mod damaged;
mod flips;
mod full;
mod image;
mod pair;
mod power;
mod stage;
mod writes;
