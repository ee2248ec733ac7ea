//! What a network asks of a runtime: work that adds to its time, as columns a linear model can price.
//!
//! Runtimes do the same network in different ways, so each has columns of its own: what its kernels do for a layer, in units
//! that take a constant time (a vector multiply-add on a tile padded to the kernel's size, a byte moved, a node dispatched).
//! Which kernel a runtime takes is known from its source; what a unit costs is fitted. Float and 8-bit networks share no
//! column. A layer of a kind that is not known counts as elements moved.

mod host;
mod layer;
mod litert;
mod onnxruntime;

use std::collections::BTreeMap;

use ir::Graph;

use super::sample::Precision;
use layer::Layers;

/// What executes a network on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// onnxruntime's CPU provider on x86-64 (MLAS kernels).
    OnnxRuntime,
    /// LiteRT with the kernels of XNNPACK.
    LiteRt,
    /// C of the target `host-c`, built by this machine's compiler.
    Host,
}

impl Runtime {
    /// Every runtime.
    pub const ALL: [Self; 3] = [Self::OnnxRuntime, Self::LiteRt, Self::Host];

    /// As the command line and the names of devices spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::LiteRt => "litert",
            Self::Host => "host",
        }
    }

    /// The runtime that `text` begins with, as devices and columns do: `litert 2.3.0, 1 thread`.
    pub fn of(text: &str) -> Option<Self> {
        let word = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        Self::ALL.into_iter().find(|runtime| runtime.name() == word)
    }

    fn terms(self, precision: Precision) -> &'static [&'static str] {
        match (self, precision) {
            (Self::OnnxRuntime, Precision::F32) => onnxruntime::FLOAT,
            (Self::OnnxRuntime, Precision::I8) => onnxruntime::INTEGER,
            (Self::LiteRt, _) => litert::TERMS,
            (Self::Host, Precision::F32) => host::FLOAT,
            (Self::Host, Precision::I8) => host::INTEGER,
        }
    }
}

/// Amounts of work by term.
type Work = BTreeMap<&'static str, f64>;

fn count(work: &mut Work, term: &'static str, amount: usize) {
    weigh(work, term, 1.0, amount);
}

fn weigh(work: &mut Work, term: &'static str, weight: f64, amount: usize) {
    *work.entry(term).or_default() += weight * amount as f64;
}

/// Names of the columns of [`row`]: `RUNTIME.PRECISION.TERM`, every one of them additive.
pub fn columns(runtime: Runtime) -> Vec<String> {
    let of = |precision: Precision| {
        let name = move |term: &&str| format!("{}.{}.{term}", runtime.name(), precision.name());
        runtime.terms(precision).iter().map(name)
    };
    of(Precision::F32).chain(of(Precision::I8)).collect()
}

/// The work of a network in a runtime: not negative, one number for each of [`columns`]. Columns of the other precision are 0.
pub fn row(runtime: Runtime, graph: &Graph) -> Vec<f64> {
    let layers = Layers::of(graph);
    let work = match runtime {
        Runtime::OnnxRuntime => onnxruntime::work(&layers),
        Runtime::LiteRt => litert::work(&layers),
        Runtime::Host => host::work(&layers),
    };
    let of = |precision: Precision| {
        let own = precision == layers.precision;
        let work = &work;
        let amount =
            move |term: &&'static str| if own { work.get(term).copied().unwrap_or(0.0) } else { 0.0 };
        runtime.terms(precision).iter().map(amount).collect::<Vec<f64>>()
    };
    [of(Precision::F32), of(Precision::I8)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Sampling, networks};

    #[test]
    fn every_term_is_counted_somewhere_and_none_outside_its_precision() {
        let precisions = vec![Precision::F32, Precision::I8];
        let graphs = networks(&Sampling { count: 60, seed: 5, precisions });
        for runtime in Runtime::ALL {
            let names = columns(runtime);
            let rows: Vec<Vec<f64>> = graphs.iter().map(|graph| row(runtime, graph)).collect();
            for (at, name) in names.iter().enumerate() {
                let used = |row: &&Vec<f64>| row[at] > 0.0;
                assert!(rows.iter().any(|r| used(&r)), "{}: {name} is never counted", runtime.name());
                let other = usize::from(name.contains(".f32."));
                assert!(!rows.iter().skip(other).step_by(2).any(|r| used(&r)), "{name}");
            }
            assert!(rows.iter().flatten().all(|amount| amount.is_finite() && *amount >= 0.0));
        }
    }

    #[test]
    fn a_runtime_is_known_by_the_first_word_of_its_devices_and_columns() {
        assert_eq!(Runtime::of("litert 2.3.0, 1 thread"), Some(Runtime::LiteRt));
        assert_eq!(Runtime::of("hostess"), None);
        for runtime in Runtime::ALL {
            assert!(columns(runtime).iter().all(|name| Runtime::of(name) == Some(runtime)));
        }
    }

    #[test]
    fn ops_of_no_kernel_count_as_elements_and_do_not_panic() {
        let text = "graph @t(%x: f32[1, 4, 6], %y: f32[2, 3]) {
          %a = exp %x
          %b = transpose %a {perm = [0, 2, 1]}
          %c = softmax %y
          return %b, %c
        }";
        let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
        for runtime in Runtime::ALL {
            assert_eq!(row(runtime, &graph).len(), columns(runtime).len());
        }
    }
}
