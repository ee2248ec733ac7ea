//! The protobuf wire format of an ONNX file, walked once before it is decoded.
//!
//! The decoder reports no positions, and two bytes on the wire can become a struct of 150 in memory; so this walk says where a
//! file breaks the format, and refuses one that would decode to more than [`MEMORY_FACTOR`] times its size. Messages that may
//! nest in themselves are not descended into, so depth is bounded by the table below.
//!
//! Source: "Encoding", <https://protobuf.dev/programming-guides/encoding/>.

use super::proto;

/// Memory that decoding may take, as a multiple of the file's size (plus [`MEMORY_SLACK`] for very small files). Raw tensor
/// data are views of the file and not counted.
pub const MEMORY_FACTOR: usize = 32;
/// See [`MEMORY_FACTOR`], in bytes.
pub const MEMORY_SLACK: usize = 64 * 1024;

/// What is wrong with a file, and where: `path` is the field (`graph.node[2].attribute[0].t`), `offset` counts bytes from the
/// beginning of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: at byte {offset}: {problem}")]
pub struct WireError {
    /// The field that was read, from the root message down.
    pub path: String,
    /// Bytes from the beginning of the file.
    pub offset: usize,
    /// What was found and what was expected.
    pub problem: Problem,
}

/// See [`WireError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value goes on beyond its message.
    #[error("{needed} bytes expected, {found} are left")]
    OutOfRange {
        /// Bytes the value takes.
        needed: usize,
        /// Bytes left in the message.
        found: usize,
    },
    /// A number that does not end within ten bytes.
    #[error("a number of more than 64 bits")]
    Number,
    /// A field of another kind than the format declares.
    #[error("wire type {found}, {expected} expected")]
    WireType {
        /// The wire type found.
        found: u8,
        /// What the declaration wants.
        expected: &'static str,
    },
    /// A packed list that ends within an element.
    #[error("a list of {found} bytes, a multiple of {expected} expected")]
    Packed {
        /// Its bytes.
        found: usize,
        /// Bytes of an element.
        expected: usize,
    },
    /// A name that is not UTF-8.
    #[error("a text that is not valid UTF-8")]
    Text,
    /// The file would take more memory than [`MEMORY_FACTOR`] allows.
    #[error("its messages take more than {limit} bytes in memory, too many for a file of this size")]
    Budget {
        /// The bytes allowed.
        limit: usize,
    },
}

/// What a field holds.
enum Kind {
    /// A variable-length number.
    Number,
    /// Several, packed or not.
    Numbers,
    /// Numbers of a fixed width, packed or not.
    Fixed {
        width: usize,
    },
    Text,
    Blob,
    Message(&'static Shape),
}

/// A message: bytes of its struct and the fields the decoder looks at.
struct Shape {
    size: usize,
    fields: &'static [(u64, &'static str, Kind)],
}

const ENTRY: Shape = Shape {
    size: size_of::<proto::StringStringEntryProto>(),
    fields: &[(1, "key", Kind::Text), (2, "value", Kind::Text)],
};
const TENSOR: Shape = Shape {
    size: size_of::<proto::TensorProto>(),
    fields: &[
        (1, "dims", Kind::Numbers),
        (2, "data_type", Kind::Number),
        (4, "float_data", Kind::Fixed { width: 4 }),
        (5, "int32_data", Kind::Numbers),
        (7, "int64_data", Kind::Numbers),
        (8, "name", Kind::Text),
        (9, "raw_data", Kind::Blob),
        (10, "double_data", Kind::Fixed { width: 8 }),
        (11, "uint64_data", Kind::Numbers),
        (13, "external_data", Kind::Message(&ENTRY)),
        (14, "data_location", Kind::Number),
    ],
};
const ATTRIBUTE: Shape = Shape {
    size: size_of::<proto::AttributeProto>(),
    fields: &[
        (1, "name", Kind::Text),
        (2, "f", Kind::Fixed { width: 4 }),
        (3, "i", Kind::Number),
        (4, "s", Kind::Blob),
        (5, "t", Kind::Message(&TENSOR)),
        (6, "g", Kind::Blob),
        (7, "floats", Kind::Fixed { width: 4 }),
        (8, "ints", Kind::Numbers),
        (9, "strings", Kind::Blob),
        (20, "type", Kind::Number),
        (21, "ref_attr_name", Kind::Text),
    ],
};
const NODE: Shape = Shape {
    size: size_of::<proto::NodeProto>(),
    fields: &[
        (1, "input", Kind::Text),
        (2, "output", Kind::Text),
        (3, "name", Kind::Text),
        (4, "op_type", Kind::Text),
        (5, "attribute", Kind::Message(&ATTRIBUTE)),
        (7, "domain", Kind::Text),
    ],
};
const DIMENSION: Shape = Shape {
    size: size_of::<proto::tensor_shape_proto::Dimension>(),
    fields: &[(1, "dim_value", Kind::Number), (2, "dim_param", Kind::Text)],
};
const TENSOR_SHAPE: Shape =
    Shape { size: size_of::<proto::TensorShapeProto>(), fields: &[(1, "dim", Kind::Message(&DIMENSION))] };
