//! Kernels against naive loops: random specs, compiled and run, on the host and under QEMU, inputs and outputs apart and overlapping.

mod machine;
mod reference;
mod shapes;

use super::spec::OpSpec;
use super::{Kernel, KernelSet};
use crate::c::kernels::portable::Portable;
use crate::cortex_m4::kernels::CortexM4;
use crate::rv32imac::kernels::Rv32Imac;
use hw::memory::Clearance;
use machine::{Case, Machine};
use shapes::Random;

/// Every case of `specs` on `machine`: once with input and output apart, once per way they may overlap.
fn agree(machine: &Machine, set: &dyn KernelSet, specs: &[OpSpec]) {
    let mut random = Random::new(7);
    let mut cases = Vec::new();
    for spec in specs {
        let inputs = reference::inputs(spec, &mut random);
        let expected = reference::output(spec, &inputs);
        let kernel = set.kernel(spec, None).unwrap_or_else(|error| panic!("{spec:?}: {error}"));
        let (x, y) = (inputs[0].len() as u64, expected.len() as u64);
        cases.push(Case::new(kernel.clone(), inputs.clone(), expected.clone(), None));
        for (walk, offsets) in placements(&kernel, x, y) {
            let kernel = set.kernel(spec, Some(walk)).unwrap_or_else(|error| panic!("{spec:?}: {error}"));
            cases.push(Case::new(kernel, inputs.clone(), expected.clone(), Some(offsets)));
        }
    }
    machine.run(&cases);
}

/// The tightest placements each walk allows for the first input: (walk, (input offset, output offset)).
fn placements(kernel: &Kernel, input: u64, output: u64) -> Vec<(usize, (usize, usize))> {
    let mut found = Vec::new();
    for (i, walk) in kernel.walks.iter().enumerate() {
        for pair in walk.pairs.iter().filter(|pair| pair.input == 0) {
            let Clearance { input_above, output_above, same_offset } = pair.access.clearance(input, output);
            found.extend(input_above.map(|d| (i, (d as usize, 0))));
            found.extend(output_above.map(|d| (i, (0, d as usize))));
            found.extend(same_offset.then_some((i, (0, 0))));
        }
    }
    found
}

#[test]
fn portable_kernels_agree_with_naive_loops_as_c_and_as_cpp() {
    let specs = shapes::all(1, 60);
    agree(&Machine::host("cc", &["-std=c11"]), &Portable, &specs);
    agree(&Machine::host("c++", &["-x", "c++", "-std=c++17"]), &Portable, &specs);
}

#[test]
fn cortex_m4_kernels_agree_with_naive_loops_in_their_plain_c_form() {
    agree(&Machine::host("cc", &["-std=c11"]), &CortexM4, &shapes::all(2, 120));
    agree(&Machine::host("c++", &["-x", "c++", "-std=c++17"]), &CortexM4, &shapes::all(3, 30));
}

#[test]
fn cortex_m4_kernels_agree_with_naive_loops_on_the_machine() {
    agree(&Machine::cortex_m4(), &CortexM4, &shapes::all(4, 120));
}

#[test]
fn rv32imac_kernels_agree_with_naive_loops_on_the_host() {
    agree(&Machine::host("cc", &["-std=c11"]), &Rv32Imac, &shapes::all(5, 120));
}

#[test]
fn rv32imac_kernels_agree_with_naive_loops_on_the_machine() {
    agree(&Machine::rv32imac(), &Rv32Imac, &shapes::all(6, 120));
}

#[test]
fn contradicting_specs_are_refused_with_both_numbers() {
    let mut spec = shapes::all(1, 1).remove(0);
    let OpSpec::Conv2d(conv) = &mut spec else { panic!("the first shape is a convolution") };
    conv.groups = conv.input.c + 1;
    for set in [&Portable as &dyn KernelSet, &CortexM4, &Rv32Imac] {
        let error = set.kernel(&spec, None).expect_err("groups must divide the channels").to_string();
        assert!(error.starts_with("groups: "), "{error}");
    }
}
