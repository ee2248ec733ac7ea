//! The kernels, by family.

pub(crate) mod attention;
pub(crate) mod binary;
pub(crate) mod conv;
pub(crate) mod function;
pub(crate) mod linear;
pub(crate) mod movement;
pub(crate) mod normalize;
pub(crate) mod pool;
pub(crate) mod quantize;
pub(crate) mod reduce;
pub(crate) mod scale;
pub(crate) mod softmax;
pub(crate) mod unary;
pub(crate) mod window;
