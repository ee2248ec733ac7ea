//! Loop nests: accesses, energy and cycles of a layer under a [`Mapping`](hw::machine::Mapping).
//!
//! **Counts.** A fill of a tensor stands in the nest just inside the innermost loop the tensor depends on; loops inside it that the
//! tensor does not depend on bring nothing new (*the run*). A loop stands in the nest where it has more than one iteration in a
//! whole tile. Ragged tiles count their exact edge volumes. Of the input, a fill brings only the words that are new where the loop
//! it stands in moves the window along rows or columns and the window has no gaps (*the slide*); element memories slide only inside
//! a buffer tile and only along an axis that is not spread over the array.
//!
//! **Accounting.** A word entering a memory is a write, a word leaving for the memory below is a read. One read serves all
//! elements that need the word in the same step, and partial sums of elements are added on the way up, both at no cost. Every
//! multiply-accumulate makes one access to each element memory for input and weight and two for the partial sum, the first one of
//! a sum included; that read of a still empty sum stands for the read that drains it. Above the elements the first write of a sum
//! needs no read. A tensor without element memory is read (partial sums: read and written) one memory up in every step.
//!
//! **Latency** is the largest of the compute steps and of each port's words over its width, rounded up; no fill or drain.

mod factors;
mod lanes;
mod model;
mod runs;

pub use factors::{Factors, input_words};
pub use lanes::{Eight, LANES, Lanes, Part, Upper};
pub use model::{Access, Breakdown, Cost, Linear, Model, ROWS};
pub use runs::{Run, Runs};
