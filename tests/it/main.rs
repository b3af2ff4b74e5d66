//! The one integration binary: what people run and read, from the outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod apart;
mod bad_input;
mod beside;
mod command_line;
mod conflict;
mod copy;
mod deploy;
mod determinism;
mod full_disk;
mod golden;
mod interruption;
mod kafka;
mod kills;
mod moments;
mod nats;
mod operator;
mod outside;
mod pages;
mod publish;
mod questions;
mod restart;
mod restore;
mod roles;
mod streams;
