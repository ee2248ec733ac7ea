//! Child processes: time-outs, process groups, captured output.
