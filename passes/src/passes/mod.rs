//! The passes, one file each, and the named pipelines made of them.

mod canonicalize;
mod common_subexpressions;
mod dead_code;
mod eliminate_channels;
mod fold_affine;
mod fold_constants;
mod fold_qdq;
mod fuse_activation;
mod fuse_pad;
mod fuse_residual;
mod move_layout;
mod recognize;

pub use canonicalize::Canonicalize;
pub use common_subexpressions::CommonSubexpressions;
pub use dead_code::DeadCode;
pub use eliminate_channels::EliminateChannels;
pub use fold_affine::FoldAffine;
pub use fold_constants::FoldConstants;
pub use fold_qdq::FoldQdq;
pub use fuse_activation::FuseActivation;
pub use fuse_pad::FusePad;
pub use fuse_residual::FuseResidual;
pub use move_layout::MoveLayout;
pub use recognize::Recognize;

use crate::registry::Registry;

/// What every model is brought to before a target sees it.
///
/// Quantization is folded before activations, pads and residuals are fused and again behind it: a float activation between
/// two quantizations is seen by both.
pub const DEFAULT: &str = "dead-code, fold-constants, common-subexpressions, canonicalize, recognize, move-layout, \
                           fold-affine, fold-qdq, fuse, eliminate-channels, dead-code, fold-constants{dequantize = fold}, \
                           common-subexpressions";

/// As [`DEFAULT`], for networks that stay in float: what is quantized is computed on reals.
pub const FLOAT: &str = "dead-code, fold-constants{dequantize = fold}, common-subexpressions, canonicalize, recognize, \
                         move-layout, fold-affine, fuse, dead-code, fold-constants, common-subexpressions";

/// Ops that end in another one's.
pub const FUSE: &str = "fuse-activation, fuse-pad, fuse-residual";

/// Everything above, by name.
pub(crate) fn register(registry: Registry) -> Registry {
    registry
        .with::<Canonicalize>()
        .with::<CommonSubexpressions>()
        .with::<DeadCode>()
        .with::<EliminateChannels>()
        .with::<FoldAffine>()
        .with::<FoldConstants>()
        .with::<FoldQdq>()
        .with::<FuseActivation>()
        .with::<FusePad>()
        .with::<FuseResidual>()
        .with::<MoveLayout>()
        .with::<Recognize>()
        .with_pipeline("default", DEFAULT)
        .with_pipeline("float", FLOAT)
        .with_pipeline("fuse", FUSE)
}

/// Ops whose result at an index depends on one operand at that index alone, and which have no other operand.
fn unary_ops() -> impl Iterator<Item = ir::op::Op> {
    ir::op::all().filter(|op| op.traits.elementwise && op.operands.len() == 1)
}

/// Ops of two operands, elementwise with broadcasting.
fn binary_ops() -> impl Iterator<Item = ir::op::Op> {
    ir::op::all().filter(|op| op.traits.elementwise && op.operands.len() == 2)
}
