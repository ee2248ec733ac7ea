//! The `nasc` command.
fn main() {}
