//! What a source's SQL does in the gateway's place. Writing SQL is the only way to find out what can be sent: what cannot be
//! written with exactly the gateway's meaning is not written, and stays in the gateway.
//!
//! [`cut`](cut::cut) finds the largest parts of an optimised plan that one server can answer and puts a sealed scan of the
//! answer in their place. A part is written node by node ([`relation`]), each a derived table over the one below, down to
//! governed tables, which are written with their row rules. Treated columns are written in their treatment ([`treated`]), or
//! get it when the rows come ([`late`]).

mod aggregate;
mod cut;
mod expression;
mod hint;
mod input;
mod join;
mod kind;
mod late;
mod literal;
mod pushed;
mod relation;
mod select;
mod treated;

pub(crate) use cut::{Cut, Sent, cut};
pub(crate) use expression::{Stays, truth};
pub(crate) use hint::{Narrowing, StatementColumns, narrowed};
pub(crate) use select::{Select, TableScope};

#[cfg(test)]
mod tests;