const TENSOR_TYPE: Shape = Shape {
    size: size_of::<proto::type_proto::Tensor>(),
    fields: &[(1, "elem_type", Kind::Number), (2, "shape", Kind::Message(&TENSOR_SHAPE))],
};
const TYPE: Shape =
    Shape { size: size_of::<proto::TypeProto>(), fields: &[(1, "tensor_type", Kind::Message(&TENSOR_TYPE))] };
const VALUE_INFO: Shape = Shape {
    size: size_of::<proto::ValueInfoProto>(),
    fields: &[(1, "name", Kind::Text), (2, "type", Kind::Message(&TYPE))],
};
const GRAPH: Shape = Shape {
    size: size_of::<proto::GraphProto>(),
    fields: &[
        (1, "node", Kind::Message(&NODE)),
        (2, "name", Kind::Text),
        (5, "initializer", Kind::Message(&TENSOR)),
        (11, "input", Kind::Message(&VALUE_INFO)),
        (12, "output", Kind::Message(&VALUE_INFO)),
        (13, "value_info", Kind::Message(&VALUE_INFO)),
        (15, "sparse_initializer", Kind::Blob),
    ],
};
const OPSET: Shape = Shape {
    size: size_of::<proto::OperatorSetIdProto>(),
    fields: &[(1, "domain", Kind::Text), (2, "version", Kind::Number)],
};
const MODEL: Shape = Shape {
    size: size_of::<proto::ModelProto>(),
    fields: &[
        (1, "ir_version", Kind::Number),
        (2, "producer_name", Kind::Text),
        (3, "producer_version", Kind::Text),
        (7, "graph", Kind::Message(&GRAPH)),
        (8, "opset_import", Kind::Message(&OPSET)),
        (14, "metadata_props", Kind::Message(&ENTRY)),
        (25, "functions", Kind::Blob),
    ],
};

/// Checks that `file` is a model on the wire and of bounded size in memory.
pub(super) fn check(file: &[u8]) -> Result<(), WireError> {
    let limit = file.len().saturating_mul(MEMORY_FACTOR).saturating_add(MEMORY_SLACK);
    let mut walk = Walk { file, spent: 0, limit };
    walk.message(&MODEL, 0, file.len()).map_err(|e| within(e, "model"))
}

struct Walk<'a> {
    file: &'a [u8],
    spent: usize,
    limit: usize,
}

/// How a value is laid out.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

