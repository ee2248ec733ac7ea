//! Maps a layer table: `map_layers LAYERS.csv MACHINE [energy|latency|edp|pareto]`, one line a layer.
//!
//! `cpu` is this thread's processor time where the system tells it (Linux), else wall time.

use nasc_mapping::nest::{Objective, Options, map_layers, parse_layers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [table, machine, rest @ ..] = args.as_slice() else {
        return Err("a layer table and a machine expected".into());
    };
    let machine = hw::machine::shipped(machine).ok_or("no such machine")??;
    let objective = match rest.first().map(String::as_str) {
        None | Some("edp") => Objective::Edp,
        Some("energy") => Objective::Energy,
        Some("latency") => Objective::Latency,
        Some("pareto") => Objective::Pareto,
        Some(other) => return Err(format!("no objective `{other}`").into()),
    };
    let options = Options { time: Some(std::time::Duration::from_secs(20)), ..Options::new(objective) };
    let mut out = String::new();
    for row in parse_layers(&std::fs::read_to_string(table)?)? {
        let start = Clock::start();
        let found = map_layers(&machine, &[row], &options)?;
        let cpu = start.seconds();
        for r in found {
            out += &format!(
                "{:9} {:8} energy {:.6e} cycles {:9} edp {:.5e} util {:.3} proven {} gap {:.1e} {cpu:.4} s cpu {} evaluated\n",
                r.net,
                r.layer,
                r.energy_pj,
                r.latency_cycles,
                r.edp_pj_cycles,
                r.utilisation,
                r.proven_optimal,
                r.gap,
                r.mappings_evaluated
            );
        }
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}

/// Processor time of this thread, or wall time.
struct Clock(std::time::Instant, Option<u64>);

impl Clock {
    fn start() -> Self {
        Self(std::time::Instant::now(), Self::nanoseconds())
    }

    /// The first number of the scheduler's statistics: nanoseconds run.
    fn nanoseconds() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    fn seconds(&self) -> f64 {
        let used = Self::nanoseconds().zip(self.1).map(|(now, then)| (now - then) as f64 * 1e-9);
        used.unwrap_or_else(|| self.0.elapsed().as_secs_f64())
    }
}
