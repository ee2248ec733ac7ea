//! Tables and HTML pages of results.
