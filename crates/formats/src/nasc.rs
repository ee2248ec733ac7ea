//! `.nasc`: the text form, with its weights in a `.safetensors` file of the same name beside it.
//!
//! Elements that safetensors has no name for (`i4`, `u12`) are stored in the next wider integer, as in memory, and named in the
//! file's metadata under `elements`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ir::{Element, Graph, Tensor, WeightStore};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, View};

use crate::error::{ExportError, ImportError};

/// Metadata key of the elements that have no dtype.
const ELEMENTS: &str = "elements";

/// Where the weights of `model.nasc` lie: `model.safetensors`.
pub fn weights_path(path: &Path) -> PathBuf {
    path.with_extension("safetensors")
}

/// Reads a graph and, where the file is there, its weights, which stay mapped. Without the file the graph is untrained; with
/// it every weight the text names must be in it.
///
/// # Errors
/// [`ImportError::Text`] with everything wrong in the text, [`ImportError::Weights`] where the weights do not fit.
pub fn load(path: impl AsRef<Path>) -> Result<Graph, ImportError> {
    let path = path.as_ref();
    let io = |path: &Path, source| ImportError::Io { path: path.to_owned(), source };
    let text = crate::file::open(path).map_err(|e| io(path, e))?;
    let text = std::str::from_utf8(&text).map_err(|e| ImportError::Weights {
        path: path.to_owned(),
        found: format!("byte {} is no UTF-8", e.valid_up_to()),
        expected: "text".into(),
    })?;
    let beside = weights_path(path);
    let weights = match crate::file::open(&beside) {
        Ok(file) => Some(Weights::open(&beside, file)?),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(io(&beside, e)),
    };
    let store: &dyn WeightStore = match &weights {
        Some(weights) => weights,
        None => &ir::NoWeights,
    };
    let graph =
        ir::parse(text, store).map_err(|findings| ImportError::Text { path: path.to_owned(), findings })?;
    let missing = weights.map(|w| w.missing.into_inner()).unwrap_or_default();
    match &missing[..] {
        [] => Ok(graph),
        names => Err(ImportError::Weights {
            path: beside,
            found: format!("no tensor `{}`", names.join("`, `")),
            expected: "all weights the text names".into(),
        }),
    }
}

/// Writes a graph's text and, where it has named weights with data, the weights beside it. Each file appears whole or not at
/// all, so a graph may be saved over the file its weights are mapped from.
///
/// # Errors
/// [`ExportError`] where two different weights have one name or a file cannot be written.
pub fn save(graph: &Graph, path: impl AsRef<Path>) -> Result<(), ExportError> {
    let path = path.as_ref();
    let mut weights: BTreeMap<&str, &Tensor> = BTreeMap::new();
    for value in graph.values() {
        let Some(constant) = graph.node(value).constant() else { continue };
        let (Some(name), Some(data)) = (&constant.name, &constant.data) else { continue };
        if weights.insert(name, data).is_some_and(|other| other != data) {
            return Err(ExportError::SameName { name: name.clone() });
        }
    }
    if !weights.is_empty() {
        crate::file::replace(&weights_path(path), &weights_file(&weights)?)?;
    }
    crate::file::replace(path, graph.to_text().as_bytes())
}

/// The content of the `.safetensors` file for `weights`.
fn weights_file(weights: &BTreeMap<&str, &Tensor>) -> Result<Vec<u8>, ExportError> {
    let narrow = weights.iter().filter(|(_, tensor)| named(tensor.element()).is_none());
    let narrow: BTreeMap<&str, String> = narrow.map(|(name, t)| (*name, t.element().to_string())).collect();
    let metadata = (!narrow.is_empty()).then(|| {
        let text = serde_json::to_string(&narrow).expect("invariant: texts make sound JSON");
        std::iter::once((ELEMENTS.to_owned(), text)).collect()
    });
    let views = weights.iter().map(|(name, tensor)| (*name, Stored(tensor)));
    safetensors::serialize(views, metadata).map_err(|e| ExportError::Weights(e.to_string()))
}

struct Stored<'a>(&'a Tensor);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        let element = self.0.element();
        named(element).unwrap_or(match (element.bytes(), element.range()) {
            (1, Some((0, _))) => Dtype::U8,
            (1, _) => Dtype::I8,
            (_, Some((0, _))) => Dtype::U16,
            _ => Dtype::I16,
        })
    }
    fn shape(&self) -> &[usize] {
        self.0.shape()
    }
    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        self.0.bytes().into()
    }
    fn data_len(&self) -> usize {
        self.0.bytes().len()
    }
}

const DTYPES: [(Dtype, &str); 14] = [
    (Dtype::F32, "f32"),
    (Dtype::F16, "f16"),
    (Dtype::BF16, "bf16"),
    (Dtype::F8_E4M3, "f8e4m3"),
    (Dtype::F8_E5M2, "f8e5m2"),
    (Dtype::BOOL, "bool"),
    (Dtype::I8, "i8"),
    (Dtype::U8, "u8"),
    (Dtype::I16, "i16"),
    (Dtype::U16, "u16"),
    (Dtype::I32, "i32"),
    (Dtype::U32, "u32"),
    (Dtype::I64, "i64"),
    (Dtype::U64, "u64"),
];

/// The dtype an element has in the format, where it has one.
fn named(element: Element) -> Option<Dtype> {
    let text = element.to_string();
    DTYPES.iter().find(|(_, name)| *name == text).map(|(dtype, _)| *dtype)
}

