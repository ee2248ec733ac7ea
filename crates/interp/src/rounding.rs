//! Named rounding profiles: which runtime's integer arithmetic an op follows.

use crate::fixed::Scheme;
use std::fmt;

/// A runtime whose integer results are reproduced bit for bit, as the attribute `round` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rounding {
    /// LiteRT's reference kernels.
    #[default]
    TfliteRef,
    /// LiteRT's built-in kernels without a delegate.
    TfliteBuiltin,
    /// LiteRT with its default delegate.
    Xnnpack,
    /// TFLite Micro with CMSIS-NN.
    CmsisNn,
}

impl Rounding {
    /// Every profile, the default first, in the order the op table lists them.
    pub const ALL: [Self; 4] = [Self::TfliteRef, Self::TfliteBuiltin, Self::Xnnpack, Self::CmsisNn];

    /// The profile of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// As the attribute `round` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TfliteRef => "tflite-ref",
            Self::TfliteBuiltin => "tflite-builtin",
            Self::Xnnpack => "xnnpack",
            Self::CmsisNn => "cmsis-nn",
        }
    }

    /// How a convolution's accumulators are scaled.
    #[must_use]
    pub fn conv(self) -> Scheme {
        match self {
            Self::TfliteRef | Self::TfliteBuiltin | Self::CmsisNn => Scheme::Double,
            Self::Xnnpack => Scheme::Float,
        }
    }

    /// How a fully connected layer's accumulators are scaled.
    #[must_use]
    pub fn dense(self) -> Scheme {
        match self {
            Self::TfliteRef => Scheme::Real,
            Self::TfliteBuiltin | Self::CmsisNn => Scheme::Double,
            Self::Xnnpack => Scheme::Float,
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_reads_back_from_its_name() {
        for profile in Rounding::ALL {
            assert_eq!(Rounding::parse(profile.name()), Some(profile));
        }
        assert_eq!(Rounding::parse("gemmlowp"), None);
    }

    #[test]
    fn the_op_table_lists_the_same_profiles() {
        let op = ir::Op::named("conv2d").expect("an op of the table");
        let def = op.attrs.iter().find(|def| def.name == "round").expect("an integer op has a profile");
        let ir::AttrKind::Word(words) = def.kind else { panic!("`round` is a word") };
        assert_eq!(words, Rounding::ALL.map(Rounding::name));
    }
}
