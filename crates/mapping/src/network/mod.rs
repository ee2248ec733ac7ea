//! Whole networks: the parts a graph consists of, and many layers mapped at once.
//!
//! A layer's best mapping is a function of its shape and the machine, so that layers of one shape are searched once and different
//! shapes side by side. Results come in the order of the rows and do not depend on the number of threads, unless a time limit
//! cuts searches short.

mod conv;
mod levels;
mod parts;
mod products;
mod run;
mod words;

pub use levels::{LevelUse, TileUse, levels};
pub use parts::{Part, PartError, Work, parts};
pub use run::{Busy, Mapped, Progress, map_network, shape_count};
pub(crate) use words::arithmetic;
pub use words::{Words, stream};
