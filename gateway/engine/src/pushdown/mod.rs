//! What a source's SQL can do in the gateway's place. Writing an expression is the only way to find out: what cannot be
//! written with exactly the gateway's meaning is not written, and stays in the gateway.

mod literal;
mod predicate;
mod select;

pub(crate) use predicate::predicate;
pub(crate) use select::Select;
