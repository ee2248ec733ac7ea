//! Every key of a hardware file, and what an unknown one was probably meant to be.

use super::error::Problem;

pub(super) const ROOT: &[&str] = &[
    "name",
    "inherits",
    "summary",
    "word_bits",
    "clock_mhz",
    "node_nm",
    "voltage_v",
    "input_fetch",
    "source",
    "assumed",
    "compute",
    "precision",
    "axis",
    "network",
    "memory",
    "power",
    "published",
    "parameter",
];

pub(super) const COMPUTE: &[&str] = &[
    "mac_energy_pj",
    "op_overhead_cycles",
    "vector_ops_per_cycle",
    "vector_op_energy_pj",
    "scalar_ops_per_cycle",
    "scalar_op_energy_pj",
    "zero_gating",
    "zero_skipping",
    "structured_sparsity",
    "structured_speedup",
    "partial_sum_bits",
    "source",
    "assumed",
];

pub(super) const PRECISION: &[&str] = &[
    "name",
    "input_bits",
    "weight_bits",
    "float",
    "macs_per_cycle",
    "mac_energy_pj",
    "partial_sum_bits",
    "source",
    "assumed",
];

pub(super) const AXIS: &[&str] = &["name", "size", "dims", "source", "assumed"];

pub(super) const NETWORK: &[&str] =
    &["multicast", "reduction", "hop_energy_pj_per_word", "source", "assumed"];

pub(super) const MEMORY: &[&str] = &[
    "name",
    "parent",
    "tier",
    "kind",
    "holds",
    "may_bypass",
    "capacity_words",
    "word_bits",
    "block_words",
    "double_buffered",
    "read_ports",
    "write_ports",
    "read_write_ports",
    "read_energy_pj_per_word",
    "write_energy_pj_per_word",
    "read_words_per_cycle",
    "write_words_per_cycle",
    "compression",
    "compresses",
    "compression_run_bits",
    "leakage_mw",
    "area_mm2",
    "source",
    "assumed",
];

pub(super) const POWER: &[&str] = &["static_mw", "source", "assumed"];

pub(super) const PUBLISHED: &[&str] = &["area_mm2", "node_nm", "peak_tops", "power_mw", "source", "assumed"];

pub(super) const PARAMETER: &[&str] = &["name", "default", "min", "max", "source", "assumed"];

/// Words that can stand for a unit in a key.
const UNITS: &[&str] = &[
    "fj", "pj", "nj", "uj", "mj", "j", "hz", "khz", "mhz", "ghz", "nm", "um", "mm", "v", "mv", "uw", "mw",
    "w", "mm2", "um2", "bit", "bits", "byte", "bytes", "kb", "kib", "mb", "mib", "word", "words", "cycle",
    "cycles", "s", "ms", "us", "ns", "second", "seconds", "ops", "gops", "tops",
];

/// The refusal of an unknown key: its unit where that alone is wrong, else the nearest known key.
pub(super) fn unknown(key: &str, table: &'static str, keys: &[&str]) -> Problem {
    let tokens: Vec<&str> = key.split('_').collect();
    for known in keys {
        let theirs: Vec<&str> = known.split('_').collect();
        if theirs.len() == tokens.len() {
            let differ: Vec<usize> = (0..tokens.len()).filter(|&i| theirs[i] != tokens[i]).collect();
            if let [at] = differ[..]
                && UNITS.contains(&theirs[at])
                && UNITS.contains(&tokens[at].to_ascii_lowercase().as_str())
            {
                let (key, unit) = (key.to_owned(), tokens[at].to_owned());
                return Problem::Unit { key, table, unit, nearest: (*known).to_owned() };
            }
        }
    }
    // A key without its unit is far from the whole one by letters alone.
    let unfinished = |k: &&&str| k.strip_prefix(key).is_some_and(|rest| rest.starts_with('_'));
    let nearest = keys.iter().find(unfinished).or_else(|| keys.iter().min_by_key(|k| distance(k, key)));
    let nearest = nearest.map_or(String::new(), |k| (*k).to_owned());
    Problem::UnknownKey { key: key.to_owned(), table, nearest }
}

/// Edit distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}
