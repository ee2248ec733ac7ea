//! What is validated: a folder of C, its interface, and the inputs to run it on.

use std::path::{Path, PathBuf};

/// A C artifact on disk: `PREFIX.h PREFIX.c PREFIX_weights.c`.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The folder.
    pub dir: PathBuf,
    /// What every name in it begins with: `model`.
    pub prefix: String,
    /// C files to build, inside `dir`.
    pub sources: Vec<PathBuf>,
    /// In the order in which a run gives their bytes.
    pub inputs: Vec<Port>,
    /// In the order in which a run expects their bytes.
    pub outputs: Vec<Port>,
    /// Names of the ops in the order of their marks; the K-th call of `layer_mark` ends the K-th.
    pub ops: Vec<String>,
}

impl Artifact {
    /// The artifact in `dir` with the files of the contract: `PREFIX.c`, and `PREFIX_weights.c` where it is there.
    pub fn new(
        dir: impl AsRef<Path>,
        prefix: &str,
        inputs: Vec<Port>,
        outputs: Vec<Port>,
        ops: Vec<String>,
    ) -> Self {
        let dir = dir.as_ref().to_path_buf();
        let mut sources = vec![PathBuf::from(format!("{prefix}.c"))];
        let weights = PathBuf::from(format!("{prefix}_weights.c"));
        if dir.join(&weights).exists() {
            sources.push(weights);
        }
        Self { dir, prefix: prefix.to_owned(), sources, inputs, outputs, ops }
    }

    /// Bytes of all inputs of one run.
    pub(crate) fn run_bytes(&self) -> usize {
        self.inputs.iter().map(Port::bytes).sum()
    }
}

/// One input or output of the artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The C name of the `T *const` that points to it: `model_in`, `model_in_left`.
    pub symbol: String,
    /// What it is made of.
    pub element: Element,
    /// How many of them.
    pub count: usize,
}

impl Port {
    /// A port of `count` elements behind the C name `symbol`.
    pub fn new(symbol: &str, element: Element, count: usize) -> Self {
        Self { symbol: symbol.to_owned(), element, count }
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.count * self.element.bytes()
    }
}

/// Element types of an artifact's interface, little-endian in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Element {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    F32,
    F64,
}

impl Element {
    /// Bytes of one.
    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// Whether equal means equal to within a tolerance.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The value in `bytes`, which hold exactly one element. A 64-bit integer beyond 2^53 is rounded.
    pub fn value(self, bytes: &[u8]) -> f64 {
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes.try_into().expect("the slice holds one element")
        }
        match self {
            Self::I8 => f64::from(i8::from_le_bytes(array(bytes))),
            Self::U8 => f64::from(bytes[0]),
            Self::I16 => f64::from(i16::from_le_bytes(array(bytes))),
            Self::U16 => f64::from(u16::from_le_bytes(array(bytes))),
            Self::I32 => f64::from(i32::from_le_bytes(array(bytes))),
            Self::U32 => f64::from(u32::from_le_bytes(array(bytes))),
            Self::I64 => i64::from_le_bytes(array(bytes)) as f64,
            Self::F32 => f64::from(f32::from_le_bytes(array(bytes))),
            Self::F64 => f64::from_le_bytes(array(bytes)),
        }
    }
}

/// Inputs, one byte string per port, and the outputs expected of them, where they are known.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// As the artifact's `inputs`.
    pub inputs: Vec<Vec<u8>>,
    /// As the artifact's `outputs`; `None` runs without comparing.
    pub expected: Option<Vec<Vec<u8>>>,
}

/// Random bytes for every port: integers uniform over their type, floats uniform in [-1, 1). The same seed gives the
/// same bytes.
pub fn random_inputs(ports: &[Port], seed: u64) -> Vec<Vec<u8>> {
    let mut random = SplitMix(seed);
    ports
        .iter()
        .map(|port| {
            let mut bytes = Vec::with_capacity(port.bytes());
            for _ in 0..port.count {
                let word = random.next();
                // 2^-52 turns the upper 53 bits into [0, 2).
                let unit = (word >> 11) as f64 * 2f64.powi(-52) - 1.0;
                match port.element {
                    Element::F32 => bytes.extend((unit as f32).to_le_bytes()),
                    Element::F64 => bytes.extend(unit.to_le_bytes()),
                    integer => bytes.extend(&word.to_le_bytes()[..integer.bytes()]),
                }
            }
            bytes
        })
        .collect()
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_inputs_repeat_with_their_seed_and_fill_every_port() {
        let ports = [Port::new("a", Element::I8, 1000), Port::new("b", Element::F32, 1000)];
        let first = random_inputs(&ports, 7);
        assert_eq!(first, random_inputs(&ports, 7));
        assert_ne!(first, random_inputs(&ports, 8));
        assert_eq!(first[0].len(), 1000);
        assert!(first[0].iter().any(|b| *b as i8 == i8::MIN) || first[0].iter().any(|b| (*b as i8) < -100));
        let floats = first[1].chunks(4).map(|chunk| Element::F32.value(chunk));
        assert!(floats.clone().all(|x| (-1.0..=1.0).contains(&x)) && floats.clone().any(|x| x < 0.0));
    }

    #[test]
    fn values_are_read_little_endian() {
        assert_eq!(Element::I16.value(&[0xfe, 0xff]), -2.0);
        assert_eq!(Element::U16.value(&[0xfe, 0xff]), 65534.0);
        assert_eq!(Element::F32.value(&1.5f32.to_le_bytes()), 1.5);
    }
}
