//! Targets: what is legal, what it costs, and the code that runs there.

pub mod c;
pub mod cortex_m4;
