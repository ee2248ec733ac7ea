//! Independent checkers of searched results.