/// The tensors of a `.safetensors` file.
struct Weights {
    file: Bytes,
    /// Where the data begin.
    base: usize,
    metadata: Metadata,
    /// Elements that have no dtype.
    narrow: HashMap<String, Element>,
    /// Names that were asked for and are not there.
    missing: RefCell<Vec<String>>,
}

impl Weights {
    fn open(path: &Path, file: Bytes) -> Result<Weights, ImportError> {
        let wrong = |found: String, expected: &str| ImportError::Weights {
            path: path.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        let (header, metadata) = SafeTensors::read_metadata(&file)
            .map_err(|e| wrong(e.to_string(), "a sound .safetensors file"))?;
        let mut narrow = HashMap::new();
        if let Some(text) = metadata.metadata().as_ref().and_then(|m| m.get(ELEMENTS)) {
            let names: BTreeMap<String, String> = serde_json::from_str(text)
                .map_err(|e| wrong(format!("metadata `{ELEMENTS}`: {e}"), "names"))?;
            for (name, text) in names {
                let element = Element::parse(&text).ok_or_else(|| {
                    wrong(format!("element `{text}` of `{name}`"), "an element of the text form")
                })?;
                narrow.insert(name, element);
            }
        }
        for (name, info) in metadata.tensors() {
            let known = DTYPES.iter().any(|(dtype, _)| *dtype == info.dtype);
            if !known {
                return Err(wrong(
                    format!("dtype {:?} of `{name}`", info.dtype),
                    "an element of the text form",
                ));
            }
        }
        // 8 bytes of length stand before the header.
        Ok(Weights { base: 8 + header, file, metadata, narrow, missing: RefCell::default() })
    }
}

impl WeightStore for Weights {
    fn tensor(&self, name: &str) -> Option<Tensor> {
        let Some(info) = self.metadata.info(name) else {
            self.missing.borrow_mut().push(name.to_owned());
            return None;
        };
        let (_, stored) = DTYPES.iter().find(|(dtype, _)| *dtype == info.dtype)?;
        let stored = Element::parse(stored)?;
        let element =
            self.narrow.get(name).copied().filter(|e| e.bytes() == stored.bytes()).unwrap_or(stored);
        let (start, end) = info.data_offsets;
        let data = self.file.slice(self.base + start..self.base + end);
        let range = 0..data.len();
        Tensor::from_backing(element, info.shape.clone(), Arc::new(data), range).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::{Quant, Type};

    fn graph() -> Graph {
        let mut graph = Graph::new("small");
        let x = graph.add_input("x", Type::new(Element::F32, [2, 2]));
        let four = Element::int(4, true).expect("a width of the IR");
        let ty = Type::new(four, [3, 2]).with_quant(Quant::per_tensor(0.5, 0));
        let w = graph.add_const(
            Some("w \"1\"".into()),
            ty,
            Tensor::from_ints(four, [3, 2], &[-8, 7, 1, 0, -1, 2]),
        );
        let wide = graph.op("dequantize", &[w], [], None).expect("sound");
        let b = Tensor::from_f32([3], &[0.5, -1.0, 2.0]);
        let b = graph.add_const(Some("b".into()), Type::new(Element::F32, [3]), b);
        let y = graph.op("dense", &[x, wide, b], [], None).expect("sound");
        graph.set_outputs([y]);
        graph
    }

    #[test]
    fn a_graph_comes_back_with_its_weights_narrow_ones_included() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("m.nasc");
        save(&graph(), &path).expect("saved");
        assert_eq!(load(&path).expect("loaded"), graph());
        let first = std::fs::read(weights_path(&path)).expect("written");
        // Saved over the file its weights come from.
        save(&load(&path).expect("loaded"), &path).expect("saved again");
        assert_eq!(std::fs::read(weights_path(&path)).expect("written"), first);
    }

    #[test]
    fn without_the_weights_file_a_graph_is_untrained() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("m.nasc");
        std::fs::write(&path, graph().to_text()).expect("written");
        let loaded = load(&path).expect("loaded");
        let trained = loaded.values().filter_map(|v| loaded.const_data(v)).count();
        assert_eq!(trained, 0);
    }

    #[test]
    fn a_weight_that_is_missing_or_cut_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("m.nasc");
        save(&graph(), &path).expect("saved");
        let weights = std::fs::read(weights_path(&path)).expect("written");
        std::fs::write(weights_path(&path), &weights[..weights.len() - 1]).expect("written");
        assert!(matches!(load(&path), Err(ImportError::Weights { .. })));
        let tensor = Tensor::from_f32([3], &[0.0; 3]);
        let only = weights_file(&BTreeMap::from([("b", &tensor)])).expect("a file");
        std::fs::write(weights_path(&path), only).expect("written");
        let refused = load(&path).expect_err("`w` is missing").to_string();
        assert!(refused.contains("no tensor `w \"1\"`"), "{refused}");
    }

    #[test]
    fn a_broken_text_is_reported_on_its_line() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("m.nasc");
        std::fs::write(&path, "graph @g(%x: f32[2]) {\n  %y = nothing %x\n  return %y\n}\n")
            .expect("written");
        let refused = load(&path).expect_err("no such op").to_string();
        assert!(refused.contains("m.nasc:2:"), "{refused}");
    }
}
