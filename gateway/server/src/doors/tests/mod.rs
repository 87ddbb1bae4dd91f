//! The door over real sockets, with a real engine on files.

mod audit;
mod changes;
mod requests;
mod results;
mod world;
