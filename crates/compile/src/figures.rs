//! What a compiled network needs, op by op, before it is built.

use crate::judge::{Figure, Figures};
use crate::limits::Quantity;
use hw::memory::{Plan, Problem};
use hw::{Estimate, Origin};
use ir::Graph;
use targets::{Hardware, Lowered, Ratio, Step};

/// Every quantity the target can be judged by; for the others, why not.
pub(crate) fn figures(
    graph: &Graph,
    lowered: &dyn Lowered,
    hardware: &Hardware,
    order: &[usize],
    problem: &Problem,
    plan: &Plan,
) -> Figures {
    let mut figures = Figures::default();
    let steps: Vec<&Step> = order.iter().map(|&step| &lowered.steps()[step]).collect();
    figures.know(Quantity::Sram, sram(&steps, problem, plan));
    figures.know(Quantity::Flash, flash(&steps, lowered));
    let instructions = sum(&steps, "instructions", |step| &step.cost.instructions);
    let cycles = sum(&steps, "cycles", |step| &step.cost.cycles);
    figures.know(Quantity::Instructions, instructions);
    times(&mut figures, hardware, &cycles);
    figures.know(Quantity::Macs, counted(&steps, graph.total_macs().0, |step| step.cost.macs.0));
    figures.know(Quantity::Params, params(graph));
    figures.lack(Quantity::Area, "the target is no silicon of its own");
    figures.lack(Quantity::Dram, "the target has no external memory");
    figures
}

#[allow(clippy::cast_precision_loss, reason = "figures are far below 2^53")]
fn real(value: u64) -> f64 {
    value as f64
}

/// Bytes of the arena covered by the buffers live in each step.
pub(crate) fn live_bytes(problem: &Problem, plan: &Plan) -> Vec<u64> {
    let covered = |step: usize| {
        let live = problem.buffers.iter().zip(&plan.offsets);
        let mut spans: Vec<(u64, u64)> = live
            .filter(|(buffer, _)| buffer.lower <= step && step < buffer.upper)
            .map(|(buffer, offset)| (*offset, offset + buffer.bytes))
            .collect();
        spans.sort_unstable();
        let (mut end, mut total) = (0, 0);
        for (low, high) in spans {
            total += high.saturating_sub(low.max(end));
            end = end.max(high);
        }
        total
    };
    (0..problem.steps.len()).map(covered).collect()
}

fn sram(steps: &[&Step], problem: &Problem, plan: &Plan) -> Figure {
    let live = live_bytes(problem, plan);
    let per_op = steps.iter().zip(&live).map(|(step, bytes)| (step.name.clone(), real(*bytes))).collect();
    let members: Vec<String> = plan
        .peak
        .members
        .iter()
        .map(|&id| format!("{} ({} B)", problem.buffers[id].name, problem.buffers[id].bytes))
        .collect();
    let step = steps.get(plan.peak.step).map_or("the interface", |step| step.name.as_str());
    let proof = if plan.proven {
        "no smaller plan of these buffers exists".to_owned()
    } else {
        format!("no plan below {} B is possible", plan.lower_bound)
    };
    let binds = format!("{step} binds, where these are live: {}; {proof}", members.join(", "));
    Figure { total: Estimate::exact(real(plan.arena_bytes), "B", Origin::Modelled), per_op, binds }
}

fn flash(steps: &[&Step], lowered: &dyn Lowered) -> Figure {
    let constants = real(lowered.const_bytes());
    let shared = lowered.shared_code_bytes();
    let mut code = [shared.value, shared.interval[0], shared.interval[1]];
    let mut per_op = Vec::with_capacity(steps.len());
    for step in steps {
        let own = &step.cost.code_bytes;
        code[0] += own.value;
        code[1] += own.interval[0];
        code[2] += own.interval[1];
        per_op.push((step.name.clone(), own.value + real(step.cost.const_bytes)));
    }
    let [value, low, high] = code.map(|bytes| (bytes + constants).ceil());
    let total = Estimate::within(value, "B", Origin::Predicted, low, high);
    let most = largest(&per_op, |bytes| Quantity::Flash.display(bytes));
    let binds = format!(
        "constants are {} and certain, code is predicted; {most}",
        Quantity::Flash.display(constants)
    );
    Figure { total, per_op, binds }
}

