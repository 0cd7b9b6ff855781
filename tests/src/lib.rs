//! Harness of the whole-system tests: reads the workspace's own files for the tidy test.
//!
//! Nothing here is part of the product.

pub mod source;
