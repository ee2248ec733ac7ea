//! What the C targets share.

pub mod kernels;
