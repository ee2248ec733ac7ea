//! The artifact's contract: names, memory, re-entrance, C and C++, hooks, bytes; and what is refused.

mod contract;
mod custom;
mod networks;
mod refusals;
mod shop;
