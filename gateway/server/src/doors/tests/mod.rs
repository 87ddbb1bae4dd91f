//! The door over real sockets, with a real engine on files.

mod audit;
mod cancel;
mod changes;
mod records;
mod requests;
mod results;
mod world;