/// The three largest contributions in words.
fn largest(per_op: &[(String, f64)], display: impl Fn(f64) -> String) -> String {
    let mut sorted: Vec<_> = per_op.iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named: Vec<_> =
        sorted.iter().take(3).map(|(name, value)| format!("{name} {}", display(*value))).collect();
    format!("the most: {}", named.join(", "))
}

fn sum(steps: &[&Step], unit: &str, figure: impl Fn(&Step) -> &Estimate) -> Figure {
    let mut total = [0.0; 3];
    let mut per_op = Vec::with_capacity(steps.len());
    let mut origin = Origin::Modelled;
    for step in steps {
        let own = figure(step);
        for (sum, part) in total.iter_mut().zip([own.value, own.interval[0], own.interval[1]]) {
            *sum += part;
        }
        origin = own.origin;
        per_op.push((step.name.clone(), own.value));
    }
    let [value, low, high] = total;
    let binds = largest(&per_op, |value| format!("{value:.0}"));
    Figure { total: Estimate::within(value, unit, origin, low, high), per_op, binds }
}

/// Cycles, and what follows from them on a board with a clock.
fn times(figures: &mut Figures, hardware: &Hardware, cycles: &Figure) {
    if hardware.model.cycles_per_instruction.is_none() {
        for quantity in [Quantity::Cycles, Quantity::Latency, Quantity::Energy, Quantity::Power] {
            figures.lack(quantity, "the description says nothing of cycles; `instructions` can be judged");
        }
        return;
    }
    figures.know(Quantity::Cycles, cycles.clone());
    let Some(clock) = &hardware.clock else {
        for quantity in [Quantity::Latency, Quantity::Energy, Quantity::Power] {
            figures.lack(quantity, "the description has no clock; `cycles` and `instructions` can be judged");
        }
        return;
    };
    let period = 1.0 / clock.frequency_hz;
    figures.know(Quantity::Latency, scaled(cycles, Ratio { value: period, interval: [period, period] }, "s"));
    let Some(energy) = &clock.energy_per_cycle_pj else {
        for quantity in [Quantity::Energy, Quantity::Power] {
            figures.lack(quantity, "the description has no energy per cycle");
        }
        return;
    };
    let joules = Ratio { value: energy.value * 1e-12, interval: energy.interval.map(|pj| pj * 1e-12) };
    figures.know(Quantity::Energy, scaled(cycles, joules, "J"));
    let watts =
        [joules.value, joules.interval[0], joules.interval[1]].map(|joules| joules * clock.frequency_hz);
    let total = Estimate::within(watts[0], "W", Origin::Predicted, watts[1], watts[2]);
    let binds = format!("the core at {} MHz draws it whatever it computes", clock.frequency_hz / 1e6);
    figures.know(Quantity::Power, Figure { total, per_op: Vec::new(), binds });
}

fn scaled(figure: &Figure, by: Ratio, unit: &str) -> Figure {
    let [low, high] = figure.total.interval;
    let total = Estimate::within(
        figure.total.value * by.value,
        unit,
        Origin::Predicted,
        low * by.interval[0],
        high * by.interval[1],
    );
    let per_op = figure.per_op.iter().map(|(name, value)| (name.clone(), value * by.value)).collect();
    Figure { total, per_op, binds: figure.binds.clone() }
}

fn counted(steps: &[&Step], total: u64, count: impl Fn(&Step) -> u64) -> Figure {
    let per_op: Vec<_> = steps.iter().map(|step| (step.name.clone(), real(count(step)))).collect();
    let binds = largest(&per_op, |value| format!("{value:.0}"));
    Figure { total: Estimate::exact(real(total), "MAC", Origin::Modelled), per_op, binds }
}

fn params(graph: &Graph) -> Figure {
    let constants = graph.values().filter(|v| graph.node(*v).constant().is_some());
    let per_op: Vec<_> = constants.map(|v| (graph.label(v), real(graph.ty(v).elements() as u64))).collect();
    let binds = largest(&per_op, |value| format!("{value:.0}"));
    Figure { total: Estimate::exact(real(graph.parameters()), "", Origin::Modelled), per_op, binds }
}
