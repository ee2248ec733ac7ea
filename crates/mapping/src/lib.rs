//! Memory planning and mapping search.
