//! A network's layers checked, and which rows of what they need.

use hw::machine::{Dim, LayerError};
use hw::schedule::{Net, NetLayer, Source, Task, Window};
use std::ops::Range;

/// A network that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No layers, or more than can be treated.
    #[error("the network has {found} layers, 1 to {limit} expected")]
    Size {
        /// Layers.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// An operand that is not made before.
    #[error("`{layer}` reads the result of layer {found}, an earlier one than {at} expected")]
    Order {
        /// The reader.
        layer: String,
        /// What it names.
        found: usize,
        /// Its own place.
        at: usize,
    },
    /// A count of rows, words or window rows of 0, or one too large to be counted exactly.
    #[error("`{layer}`: {what} is {found}, 1 to 2^50 expected")]
    Extent {
        /// Which layer.
        layer: String,
        /// Which number.
        what: &'static str,
        /// As given.
        found: u64,
    },
    /// A nest that does not make the rows stated.
    #[error("`{layer}` states {rows} rows of {row_words} words, its nest makes {nest_rows} of {nest_words}")]
    Rows {
        /// Which layer.
        layer: String,
        /// As stated.
        rows: u64,
        /// As stated.
        row_words: u64,
        /// `P`.
        nest_rows: u64,
        /// `N*G*K*Q`.
        nest_words: u64,
    },
    /// A nest with another number of operands than one.
    #[error("`{layer}` is a nest with {found} operands, 1 expected beside its weights")]
    Operands {
        /// Which layer.
        layer: String,
        /// As given.
        found: usize,
    },
    /// A nest that is too large.
    #[error("`{layer}`: {error}")]
    Layer {
        /// Which layer.
        layer: String,
        /// Why.
        error: LayerError,
    },
}

/// Most layers of a network.
pub const MAX_LAYERS: usize = 4096;

/// A checked network with who reads what.
pub(super) struct Checked<'a> {
    pub(super) net: &'a Net,
    /// Layers that read a layer's result, ascending.
    pub(super) readers: Vec<Vec<usize>>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(net: &'a Net) -> Result<Self, NetError> {
        let count = net.layers.len();
        if count == 0 || count > MAX_LAYERS {
            return Err(NetError::Size { found: count, limit: MAX_LAYERS });
        }
        let mut readers = vec![Vec::new(); count];
        for (at, layer) in net.layers.iter().enumerate() {
            check(layer)?;
            for operand in &layer.operands {
                if let Source::Layer(from) = operand.source {
                    if from >= at {
                        return Err(NetError::Order { layer: layer.name.clone(), found: from, at });
                    }
                    if !readers[from].contains(&at) {
                        readers[from].push(at);
                    }
                }
            }
        }
        Ok(Self { net, readers })
    }

    /// Words of a layer's whole result.
    pub(super) fn words(&self, layer: usize) -> u64 {
        let layer = &self.net.layers[layer];
        layer.rows * layer.row_words
    }

    /// Whether a layer's result may stay in the buffer alone.
    pub(super) fn may_stay(&self, layer: usize) -> bool {
        !self.readers[layer].is_empty() && !self.net.layers[layer].output
    }

    /// The first place at which a layer's result is no longer needed.
    pub(super) fn dies(&self, layer: usize) -> usize {
        self.readers[layer].last().map_or(layer + 1, |&reader| reader + 1)
    }
}

fn check(layer: &NetLayer) -> Result<(), NetError> {
    let extent = |what: &'static str, found: u64| {
        if (1..=1 << 50).contains(&found) {
            return Ok(());
        }
        Err(NetError::Extent { layer: layer.name.clone(), what, found })
    };
    extent("rows", layer.rows)?;
    extent("row_words", layer.row_words)?;
    extent("words", layer.rows.saturating_mul(layer.row_words))?;
    for operand in &layer.operands {
        extent("kernel", operand.window.kernel)?;
        extent("stride", operand.window.stride)?;
        // Padding may be 0.
        extent("pad", operand.window.pad.saturating_add(1))?;
        extent("stride", operand.window.stride.saturating_mul(layer.rows))?;
        if let Source::Outside { rows, row_words } = operand.source {
            extent("rows", rows)?;
            extent("row_words", row_words)?;
            extent("words", rows.saturating_mul(row_words))?;
        }
    }
    match layer.task {
        Task::Nest(nest) => {
            let name = || layer.name.clone();
            hw::machine::Layer::new(nest.size, nest.stride)
                .map_err(|error| NetError::Layer { layer: name(), error })?;
            let at = |d: Dim| nest.size[d as usize];
            let (nest_rows, nest_words) = (at(Dim::P), at(Dim::N) * at(Dim::G) * at(Dim::K) * at(Dim::Q));
            if (nest_rows, nest_words) != (layer.rows, layer.row_words) {
                let (rows, row_words) = (layer.rows, layer.row_words);
                return Err(NetError::Rows { layer: name(), rows, row_words, nest_rows, nest_words });
            }
            if layer.operands.len() != 1 {
                return Err(NetError::Operands { layer: name(), found: layer.operands.len() });
            }
        }
        Task::Stream { operations_per_row } => {
            extent("operations", operations_per_row.saturating_mul(layer.rows).max(1))?;
        }
    }
    Ok(())
}

/// Rows of an operand of `height` rows that `rows` of the result need.
pub(super) fn needed(window: Window, rows: &Range<u64>, height: u64) -> Range<u64> {
    if rows.is_empty() {
        return 0..0;
    }
    let from = (rows.start * window.stride).saturating_sub(window.pad).min(height);
    let to = ((rows.end - 1) * window.stride + window.kernel).saturating_sub(window.pad).min(height);
    from..to.max(from)
}

/// `(rows, words of one)` of an operand.
pub(super) fn shape(net: &Net, source: Source) -> (u64, u64) {
    match source {
        Source::Outside { rows, row_words } => (rows, row_words),
        Source::Layer(from) => (net.layers[from].rows, net.layers[from].row_words),
    }
}
