//! Hardware still on paper: which settings of a template's parameters no other beats in latency, energy and area together.
//!
//! Every setting of a grid is bounded first, by work over elements and by traffic no mapping can avoid ([`layer_bound`]). Settings are then
//! taken up by rising bound; the bounds of a setting's layers are raised by searches given no time, then the layers are mapped, both
//! by falling weight, and the setting is given up as soon as one that is known already is at least as good in all three. Area is exact from the start. Nothing is lost: a
//! setting is given up only where even its bound is beaten.

mod bound;
mod grid;
mod run;

pub use bound::{LayerBound, layer_bound};
pub use grid::{Range, RangeError};
pub use run::{Candidate, NetworkFigures, Sweep, SweepError, sweep};