impl Walk<'_> {
    fn message(&mut self, shape: &'static Shape, start: usize, end: usize) -> Result<(), WireError> {
        // A vector that grows holds up to twice its elements.
        self.charge(start, 2 * shape.size)?;
        let mut seen = vec![0usize; shape.fields.len()];
        let mut at = start;
        while at < end {
            let key_at = at;
            let key = self.number(&mut at, end)?;
            let (field, wire) = (key >> 3, (key & 7) as u8);
            match shape.fields.iter().position(|(number, ..)| *number == field) {
                Some(i) => {
                    let (_, name, kind) = &shape.fields[i];
                    let nth = seen[i];
                    seen[i] += 1;
                    let found = self.field(kind, wire, &mut at, end, key_at);
                    let step = || if nth == 0 { (*name).to_owned() } else { format!("{name}[{nth}]") };
                    found.map_err(|e| within(e, &step()))?;
                }
                None => drop(self.value(wire, &mut at, end, key_at)?),
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        kind: &Kind,
        wire: u8,
        at: &mut usize,
        end: usize,
        key_at: usize,
    ) -> Result<(), WireError> {
        let expected = match (kind, wire) {
            (Kind::Number | Kind::Numbers, VARINT)
            | (Kind::Numbers | Kind::Text | Kind::Blob | Kind::Message(_), LENGTH)
            | (Kind::Fixed { width: 4 }, FIXED32 | LENGTH)
            | (Kind::Fixed { width: 8 }, FIXED64 | LENGTH) => None,
            (Kind::Number, _) => Some("0 (a number)"),
            (Kind::Numbers, _) => Some("0 or 2 (numbers)"),
            (Kind::Fixed { .. }, _) => Some("1, 2 or 5 (floats)"),
            (Kind::Text | Kind::Blob | Kind::Message(_), _) => Some("2 (bytes)"),
        };
        if let Some(expected) = expected {
            return Err(error(key_at, Problem::WireType { found: wire, expected }));
        }
        let (first, last) = self.value(wire, at, end, key_at)?;
        let content = &self.file[first..last];
        match kind {
            Kind::Message(shape) => return self.message(shape, first, last),
            Kind::Text if std::str::from_utf8(content).is_err() => return Err(error(first, Problem::Text)),
            Kind::Text | Kind::Blob => self.charge(first, 2 * size_of::<String>())?,
            Kind::Fixed { width } if !content.len().is_multiple_of(*width) => {
                return Err(error(first, Problem::Packed { found: content.len(), expected: *width }));
            }
            Kind::Numbers if wire == LENGTH => {
                let mut inner = first;
                while inner < last {
                    self.number(&mut inner, last)?;
                }
                // A number of one byte takes eight.
                self.charge(first, 16 * content.len())?;
            }
            Kind::Numbers | Kind::Number | Kind::Fixed { .. } => self.charge(first, 16)?,
        }
        // Raw data are views; texts and lists of floats are copied.
        if !matches!(kind, Kind::Blob | Kind::Numbers) {
            self.charge(first, 2 * (last - first))?;
        }
        Ok(())
    }

    /// Steps over a value; returns where its content lies.
    fn value(
        &mut self,
        wire: u8,
        at: &mut usize,
        end: usize,
        key_at: usize,
    ) -> Result<(usize, usize), WireError> {
        let len = match wire {
            VARINT => {
                let first = *at;
                self.number(at, end)?;
                return Ok((first, *at));
            }
            FIXED64 => 8,
            FIXED32 => 4,
            LENGTH => usize::try_from(self.number(at, end)?).unwrap_or(usize::MAX),
            found => return Err(error(key_at, Problem::WireType { found, expected: "0, 1, 2 or 5" })),
        };
        if len > end - *at {
            return Err(error(*at, Problem::OutOfRange { needed: len, found: end - *at }));
        }
        let first = *at;
        *at += len;
        Ok((first, *at))
    }

    fn number(&self, at: &mut usize, end: usize) -> Result<u64, WireError> {
        let mut value = 0u64;
        for i in 0..10 {
            if *at >= end {
                return Err(error(*at, Problem::OutOfRange { needed: 1, found: 0 }));
            }
            let byte = self.file[*at];
            *at += 1;
            // The tenth byte has room for one bit.
            if i == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(error(*at, Problem::Number))
    }

    fn charge(&mut self, at: usize, bytes: usize) -> Result<(), WireError> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.limit {
            return Err(error(at, Problem::Budget { limit: self.limit }));
        }
        Ok(())
    }
}

fn error(offset: usize, problem: Problem) -> WireError {
    WireError { path: String::new(), offset, problem }
}

fn within(mut error: WireError, step: &str) -> WireError {
    let dot = if error.path.is_empty() { "" } else { "." };
    error.path = format!("{step}{dot}{}", error.path);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    fn model() -> proto::ModelProto {
        let tensor = proto::TensorProto { dims: vec![2], name: Some("w".into()), ..Default::default() };
        let attribute = proto::AttributeProto {
            name: Some("value".into()),
            t: Some(Box::new(tensor)),
            ..Default::default()
        };
        let node = proto::NodeProto { attribute: vec![attribute], ..Default::default() };
        let graph = proto::GraphProto { node: vec![Default::default(), node], ..Default::default() };
        proto::ModelProto { ir_version: Some(10), graph: Some(graph), ..Default::default() }
    }

    #[test]
    fn what_the_decoder_takes_the_walk_takes() {
        assert_eq!(check(&model().encode_to_vec()), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn a_cut_file_is_refused_with_the_field_and_the_byte() {
        let file = model().encode_to_vec();
        let cut = file.len() - 1;
        let refused = check(&file[..cut]).expect_err("the last byte is missing").to_string();
        assert_eq!(refused, "model.graph: at byte 4: 20 bytes expected, 19 are left");
        // The same inside a message whose own length is right: `name` of the tensor says 9 bytes.
        let mut long = file.clone();
        long[cut - 1] = 9;
        let refused = check(&long).expect_err("the name is too long").to_string();
        assert_eq!(refused, "model.graph.node[1].attribute.t.name: at byte 23: 9 bytes expected, 1 are left");
    }

    #[test]
    fn a_field_of_another_kind_is_refused() {
        // Field 1 of the model (a number) as bytes.
        let refused = check(&[0x0a, 0x00]).expect_err("not a number").to_string();
        assert_eq!(refused, "model.ir_version: at byte 0: wire type 2, 0 (a number) expected");
        assert!(check(&[0x0b]).is_err(), "groups are not part of the format");
    }

    #[test]
    fn endless_numbers_and_foreign_letters_are_refused() {
        assert_eq!(check(&[0xff; 12]).expect_err("a number").problem, Problem::Number);
        assert_eq!(check(&[0x12, 0x01, 0xff]).expect_err("a text").problem, Problem::Text);
    }

    #[test]
    fn many_empty_messages_exhaust_the_budget_not_the_memory() {
        // A graph of 100,000 empty nodes: 2 bytes each on the wire, 144 and more in memory.
        let nodes = [0x0a, 0x00].repeat(100_000);
        let mut file = vec![0x3a];
        prost::encoding::encode_varint(nodes.len() as u64, &mut file);
        file.extend(nodes);
        assert!(matches!(check(&file).expect_err("too large").problem, Problem::Budget { .. }));
    }
}
