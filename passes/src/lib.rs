//! Rewrite passes over the graph.
