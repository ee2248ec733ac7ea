//! Mapping search: the best way to run a layer on a machine, to the proven optimum of the space below or a stated gap.
//!
//! **Map space.** Every loop of size `D` is spread over `s` elements, `s = ceil(D / q)` for some `q`; an element's tile is
//! `t = ceil(D / (s n))` for some number of blocks `n`; a buffer tile is `j` blocks, the smallest that gives its number of buffer
//! tiles. So factors are ragged in space and time, and a tile larger than its count needs is left out; a
//! loop of more than 2^26 iterations is cut into powers of two only. A loop may lie across both
//! axes of the array. Blocks and buffer tiles are each repeated in any order. Each element may run `K` or `C` outermost and hold,
//! of one tensor that depends on it, only the slice in hand (uneven residency). A tensor may pass by a buffer that allows it.
//!
//! **Order classes.** The innermost loop an element's fill meets depends on two of the three tensors, so that at most one tensor
//! stays in place; its group of loops (`K` for the input, `N P Q` for weights, `C R S` for sums) goes innermost, and of the loops
//! the input slides along at most one can follow. That is eight classes a level; the loops they leave out change nothing.
//!
//! **Bounds.** Best first over partial choices of `s`, then `t`. A loop not chosen yet takes, number by number, the best of what it
//! could be; steps are at least the work left over the elements left; the tensor that stays in place is loaded once, the others as
//! often as their loops demand; loops not tiled yet share what their tensors have room for in an element; above the blocks at least
//! what the cheapest buffer tiles that fit cost (`above`). Within an element's tile, counts only grow with the number of buffer
//! tiles, so that the search stops at the first that fit; not where a fetch reads words between strides.
//!
//! **Settled parts.** [`Fix`] narrows the space: an array dataflow, an order, or a whole mapping. **Kept results:** [`Cache`].

mod above;
mod cache;
mod fix;
mod front;
mod layers;
mod leaf;
mod legal;
mod ordered;
mod print;
mod search;
mod space;

pub use cache::Cache;
pub use fix::{Fix, FixError};
pub use front::{Objective, Point};
pub use layers::{LayerRow, MapError, MapResult, TableError, fetched_input, map_layers, parse_layers};
pub use legal::{Conflict, conflicts};
pub use print::nest_text;
pub use search::{Options, Outcome, search};
pub use space::{SearchError, Space};
