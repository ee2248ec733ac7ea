//! File tests and end-to-end tests of the whole workspace; the library is empty.
//!
//! `filetests/AREA/` holds snapshot tests that are files, `models/` the networks they and the end-to-end tests use.
