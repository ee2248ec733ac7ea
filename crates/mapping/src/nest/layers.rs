//! Layer tables in, results out.

use super::fix::Fix;
use super::print::nest_text;
use super::search::{Options, search};
use super::space::SearchError;
use cost::nest::Model;
use hw::machine::{Dim, Fetch, Layer, LayerError, Machine, Mapping, Tensor, Tier};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// A row of a layer table.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRow {
    /// Network.
    pub net: String,
    /// Layer.
    pub layer: String,
    /// How often the network has it.
    pub count: u64,
    /// The loop nest; `K` and `C` per group, padding already in the input.
    pub nest: Layer,
}

/// A table that is not one of layers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A column that must be there.
    #[error("line 1: no column `{column}`")]
    Column {
        /// Which.
        column: &'static str,
    },
    /// A cell that is no count.
    #[error("line {line}: `{column}` is `{found}`, a whole number expected")]
    Cell {
        /// From 1.
        line: usize,
        /// Which.
        column: &'static str,
        /// As written.
        found: String,
    },
    /// A row shorter or longer than the header.
    #[error("line {line}: {found} cells, {expected} expected")]
    Cells {
        /// From 1.
        line: usize,
        /// In the row.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// A row no nest can be made of.
    #[error("line {line}: {error}")]
    Layer {
        /// From 1.
        line: usize,
        /// Why.
        error: LayerError,
    },
}

/// A layer that could not be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{net} {layer}: {error}")]
pub struct MapError {
    /// Network.
    pub net: String,
    /// Layer.
    pub layer: String,
    /// Why.
    pub error: SearchError,
}

/// One mapped layer; a Pareto set gives one for each of its points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapResult {
    /// Network.
    pub net: String,
    /// Layer.
    pub layer: String,
    /// How often the network has it; figures are of one.
    pub count: u64,
    /// Energy, in units of one multiply-accumulate where the machine says so.
    pub energy_pj: f64,
    /// Latency.
    pub latency_cycles: u64,
    /// Their product.
    pub edp_pj_cycles: f64,
    /// Multiply-accumulates over latency.
    pub macs_per_cycle: f64,
    /// The same over elements.
    pub utilisation: f64,
    /// The nest as a person reads it.
    pub mapping: String,
    /// Whether the map space holds nothing better.
    pub proven_optimal: bool,
    /// How far below the optimum could lie, as a part.
    pub gap: f64,
    /// Wall time of the search; 0 for a layer of a shape already searched.
    pub seconds: f64,
    /// Nests costed.
    pub mappings_evaluated: u64,
    /// Energy by memory, and of arithmetic.
    pub energy_breakdown: BTreeMap<String, f64>,
    /// All of the mapping, as [`super::Fix`] reads it back.
    pub fix: String,
    /// Input words read from the backing store if only those some multiplier uses are, and
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_words_touched: Option<u64>,
    /// if the dense box is; both only where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_words_box: Option<u64>,
}

/// Input words a mapping reads from the backing store if fetches read only the words some multiplier uses, and if they read the
/// dense box.
pub fn fetched_input(machine: &Machine, layer: &Layer, mapping: &Mapping) -> [f64; 2] {
    [Fetch::Touched, Fetch::Box].map(|fetch| {
        let mut model = Model::new(machine, layer, mapping.bypass);
        model.fetch = fetch;
        model.breakdown(mapping).access[Tier::Backing as usize][Tensor::Input as usize].reads
    })
}

/// Reads a comma-separated table with the columns `net, layer, count, N, G, K, C, P, Q, R, S, stride`; others are ignored.
pub fn parse_layers(text: &str) -> Result<Vec<LayerRow>, TableError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<&str> =
        lines.next().map_or(Vec::new(), |(_, line)| line.split(',').map(str::trim).collect());
    let find =
        |column: &'static str| header.iter().position(|h| *h == column).ok_or(TableError::Column { column });
    let (net, layer, count, stride) = (find("net")?, find("layer")?, find("count")?, find("stride")?);
    let mut sizes = [0; 8];
    for (at, column) in ["N", "G", "K", "C", "P", "Q", "R", "S"].into_iter().enumerate() {
        sizes[at] = find(column)?;
    }
    let mut rows = Vec::new();
    for (at, text) in lines {
        let line = at + 1;
        let cells: Vec<&str> = text.split(',').map(str::trim).collect();
        if cells.len() != header.len() {
            return Err(TableError::Cells { line, found: cells.len(), expected: header.len() });
        }
        let number = |cell: usize, column: &'static str| {
            cells[cell].parse::<u64>().map_err(|_| TableError::Cell {
                line,
                column,
                found: cells[cell].to_owned(),
            })
        };
        let mut size = [0; 8];
        for (dim, column) in Dim::ALL.into_iter().zip(["N", "G", "K", "C", "P", "Q", "R", "S"]) {
            size[dim as usize] = number(sizes[dim as usize], column)?;
        }
        let nest =
            Layer::new(size, number(stride, "stride")?).map_err(|error| TableError::Layer { line, error })?;
        let (net, layer) = (cells[net].to_owned(), cells[layer].to_owned());
        rows.push(LayerRow { net, layer, count: number(count, "count")?, nest });
    }
    Ok(rows)
}

/// Maps every row; rows of one shape are searched once.
pub fn map_layers(
    machine: &Machine,
    rows: &[LayerRow],
    options: &Options,
) -> Result<Vec<MapResult>, MapError> {
    let mut known = HashMap::new();
    let mut results = Vec::new();
    for row in rows {
        let start = Instant::now();
        let outcome = match known.get(&row.nest) {
            Some(outcome) => outcome,
            None => {
                let found = search(machine, &row.nest, options).map_err(|error| MapError {
                    net: row.net.clone(),
                    layer: row.layer.clone(),
                    error,
                })?;
                known.entry(row.nest).or_insert(found)
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        for point in &outcome.points {
            let model = Model::new(machine, &row.nest, point.mapping.bypass);
            let [touched, dense] = fetched_input(machine, &row.nest, &point.mapping);
            let differ = touched != dense;
            let macs_per_cycle = row.nest.macs() as f64 / point.cost.cycles;
            results.push(MapResult {
                net: row.net.clone(),
                layer: row.layer.clone(),
                count: row.count,
                energy_pj: point.cost.energy_pj,
                latency_cycles: point.cost.cycles as u64,
                edp_pj_cycles: point.cost.edp(),
                macs_per_cycle,
                utilisation: macs_per_cycle / machine.elements() as f64,
                mapping: nest_text(machine, &row.nest, &point.mapping),
                proven_optimal: outcome.proven_optimal,
                gap: outcome.gap,
                seconds,
                mappings_evaluated: outcome.mappings_evaluated,
                energy_breakdown: model
                    .energy_by_component(machine, &model.breakdown(&point.mapping))
                    .into_iter()
                    .collect(),
                fix: Fix::of(&point.mapping).to_string(),
                input_words_touched: differ.then_some(touched as u64),
                input_words_box: differ.then_some(dense as u64),
            });
        }
    }
    Ok(results)
}
