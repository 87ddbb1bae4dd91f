//! The doors: protocol endpoints that turn bytes into requests for the engine and batches into bytes.
//!
//! A door decides nothing about data: it signs the caller in, hands the request to the engine, and packs what comes back.

pub mod endpoints;
pub mod http;

mod accept;
mod answer;
mod openapi;

mod cancel;
mod catalog;
mod explain;
mod health;
mod metrics;
pub(crate) mod progress;
mod query;

pub(crate) mod pack;
mod parcel;

#[cfg(test)]
mod tests;

pub use accept::{Compression, Format};
pub use http::{Door, DoorParts};
