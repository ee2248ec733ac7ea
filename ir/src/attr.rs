//! Attributes: the compile-time settings of an op, typed by its declaration.

use crate::{Element, Quant};
use std::collections::BTreeMap;

/// The kind of an attribute, with the default that makes it optional.
#[derive(Debug, Clone, Copy)]
pub enum AttrKind {
    /// A whole number.
    Int(Option<i64>),
    /// A list of whole numbers; a fixed length where `len` is given.
    Ints {
        /// Entries expected.
        len: Option<usize>,
        /// Value where not given; `None` makes it required.
        default: Option<&'static [i64]>,
    },
    /// A real number.
    Float(Option<f64>),
    /// One of a few words; the first is the default.
    Word(&'static [&'static str]),
    /// Free text, quoted.
    Text(Option<&'static str>),
    /// An optional quantized element type, e.g. that of an intermediate value.
    MaybeQuant,
}

/// The declaration of one attribute.
#[derive(Debug, Clone, Copy)]
pub struct AttrDef {
    /// As written in text.
    pub name: &'static str,
    /// What it holds.
    pub kind: AttrKind,
    /// What it means, one line.
    pub summary: &'static str,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attr {
    /// A whole number.
    Int(i64),
    /// A list of whole numbers.
    Ints(Vec<i64>),
    /// A real number.
    Float(f64),
    /// One of the words of the declaration.
    Word(String),
    /// Free text.
    Text(String),
    /// An element with its quantization.
    Quant(Element, Quant),
    /// An optional attribute that is not there.
    Absent,
}

/// What is wrong with an attribute.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum AttrError {
    /// The op declares no such attribute.
    #[error("attribute `{name}` is unknown, expected one of: {expected}")]
    Unknown {
        /// As given.
        name: String,
        /// Names the op has.
        expected: String,
    },
    /// A required attribute is missing.
    #[error("attribute `{name}` is missing")]
    Missing {
        /// The attribute.
        name: &'static str,
    },
    /// The value is of another kind or length, or not among the words.
    #[error("attribute `{name}` is {found}, {expected} expected")]
    Value {
        /// The attribute.
        name: &'static str,
        /// What was given.
        found: String,
        /// What the declaration wants.
        expected: String,
    },
}

/// All attributes of a node: every declared one is present, defaults filled in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attrs(BTreeMap<&'static str, Attr>);

impl Attrs {
    /// Checks `given` against the declaration and fills in defaults.
    ///
    /// # Errors
    /// At the first attribute that is unknown, missing or of the wrong kind.
    pub fn complete(
        defs: &'static [AttrDef],
        given: impl IntoIterator<Item = (String, Attr)>,
    ) -> Result<Self, AttrError> {
        let mut attrs = BTreeMap::new();
        for (name, value) in given {
            let Some(def) = defs.iter().find(|def| def.name == name) else {
                let expected: Vec<_> = defs.iter().map(|def| def.name).collect();
                return Err(AttrError::Unknown { name, expected: expected.join(", ") });
            };
            attrs.insert(def.name, def.admit(value)?);
        }
        for def in defs {
            if !attrs.contains_key(def.name) {
                attrs.insert(def.name, def.default().ok_or(AttrError::Missing { name: def.name })?);
            }
        }
        Ok(Self(attrs))
    }

    /// The value of a declared attribute.
    ///
    /// # Panics
    /// Where the op declares no such attribute.
    pub fn get(&self, name: &str) -> &Attr {
        self.0.get(name).unwrap_or_else(|| panic!("the op table declares `{name}`"))
    }

    /// A whole number; see [`Attrs::get`].
    pub fn int(&self, name: &str) -> i64 {
        match self.get(name) {
            Attr::Int(value) => *value,
            other => panic!("`{name}` is declared a whole number, not {other:?}"),
        }
    }

    /// A list of whole numbers; see [`Attrs::get`].
    pub fn ints(&self, name: &str) -> &[i64] {
        match self.get(name) {
            Attr::Ints(value) => value,
            other => panic!("`{name}` is declared a list, not {other:?}"),
        }
    }

    /// A real number; see [`Attrs::get`].
    pub fn float(&self, name: &str) -> f64 {
        match self.get(name) {
            Attr::Float(value) => *value,
            other => panic!("`{name}` is declared a real number, not {other:?}"),
        }
    }

    /// A word or text; see [`Attrs::get`].
    pub fn word(&self, name: &str) -> &str {
        match self.get(name) {
            Attr::Word(value) | Attr::Text(value) => value,
            other => panic!("`{name}` is declared a word, not {other:?}"),
        }
    }

    /// An optional quantized element; see [`Attrs::get`].
    pub fn quant(&self, name: &str) -> Option<(Element, &Quant)> {
        match self.get(name) {
            Attr::Quant(element, quant) => Some((*element, quant)),
            _ => None,
        }
    }

