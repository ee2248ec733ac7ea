//! What a user settles of a mapping before the search: a dataflow, an order, or all of it.
//!
//! A text of `key=value` items, parted by blanks, `;` or line ends; `#` starts a comment.
//!
//! | item | settles |
//! | --- | --- |
//! | `spatial=K:16,C:14` | over how many elements a loop is spread |
//! | `axis0=K:14`, `axis1=…` | the same on one axis of the array, by position in the hardware file |
//! | `pe=R:3,S:3` | the iterations of a loop inside one element |
//! | `buffer=P:7` | the iterations of a loop inside the buffers' tile |
//! | `order.element=K,C` | the order of blocks within a buffer tile, outermost first; loops left out stand outside in the best order |
//! | `order.buffer=N,K` | the same of buffer tiles within the layer |
//! | `slice=K.weight`, `slice=none` | which tensor an element holds a slice at a time of, by `K` or `C` |
//! | `bypass=output`, `bypass=none` | which tensors pass by the buffers, where that is not settled by the machine |
//!
//! In the first four, `*:1` stands for every loop the item does not name, and a figure above a loop's iterations is the whole loop.
//! What is left out is searched. Where a buffer tile is given, the tiles below it are all that divide it.

use hw::machine::{DIMS, Dim, Machine, Mapping, Slice, Tensor, Tier};
use std::fmt;

/// What is settled, by loop, level and tensor; `None` and empty are free.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Fix {
    /// Elements a loop is spread over.
    pub spatial: [Option<u64>; DIMS],
    /// The same by axis.
    pub axes: [[Option<u64>; DIMS]; 2],
    /// Iterations inside an element.
    pub pe: [Option<u64>; DIMS],
    /// Iterations inside the buffers' tile.
    pub buffer: [Option<u64>; DIMS],
    /// Innermost loops, outermost of them first: of blocks within a buffer tile, and of buffer tiles.
    pub order: [Vec<Dim>; 2],
    /// Uneven residency inside an element.
    pub slice: Option<Option<Slice>>,
    /// The tensors that pass by the buffers.
    pub bypass: Option<[bool; 3]>,
}

/// A text that settles nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixError {
    /// No `key=value`.
    #[error("`{found}`: an item such as `spatial=K:16,C:14` expected")]
    Item {
        /// As written.
        found: String,
    },
    /// A key there is none of.
    #[error("no key `{found}`; expected one of {}", KEYS.join(", "))]
    Key {
        /// As written.
        found: String,
    },
    /// A key twice.
    #[error("`{key}` is given twice")]
    Twice {
        /// Which.
        key: String,
    },
    /// No loop, or one twice.
    #[error(
        "`{key}`: `{found}` is no loop, or there twice; each of N, G, K, C, P, Q, R, S at most once expected"
    )]
    Loop {
        /// In which item.
        key: String,
        /// As written.
        found: String,
    },
    /// No count.
    #[error(
        "`{key}`: `{found}` is no number of iterations, a loop and a whole number from 1 such as `K:16` expected"
    )]
    Number {
        /// In which item.
        key: String,
        /// As written.
        found: String,
    },
    /// No slice.
    #[error("`slice`: `{found}`, one of none, K.weight, K.output, C.weight, C.input expected")]
    Slice {
        /// As written.
        found: String,
    },
    /// No tensor.
    #[error("`bypass`: `{found}`, none or some of weight, input, output expected")]
    Tensor {
        /// As written.
        found: String,
    },
}

const KEYS: [&str; 9] =
    ["spatial", "axis0", "axis1", "pe", "buffer", "order.element", "order.buffer", "slice", "bypass"];

impl Fix {
    /// Reads the text described above; the empty text settles nothing.
    pub fn parse(text: &str) -> Result<Self, FixError> {
        let mut fix = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
        let items = lines.flat_map(|line| line.split(|c: char| c == ';' || c.is_whitespace()));
        for item in items.filter(|item| !item.is_empty()) {
            let (key, value) =
                item.split_once('=').ok_or_else(|| FixError::Item { found: item.to_owned() })?;
            if seen.contains(&key) {
                return Err(FixError::Twice { key: key.to_owned() });
            }
            seen.push(key);
            match key {
                "spatial" => fix.spatial = counts(key, value)?,
                "axis0" => fix.axes[0] = counts(key, value)?,
                "axis1" => fix.axes[1] = counts(key, value)?,
                "pe" => fix.pe = counts(key, value)?,
                "buffer" => fix.buffer = counts(key, value)?,
                "order.element" => fix.order[0] = loops(key, value)?,
                "order.buffer" => fix.order[1] = loops(key, value)?,
                "slice" => fix.slice = Some(slice(value)?),
                "bypass" => fix.bypass = Some(tensors(value)?),
                _ => return Err(FixError::Key { found: key.to_owned() }),
            }
        }
        Ok(fix)
    }

    /// All of a mapping: its text reads back as the same.
    pub fn of(mapping: &Mapping) -> Self {
        let order = |level: usize| mapping.order[level].iter().rev().copied().collect();
        Self {
            spatial: mapping.spatial.map(Some),
            axes: mapping.axes.map(|axis| axis.map(Some)),
            pe: mapping.pe.map(Some),
            buffer: mapping.buffer.map(Some),
            order: [order(0), order(1)],
            slice: Some(mapping.slice),
            bypass: Some(mapping.bypass),
        }
    }

