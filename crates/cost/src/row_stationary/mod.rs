//! Row-stationary arrays: which mapping the dataflow gives a layer, what it reads and writes, how long it takes and what it draws.
//!
//! **The dataflow** (Chen et al., "Eyeriss", ISCA 2016, section V; JSSC 2017, section IV). An element convolves one filter row with
//! one input row into one row of partial sums. A *set* of `R x e` elements makes `e` output rows of one filter and one channel:
//! filter rows lie along rows, inputs along diagonals, sums go up the columns. Each element interleaves `p` filters and `q` channels;
//! `r x t` sets stand side by side, `r` for further channels and `t` for further filters. A *pass* runs `n` images; passes follow
//! each other over the channels, then over the filters of a block of `m` whose sums stay in the buffer, then over strips of `e` rows
//! and images.
//!
//! [`derive()`] finds the seven numbers of a layer by exhaustion under the storage limits; [`Plan`] counts and times them;
//! [`Plan::nest`] is the same mapping in the words every other model here reads; [`power`] is what a chip draws; [`folded`] is the
//! second accounting in use, where an array's folds are loops of their own.

mod array;
mod derive;
pub mod folded;
mod machine;
mod pass;
mod plan;
pub mod power;

pub use array::{Array, Energy, Network};
pub use derive::{NoMapping, derive};
pub use machine::Lacks;
pub use pass::{Cycles, Pass};
pub use plan::{Counts, Parameters, Plan};
