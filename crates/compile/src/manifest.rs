//! `manifest.json` of an artifact that was not built yet.

use crate::Planned;
use crate::figures::live_bytes;
use crate::limits::Quantity;
use hw::Estimate;
use report::{Buffer, FORMAT, Layer, Manifest, Memory, Port};
use std::collections::BTreeMap;
use targets::{File, Role, Target};

/// What is known before the build; the figures that only a build or a run gives are unknown, and listed as unchecked.
pub(crate) fn manifest(
    planned: &Planned,
    files: &[File],
    target: &dyn Target,
    options: &crate::Options,
) -> Manifest {
    let mut manifest = Manifest {
        format: FORMAT,
        generator: concat!("nasc ", env!("CARGO_PKG_VERSION")).to_owned(),
        model: planned.graph.name.clone(),
        model_sha256: options.model_sha256.clone(),
        target: target.name().to_owned(),
        prefix: options.prefix.clone(),
        passes: planned.passes.clone(),
        rounding: options.rounding.clone(),
        files: files.iter().map(|file| file.name.clone()).collect(),
        inputs: ports(planned.lowered.inputs(), "in", options),
        outputs: ports(planned.lowered.outputs(), "out", options),
        macs: planned.graph.total_macs().0,
        params: planned.graph.parameters(),
        arena_bytes: Some(planned.plan.arena_bytes),
        static_bytes: Some(0),
        const_bytes: Some(planned.lowered.const_bytes()),
        layers: layers(planned),
        memory: memory(planned),
        notices: options.notices.clone(),
        unchecked: vec!["stack_bytes, mismatches: not built and run yet".to_owned()],
        ..Manifest::default()
    };
    for key in ["arena_bytes", "static_bytes", "const_bytes"] {
        manifest.origin.insert(key.to_owned(), "modelled".to_owned());
    }
    let constants = manifest.const_bytes.unwrap_or(0);
    #[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
    let code = planned.figures.get(Quantity::Flash).map(|figure| shifted(&figure.total, constants as f64));
    predicted(&mut manifest, "code_bytes", code.as_ref());
    let figure = |quantity| planned.figures.get(quantity).map(|figure| figure.total.clone());
    predicted(&mut manifest, "instructions", figure(Quantity::Instructions).as_ref());
    predicted(&mut manifest, "cycles", figure(Quantity::Cycles).as_ref());
    manifest.limits = crate::verdicts(&planned.figures, &options.limits);
    manifest
}

fn shifted(total: &Estimate, by: f64) -> Estimate {
    let [low, high] = total.interval.map(|end| end - by);
    Estimate::within(total.value - by, "B", total.origin, low, high)
}

/// Sets a figure that has an interval.
fn predicted(manifest: &mut Manifest, key: &str, figure: Option<&Estimate>) {
    let Some(figure) = figure else { return };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "figures are positive and rounded"
    )]
    let value = Some(figure.value.round() as u64);
    match key {
        "code_bytes" => manifest.code_bytes = value,
        "instructions" => manifest.instructions = value,
        _ => manifest.cycles = value,
    }
    let origin = match figure.origin {
        hw::Origin::Measured => "measured",
        hw::Origin::Modelled => "modelled",
        hw::Origin::Predicted => "predicted",
    };
    manifest.origin.insert(key.to_owned(), origin.to_owned());
    manifest.interval.insert(key.to_owned(), figure.interval.map(f64::round));
}

fn ports(ports: &[targets::Port], kind: &str, options: &crate::Options) -> Vec<Port> {
    let several = ports.len() > 1;
    let port = |port: &targets::Port| {
        let name = if several { format!("{kind}_{}", port.identifier) } else { kind.to_owned() };
        let quant = port.ty.per_tensor();
        Port {
            name: port.name.clone(),
            symbol: format!("{}_{name}", options.prefix),
            c_type: port.c_type().to_owned(),
            element: port.ty.element.to_string(),
            shape: port.physical(),
            layout: port.layout(),
            scale: quant.map(|(scale, _)| f64::from(scale)),
            zero_point: quant.map(|(_, zero)| i64::from(zero)),
            bytes: port.ty.bytes() as u64,
        }
    };
    ports.iter().map(port).collect()
}

fn layers(planned: &Planned) -> Vec<Layer> {
    let steps = planned.lowered.steps();
    let live = live_bytes(&planned.problem, &planned.plan);
    // What writes each block; inputs are written by the caller.
    let mut writer: BTreeMap<usize, String> = BTreeMap::new();
    for port in planned.lowered.inputs() {
        writer.insert(port.value, port.name.clone());
    }
    for step in steps {
        writer.insert(step.output, step.name.clone());
    }
    let layer = |(k, &index): (usize, &usize)| {
        let step = &steps[index];
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "instructions are positive"
        )]
        let instructions = step.cost.instructions.value.round() as u64;
        Layer {
            name: step.name.clone(),
            op: step.op.to_owned(),
            detail: step.detail.clone(),
            inputs: step.inputs.iter().filter_map(|block| writer.get(block).cloned()).collect(),
            shape: step.shape.clone(),
            node: step.node.clone(),
            last: step.last,
            element: step.element.to_string(),
            axes: step.order.clone(),
            kernel: step.kernel.clone(),
            macs: step.cost.macs.0,
            instructions: None,
            modelled_instructions: Some(instructions),
            const_bytes: step.cost.const_bytes,
            live_bytes: live[k],
            scratch_bytes: step.scratch_bytes,
        }
    };
    planned.order.iter().enumerate().map(layer).collect()
}

fn memory(planned: &Planned) -> Memory {
    let values = planned.lowered.values();
    let buffer = |(id, (placed, offset)): (usize, (&hw::memory::Buffer, &u64))| Buffer {
        name: placed.name.clone(),
        kind: match values.get(id).map(|value| value.role) {
            Some(Role::Input) => "input",
            Some(Role::Output) => "output",
            Some(Role::Activation) => "activation",
            None => "scratch",
        }
        .to_owned(),
        offset: *offset,
        bytes: placed.bytes,
        from: placed.lower,
        to: placed.upper,
    };
    Memory {
        lower_bound: planned.plan.lower_bound,
        proven: planned.plan.proven,
        peak_layer: (!planned.order.is_empty()).then_some(planned.plan.peak.step),
        buffers: planned.problem.buffers.iter().zip(&planned.plan.offsets).enumerate().map(buffer).collect(),
    }
}
