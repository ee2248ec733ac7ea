//! File tests and end-to-end tests.
