//! What is read, and what can be wrong with it.

use super::yaml::{Node, Value};
use super::{timeloop_in, yaml, zigzag};
use crate::nest::LayerRow;
use hw::machine::LayerError;
use std::path::Path;

/// The layers of another tool's workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The loop nests.
    pub rows: Vec<LayerRow>,
    /// Layers that are none: poolings and additions of a ZigZag workload.
    pub left_out: Vec<LeftOut>,
}

/// A layer that is no multiplication of two operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// From 1.
    pub line: usize,
    /// As the file calls it.
    pub layer: String,
    /// What it does.
    pub operator: String,
}

/// A workload that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct WorkloadError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// Why a workload cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not YAML.
    #[error("no YAML: {message}")]
    Yaml {
        /// The parser's words.
        message: String,
    },
    /// A template of Timeloop's front end that is more than an inclusion.
    #[error("a template, plain YAML or a line `{{{{include_text('FILE')}}}}` expected")]
    Template,
    /// A file that is included and not there.
    #[error("`{file}` is included: {reason}")]
    Include {
        /// As written.
        file: String,
        /// Why not.
        reason: String,
    },
    /// Nothing but comments.
    #[error("an empty file, a workload expected")]
    Empty,
    /// More than one document.
    #[error("a second document, one expected")]
    Documents,
    /// Beyond what a workload needs.
    #[error("{found} {what}, at most {most} expected")]
    Limit {
        /// Of what.
        what: &'static str,
        /// In the file.
        found: usize,
        /// Allowed.
        most: usize,
    },
    /// An alias inside its own anchor.
    #[error("an alias of what it stands in, or of nothing, one of an earlier value expected")]
    Loop,
    /// A list or map as a key.
    #[error("a key that is no text")]
    Key,
    /// A key twice in a map.
    #[error("`{key}` is given twice")]
    Twice {
        /// Which.
        key: String,
    },
    /// Neither tool's.
    #[error(
        "no workload: a map with `problem` (Timeloop) or a list of layers with `equation` (ZigZag) expected"
    )]
    Kind,
    /// A key that must be there.
    #[error("no `{key}`")]
    Missing {
        /// Which.
        key: String,
    },
    /// A value of the wrong kind.
    #[error("`{key}` is `{found}`, {expected} expected")]
    Value {
        /// Which key.
        key: String,
        /// As written.
        found: String,
        /// What there should be.
        expected: &'static str,
    },
    /// Fewer or more sizes than loops.
    #[error("`loop_sizes` has {found} numbers, {expected} expected: one for each of `loop_dims`")]
    Sizes {
        /// Numbers.
        found: usize,
        /// Loops.
        expected: usize,
    },
    /// An operand that is not dense.
    #[error("`{operand}` has a density of {found}, 1 expected: sparse operands are not read")]
    Sparse {
        /// Which.
        operand: String,
        /// As written.
        found: String,
    },
    /// Operands or loops that make no nest of ours.
    #[error("`{what}`: {found}; {expected} expected")]
    Nest {
        /// Operand, index or loop.
        what: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Sizes that make no layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

/// Reads a Timeloop problem or a ZigZag workload; `path` gives the names of network and layer where the file has none: of
/// `alexnet/3.yaml` with one problem the layer `3` of `alexnet`, of `resnet18.yaml` with a list the network `resnet18`.
pub fn parse_workload(text: &str, path: &Path) -> Result<Workload, WorkloadError> {
    let root = yaml::parse(text)?;
    let name = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned());
    let stem = name(path.file_stem()).unwrap_or_else(|| "workload".to_owned());
    match kind(&root).ok_or_else(|| root.at(Problem::Kind))? {
        Kind::Timeloop(problem) => {
            let folder = name(path.parent().and_then(Path::file_name));
            let nest = timeloop_in::read(problem)?;
            let (net, layer) = (folder.unwrap_or_else(|| "timeloop".to_owned()), stem);
            Ok(Workload { rows: vec![LayerRow { net, layer, count: 1, nest }], left_out: Vec::new() })
        }
        Kind::ZigZag(layers) => zigzag::read(layers, &stem),
    }
}

enum Kind<'a> {
    Timeloop(&'a Node),
    ZigZag(&'a [Node]),
}

fn kind(root: &Node) -> Option<Kind<'_>> {
    match &root.value {
        Value::Map(_) => {
            let bare = root.get("shape").is_some() || root.get("instance").is_some();
            root.any(&["problem", "workload"]).or(bare.then_some(root)).map(Kind::Timeloop)
        }
        Value::List(layers) => {
            layers.iter().any(|l| l.get("equation").is_some()).then_some(Kind::ZigZag(layers))
        }
        Value::Scalar(..) => None,
    }
}