    /// Whether an attribute of this name is declared.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The same attributes with one replaced.
    ///
    /// # Panics
    /// Where the op declares no such attribute: the value's kind is checked when the node is added.
    #[must_use]
    pub fn with(&self, name: &str, value: Attr) -> Self {
        let mut attrs = self.clone();
        *attrs.0.get_mut(name).unwrap_or_else(|| panic!("the op table declares `{name}`")) = value;
        attrs
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Attr)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Those that differ from their default, as the text form prints them, in the order of the declaration.
    pub fn explicit<'a>(
        &'a self,
        defs: &'static [AttrDef],
    ) -> impl Iterator<Item = (&'static str, &'a Attr)> {
        defs.iter().filter_map(|def| {
            let value = self.get(def.name);
            (def.default().as_ref() != Some(value)).then_some((def.name, value))
        })
    }
}

impl AttrDef {
    /// The value where none is given; `None` where one must be.
    pub fn default(&self) -> Option<Attr> {
        match self.kind {
            AttrKind::Int(value) => value.map(Attr::Int),
            AttrKind::Ints { default, .. } => default.map(|list| Attr::Ints(list.to_vec())),
            AttrKind::Float(value) => value.map(Attr::Float),
            AttrKind::Word(words) => Some(Attr::Word(words[0].to_owned())),
            AttrKind::Text(value) => value.map(|text| Attr::Text(text.to_owned())),
            AttrKind::MaybeQuant => Some(Attr::Absent),
        }
    }

    /// What values are taken, in words.
    pub fn expected(&self) -> String {
        match self.kind {
            AttrKind::Int(_) => "a whole number".to_owned(),
            AttrKind::Ints { len: Some(len), .. } => format!("a list of {len} whole numbers"),
            AttrKind::Ints { len: None, .. } => "a list of whole numbers".to_owned(),
            AttrKind::Float(_) => "a finite real number".to_owned(),
            AttrKind::Word(words) => format!("one of: {}", words.join(", ")),
            AttrKind::Text(_) => "quoted text".to_owned(),
            AttrKind::MaybeQuant => "a quantized element, e.g. i8 {scale = 0.5, zero = 0}".to_owned(),
        }
    }

    fn admit(&self, value: Attr) -> Result<Attr, AttrError> {
        let fits = match (&value, self.kind) {
            (Attr::Int(_), AttrKind::Int(_))
            | (Attr::Text(_), AttrKind::Text(_))
            | (Attr::Absent, AttrKind::MaybeQuant) => true,
            (Attr::Ints(list), AttrKind::Ints { len, .. }) => len.is_none_or(|len| list.len() == len),
            (Attr::Float(v), AttrKind::Float(_)) => v.is_finite(),
            (Attr::Word(word), AttrKind::Word(words)) => words.contains(&word.as_str()),
            (Attr::Quant(element, quant), AttrKind::MaybeQuant) => quant.fault(*element, &[]).is_none(),
            #[allow(clippy::cast_precision_loss, reason = "a whole number where a real one is declared")]
            (Attr::Int(v), AttrKind::Float(_)) => return Ok(Attr::Float(*v as f64)),
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        Err(AttrError::Value { name: self.name, found: crate::text::attr(&value), expected: self.expected() })
    }
}

/// Shorthands the op table is written with.
pub(crate) mod declare {
    use super::{AttrDef, AttrKind};

    pub(crate) const fn int(name: &'static str, default: i64, summary: &'static str) -> AttrDef {
        AttrDef { name, kind: AttrKind::Int(Some(default)), summary }
    }
    pub(crate) const fn needed_int(name: &'static str, summary: &'static str) -> AttrDef {
        AttrDef { name, kind: AttrKind::Int(None), summary }
    }
    pub(crate) const fn list<const N: usize>(
        name: &'static str,
        default: &'static [i64; N],
        summary: &'static str,
    ) -> AttrDef {
        AttrDef { name, kind: AttrKind::Ints { len: Some(N), default: Some(default) }, summary }
    }
    pub(crate) const fn needed_list(
        name: &'static str,
        len: Option<usize>,
        summary: &'static str,
    ) -> AttrDef {
        AttrDef { name, kind: AttrKind::Ints { len, default: None }, summary }
    }
    pub(crate) const fn real(name: &'static str, default: f64, summary: &'static str) -> AttrDef {
        AttrDef { name, kind: AttrKind::Float(Some(default)), summary }
    }
    pub(crate) const fn needed_real(name: &'static str, summary: &'static str) -> AttrDef {
        AttrDef { name, kind: AttrKind::Float(None), summary }
    }
    pub(crate) const fn word(
        name: &'static str,
        words: &'static [&'static str],
        summary: &'static str,
    ) -> AttrDef {
        AttrDef { name, kind: AttrKind::Word(words), summary }
    }
    pub(crate) const fn needed_text(name: &'static str, summary: &'static str) -> AttrDef {
        AttrDef { name, kind: AttrKind::Text(None), summary }
    }
    /// The rounding profile of an integer op.
    pub(crate) const ROUND: AttrDef = word(
        "round",
        &["tflite-ref", "tflite-builtin", "xnnpack", "cmsis-nn"],
        "rounding profile where the operands are quantized",
    );
    /// The activation fused behind an op.
    pub(crate) const ACT: AttrDef =
        word("act", &["none", "relu", "relu6", "relu1"], "clamp behind the op: [0, inf), [0, 6], [-1, 1]");
    /// The type between an op and what is fused behind it.
    pub(crate) const MID: AttrDef = AttrDef {
        name: "mid",
        kind: AttrKind::MaybeQuant,
        summary: "quantization of the result before the residual is added",
    };
}
