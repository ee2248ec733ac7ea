//! Whole networks on one machine: which results stay in the buffer, and which layers run depth first in tiles of rows.
//!
//! **Space.** Layers run in the order given. It is cut into runs; a run is one layer whole, or up to [`Options::longest_run`] layers
//! depth first: tiles of `h` whole rows of the last result, `h` the fewest that give a number of tiles, each tile through all layers
//! before the next. Results inside such a run are read nowhere else and stand in line buffers; rows two tiles need are kept
//! ([`Overlap::Cached`]) or made again ([`Overlap::Recompute`]). Where the buffer may hold weights, a run's weights are all copied
//! there once, or read from their home in every tile. Every other result is at home in the backing store or, whole, in the buffer from
//! its making to its last use. Each nest takes the best mapping of [`crate::nest`]'s map space with the room left. Rows are tiled,
//! columns are not.
//!
//! **Accounting.** Everything is a sum of nests and streams, each costed by [`cost::nest`]: a layer that makes `r` rows is the nest
//! with `P = r`. A tensor at home in the buffer has the buffer for its backing store: its words are read from there, and written
//! there, by what is next below, and it takes no other tile there. Rows a window reaches beyond the tensor count as read, as in the
//! layer's own nest, and take no room. The latency of each nest is the largest of its steps and of each port's words over its width,
//! the buffer's words of all tensors together; latencies of nests, streams and weight copies add up. A run's input is fetched by each
//! tile anew. With nothing at home in the buffer, totals are those of layers mapped one by one.
//!
//! **Search.** Labels over cuts: after so many layers, with such results in the buffer, the best cost, or the Pareto set of energy and
//! latency (for the energy-delay product of the whole, too). Latencies and energies add up, so that a beaten label leads to nothing;
//! the best at the end is the optimum of the space. A tiled run whose compulsory cost is already beaten is not searched. The plan's
//! buffers are then placed ([`crate::memory`]); a step whose place cannot be found is taken out and the search begins again.
//!
//! **What is not proven** is said so: [`Plan::proven_optimal`] is false where nests were cut short by time, labels were too many,
//! a step did not fit only because room was in pieces, or the search of a nest took the buffer's port for two (one for tensors at home
//! there, one for tiles) and the latency with one port is larger than that of its mappings so counted; [`Plan::gap`] has by how much.

mod front;
mod net;
mod path;
mod plan;
mod platform;
mod report;
mod segment;
mod table;
mod tiles;
mod traffic;

pub use net::{MAX_LAYERS, NetError};
pub use plan::{GraphError, Options, Plan, plan};
pub use platform::{Assigned, Engine, Goal, Link, Platform, assign};
pub use report::{LayerLine, Report, RunLine};
pub use tiles::Overlap;
pub use traffic::Traffic;