    /// The mapping, where all of it is settled.
    pub fn mapping(&self) -> Option<Mapping> {
        let all = |counts: &[Option<u64>; DIMS]| {
            let known = counts.iter().copied().collect::<Option<Vec<u64>>>()?;
            known.try_into().ok()
        };
        let order = |given: &[Dim]| given.iter().rev().copied().collect::<Vec<_>>().try_into().ok();
        Some(Mapping {
            pe: all(&self.pe)?,
            spatial: all(&self.spatial)?,
            axes: [all(&self.axes[0])?, all(&self.axes[1])?],
            buffer: all(&self.buffer)?,
            order: [order(&self.order[0])?, order(&self.order[1])?],
            slice: self.slice?,
            bypass: self.bypass?,
        })
    }

    /// Whether nothing is settled.
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }

    /// The tensors that pass by the buffers, with those no buffer holds.
    pub(super) fn bypass_of(&self, machine: &Machine) -> Option<[bool; 3]> {
        let held = |t: Tensor| machine.holder(Tier::Buffer, t).is_some();
        self.bypass.map(|bypass| Tensor::ALL.map(|t| bypass[t as usize] || !held(t)))
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = Vec::new();
        let counts = [
            ("spatial", &self.spatial),
            ("axis0", &self.axes[0]),
            ("axis1", &self.axes[1]),
            ("pe", &self.pe),
            ("buffer", &self.buffer),
        ];
        for (key, counts) in counts {
            let mut given: Vec<String> =
                Dim::ALL.iter().filter_map(|&d| Some(format!("{d}:{}", counts[d as usize]?))).collect();
            // Where every loop is given, those of one iteration go without saying.
            if given.len() == DIMS && given.iter().any(|item| item.ends_with(":1")) {
                given.retain(|item| !item.ends_with(":1"));
                given.push("*:1".into());
            }
            if !given.is_empty() {
                items.push(format!("{key}={}", given.join(",")));
            }
        }
        for (key, order) in ["order.element", "order.buffer"].into_iter().zip(&self.order) {
            if !order.is_empty() {
                let order: Vec<String> = order.iter().map(Dim::to_string).collect();
                items.push(format!("{key}={}", order.join(",")));
            }
        }
        if let Some(slice) = self.slice {
            let name = slice.map_or("none".into(), |s| format!("{}.{}", s.dim, s.tensor.name()));
            items.push(format!("slice={name}"));
        }
        if let Some(bypass) = self.bypass {
            let names: Vec<&str> =
                Tensor::ALL.iter().filter(|&&t| bypass[t as usize]).map(|t| t.name()).collect();
            items.push(format!("bypass={}", if names.is_empty() { "none".into() } else { names.join(",") }));
        }
        f.write_str(&items.join(" "))
    }
}

fn dim(key: &str, text: &str) -> Result<Dim, FixError> {
    let found = Dim::ALL.into_iter().find(|d| text.trim() == d.letter().to_string());
    found.ok_or_else(|| FixError::Loop { key: key.to_owned(), found: text.to_owned() })
}

fn counts(key: &str, value: &str) -> Result<[Option<u64>; DIMS], FixError> {
    let (mut counts, mut rest) = ([None; DIMS], None);
    for item in value.split(',') {
        let bad = || FixError::Number { key: key.to_owned(), found: item.to_owned() };
        let (name, count) = item.split_once(':').ok_or_else(bad)?;
        let count = count.trim().parse::<u64>().ok().filter(|&n| n > 0).ok_or_else(bad)?;
        let place = if name.trim() == "*" { &mut rest } else { &mut counts[dim(key, name)? as usize] };
        if place.replace(count).is_some() {
            return Err(FixError::Loop { key: key.to_owned(), found: name.to_owned() });
        }
    }
    Ok(counts.map(|count| count.or(rest)))
}

fn loops(key: &str, value: &str) -> Result<Vec<Dim>, FixError> {
    let mut order = Vec::new();
    for name in value.split(',') {
        let dim = dim(key, name)?;
        if order.contains(&dim) {
            return Err(FixError::Loop { key: key.to_owned(), found: name.to_owned() });
        }
        order.push(dim);
    }
    Ok(order)
}

fn slice(value: &str) -> Result<Option<Slice>, FixError> {
    if value == "none" {
        return Ok(None);
    }
    let bad = || FixError::Slice { found: value.to_owned() };
    let (dim, tensor) = value.split_once('.').ok_or_else(bad)?;
    let dim = [Dim::K, Dim::C].into_iter().find(|d| d.letter().to_string() == dim).ok_or_else(bad)?;
    let tensor = Tensor::ALL.into_iter().find(|t| t.name() == tensor && t.uses(dim)).ok_or_else(bad)?;
    Ok(Some(Slice { dim, tensor }))
}

fn tensors(value: &str) -> Result<[bool; 3], FixError> {
    let mut bypass = [false; 3];
    for name in value.split(',').filter(|_| value != "none") {
        let tensor = Tensor::ALL.into_iter().find(|t| t.name() == name);
        let tensor = tensor.ok_or_else(|| FixError::Tensor { found: name.to_owned() })?;
        bypass[tensor as usize] = true;
    }
    Ok(bypass)
}
