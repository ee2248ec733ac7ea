//! Units, estimates and what a target is capable of.
