//! A mapping as the loop nest it is.

use hw::machine::{Dim, Layer, Machine, Mapping, Tensor, Tier};

/// The nest, outermost loop first: memories with what they hold, loops with their trips, and where a loop is spread.
pub fn nest_text(machine: &Machine, layer: &Layer, mapping: &Mapping) -> String {
    let mut depth = 0;
    let held = |tier: Tier| -> Vec<(&str, Vec<&str>)> {
        let here = |t: &Tensor, holds: [bool; 3]| {
            holds[*t as usize] && !(tier == Tier::Buffer && mapping.bypass[*t as usize])
        };
        let memories = machine.memories.iter().filter(|m| m.tier == tier);
        memories
            .map(|m| {
                let tensors = Tensor::ALL.iter().filter(|t| here(t, m.holds));
                (m.name.as_str(), tensors.map(|t| t.name()).collect())
            })
            .filter(|(_, tensors): &(&str, Vec<&str>)| !tensors.is_empty())
            .collect()
    };
    let size = |d: Dim| layer.size[d as usize];
    let tile = |d: Dim| mapping.buffer[d as usize].min(size(d));
    let block = |d: Dim| (mapping.pe[d as usize] * mapping.spatial[d as usize]).min(tile(d));
    let mut lines: Vec<(usize, String)> = Vec::new();
    let memories = |depth: usize, tier: Tier, lines: &mut Vec<(usize, String)>| {
        for (name, tensors) in held(tier) {
            lines.push((depth, format!("[{name}: {}]", tensors.join(", "))));
        }
    };
    memories(depth, Tier::Backing, &mut lines);
    for (level, tier) in [(1, Tier::Buffer), (0, Tier::Element)] {
        for dim in mapping.order[level].iter().rev().copied() {
            let (whole, step) = if level == 1 { (size(dim), tile(dim)) } else { (tile(dim), block(dim)) };
            if whole > step {
                let ragged = if whole.is_multiple_of(step) { "" } else { ", ragged" };
                lines.push((depth, format!("for {dim} in {} tiles of {step}{ragged}", whole.div_ceil(step))));
                depth += 1;
            }
        }
        if level == 0 {
            for (axis, loops) in machine.axes.iter().zip(&mapping.axes) {
                for dim in Dim::ALL.into_iter().filter(|&d| loops[d as usize] > 1) {
                    let wide = mapping.spatial[dim as usize];
                    lines.push((
                        depth,
                        format!("spread {dim} by {} on {} ({wide} in all)", loops[dim as usize], axis.name),
                    ));
                    depth += 1;
                }
            }
        }
        memories(depth, tier, &mut lines);
    }
    let inside = |dim: Dim| mapping.pe[dim as usize].min(size(dim));
    let sliced = mapping.slice.map(|s| s.dim);
    for dim in sliced.into_iter().chain(Dim::ALL.into_iter().filter(|&d| Some(d) != sliced)) {
        if inside(dim) > 1 {
            let slice = mapping.slice.filter(|s| s.dim == dim);
            let note = slice.map_or(String::new(), |s| format!(", {} a slice at a time", s.tensor.name()));
            lines.push((depth, format!("for {dim} in {} steps{note}", inside(dim))));
            depth += 1;
        }
    }
    lines.push((depth, "multiply-accumulate".to_owned()));
    lines.iter().map(|(depth, text)| format!("{}{text}\n", "  ".repeat(*depth))).collect()
}
