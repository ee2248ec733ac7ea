//! Recipes run: build, execute, compare, count.
