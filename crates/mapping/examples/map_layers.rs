//! Maps a layer table: `map_layers LAYERS.csv MACHINE [energy|latency|edp|pareto]`, one line a layer.

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
        for r in map_layers(&machine, &[row], &options)? {
            out += &format!(
                "{:9} {:8} energy {:.6e} cycles {:9} edp {:.5e} util {:.3} proven {} gap {:.1e} {:.4} s {} evaluated\n",
                r.net,
                r.layer,
                r.energy_pj,
                r.latency_cycles,
                r.edp_pj_cycles,
                r.utilisation,
                r.proven_optimal,
                r.gap,
                r.seconds,
                r.mappings_evaluated
            );
        }
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}
