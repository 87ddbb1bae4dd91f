//! The barrier, attacked: hostile queries over every kind of raw scan and several row rules must give exactly what the
//! same query gives over the visible, treated rows, and no expression of the query may ever run on a hidden row.

mod hostile;
mod leaf;
mod sides;
mod world;
