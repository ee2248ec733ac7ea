//! ResNet-18 on a machine, layer by layer and as a whole: `fuse [MACHINE [energy|latency|edp [LONGEST_RUN [NEST_MILLISECONDS]]]]`.
//!
//! All figures are modelled. Layers: He et al., "Deep Residual Learning", CVPR 2016, table 1, batch 1.

use hw::machine::Layer;
use hw::schedule::{Net, NetLayer, Operand, Source, Task, Window};
use nasc_mapping::graph::{Options, Plan, plan};
use nasc_mapping::nest::Objective;
use std::fmt::Write as _;
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

/// A network under construction.
struct Build {
    net: Net,
}

impl Build {
    fn add(&mut self, name: String, task: Task, operands: Vec<Operand>, rows: u64, row_words: u64) -> usize {
        self.net.layers.push(NetLayer { name, task, operands, rows, row_words, output: false });
        self.net.layers.len() - 1
    }

    /// A convolution of `c` channels to `k`, `side` rows and columns of result.
    fn conv(&mut self, name: &str, from: Source, kcsr: [u64; 4], pad: u64) -> Result<usize, Failure> {
        let [k, c, side, kernel] = kcsr;
        let stride = if name.ends_with("/2") { 2 } else { 1 };
        let layer = Layer::new([1, 1, k, c, side, side, kernel, kernel], stride)?;
        let operand = Operand { source: from, window: Window { kernel, stride, pad } };
        Ok(self.add(name.to_owned(), Task::Nest(layer), vec![operand], side, k * side))
    }

    fn block(&mut self, name: &str, x: usize, [k, c, side]: [u64; 3]) -> Result<usize, Failure> {
        let from = Source::Layer(x);
        let (first, skip) = if k == c {
            (self.conv(&format!("{name}.a"), from, [k, c, side, 3], 1)?, x)
        } else {
            let skip = self.conv(&format!("{name}.skip/2"), from, [k, c, side, 1], 0)?;
            (self.conv(&format!("{name}.a/2"), from, [k, c, side, 3], 1)?, skip)
        };
        let second = self.conv(&format!("{name}.b"), Source::Layer(first), [k, k, side, 3], 1)?;
        let same = |l| Operand { source: Source::Layer(l), window: Window::SAME };
        let task = Task::Stream { operations_per_row: k * side };
        Ok(self.add(format!("{name}.add"), task, vec![same(skip), same(second)], side, k * side))
    }
}

fn resnet18() -> Result<Net, Failure> {
    let mut build = Build { net: Net::default() };
    let image = Source::Outside { rows: 224, row_words: 3 * 224 };
    let conv = build.conv("conv1/2", image, [64, 3, 112, 7], 3)?;
    let window = Window { kernel: 3, stride: 2, pad: 1 };
    let task = Task::Stream { operations_per_row: 9 * 64 * 56 };
    let mut x =
        build.add("pool".into(), task, vec![Operand { source: Source::Layer(conv), window }], 56, 64 * 56);
    let mut c = 64;
    for (stage, (k, side)) in [(64, 56), (128, 28), (256, 14), (512, 7)].into_iter().enumerate() {
        for block in 0..2 {
            x = build.block(&format!("{}.{block}", stage + 1), x, [k, c, side])?;
            c = k;
        }
    }
    let window = Window { kernel: 7, stride: 7, pad: 0 };
    let task = Task::Stream { operations_per_row: 49 * 512 };
    x = build.add("mean".into(), task, vec![Operand { source: Source::Layer(x), window }], 1, 512);
    let fc = Layer::new([1, 1, 1000, 512, 1, 1, 1, 1], 1)?;
    let operand = Operand { source: Source::Layer(x), window: Window::SAME };
    build.add("fc".into(), Task::Nest(fc), vec![operand], 1, 1000);
    Ok(build.net)
}

fn totals(out: &mut String, what: &str, plan: &Plan) -> std::fmt::Result {
    let r = &plan.report;
    let backing: u64 = r.layers.iter().map(|l| l.backing_words).sum();
    writeln!(
        out,
        "{what:16} energy {:.4e}  cycles {:9}  edp {:.4e}  utilisation {:.3}  backing words {:9}  proven {} gap {:.1e}  {:.3} s, {} nests, {} edges, buffer {} words",
        r.energy_pj,
        r.latency_cycles,
        r.edp_pj_cycles,
        r.utilisation,
        backing,
        plan.proven_optimal,
        plan.gap,
        plan.seconds,
        plan.searches,
        plan.edges,
        plan.offsets.arena_bytes
    )
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |at: usize, default: &str| args.get(at).map_or(default.to_owned(), Clone::clone);
    let machine = hw::machine::shipped(&arg(0, "w1024")).ok_or("no such machine")??;
    let objective = match arg(1, "energy").as_str() {
        "energy" => Objective::Energy,
        "latency" => Objective::Latency,
        "edp" => Objective::Edp,
        other => return Err(format!("no objective `{other}`").into()),
    };
    let longest_run = arg(2, "4").parse()?;
    let nest_time = args.get(3).map(|ms| ms.parse().map(Duration::from_millis)).transpose()?;
    let net = resnet18()?;
    let mut out = String::new();
    let layers = Options { nest_time, ..Options::layer_by_layer(objective) };
    let whole = Options { longest_run, nest_time, ..Options::new(objective) };
    let resident = Options { longest_run: 1, ..whole.clone() };
    for (what, options) in [("layer by layer", layers), ("residency", resident), ("depth first too", whole)] {
        for plan in plan(&machine, &net, &options)? {
            check::schedule::follow(&machine, &net, &plan.schedule)?;
            let r = &plan.report;
            check::schedule::physical(&machine, &net, r.energy_pj, r.latency_cycles as f64)?;
            totals(&mut out, what, &plan)?;
            if what == "depth first too" {
                for line in &r.layers {
                    let run = &r.runs[line.run];
                    writeln!(
                        out,
                        "  {:10} run {:2} {:>8}  energy {:.3e}  cycles {:8}  utilisation {:.3}  binds {:10}  {} x, {} rows again, tile of {} rows",
                        line.layer,
                        line.run,
                        line.place,
                        line.energy_pj,
                        line.latency_cycles,
                        line.utilisation,
                        line.binds,
                        line.times,
                        line.rows_again,
                        run.tile_rows
                    )?;
                }
            }
        }
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}
