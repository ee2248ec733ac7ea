//! The nasc library: a facade over the workspace.
