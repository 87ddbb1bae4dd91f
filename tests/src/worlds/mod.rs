//! The test worlds: four small tables, six people, and for each of them twins that look alike through policy.
//!
//! A world is cells ([`cell`], [`tables`]), what each person may see of it ([`people`], [`how`]), the twins and the policy
//! view that follow ([`data`]), files on disk ([`files`]) an engine over them ([`open`]), and plain DataFusion over the view ([`oracle`]).

pub mod cell;
pub mod data;
pub mod files;
pub mod how;
pub mod open;
pub mod oracle;
pub mod people;
pub mod tables;
