//! Targets: what is legal, what it costs, and the code that runs there.

pub mod c;
