//! Who asks, and why: tokens of the users file, and the purpose header.
//!
//! Identity comes from the bearer token alone. Forwarded headers, client addresses and everything in the request body are
//! ignored. What the person may see is *not* decided here.

mod credentials;
mod store;
mod token;
mod users;

pub(crate) use credentials::unauthenticated;
pub use credentials::{PURPOSE_HEADER, bearer_digest, declared_purpose};
pub use store::{UserStatus, UserStore};
pub(crate) use token::looks_like_token;
pub use token::{Digest, Token};
pub use users::{Caller, Users};
