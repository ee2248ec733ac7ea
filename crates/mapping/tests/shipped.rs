//! Every machine that comes with the library can be mapped to, and what the search finds stands up to an independent walk.

use check::nest::{bounds, walk};
use cost::nest::Model;
use hw::machine::{Layer, SHIPPED, shipped};
use nasc_mapping::nest::{Objective, Options, search};

/// 8 channels in, 16 out, 7 x 7 outputs, 3 x 3 kernel: tiles are ragged on most arrays.
fn small() -> Layer {
    Layer::new([1, 1, 16, 8, 7, 7, 3, 3], 1).unwrap()
}

#[test]
fn a_small_convolution_is_mapped_to_every_shipped_machine() {
    for name in SHIPPED {
        let machine = shipped(name).unwrap().unwrap_or_else(|e| panic!("{e}"));
        let view = machine.mapping_view(None).unwrap_or_else(|e| panic!("{e}"));
        let options = Options::new(Objective::Edp);
        let found = search(&view.machine, &small(), &options).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(found.proven_optimal, "{name}");
        let best = &found.points[0];
        let walked = walk(&view.machine, &small(), &best.mapping).unwrap_or_else(|e| panic!("{name}: {e}"));
        let counted = Model::new(&view.machine, &small(), best.mapping.bypass).breakdown(&best.mapping);
        let counts = counted.access.map(|tier| tier.map(|a| [a.reads as u64, a.writes as u64]));
        assert_eq!(counts, walked.access, "{name}");
        let bound = bounds(&view.machine, &small());
        assert!(best.cost.cycles >= bound.cycles as f64 && best.cost.energy_pj >= bound.energy_pj, "{name}");
    }
}

#[test]
fn templates_are_mapped_at_the_ends_of_their_ranges() {
    for name in SHIPPED {
        let machine = shipped(name).unwrap().unwrap_or_else(|e| panic!("{e}"));
        for parameter in &machine.parameters {
            for value in parameter.range {
                let sized = machine.with(&[(&parameter.name, value)]).unwrap_or_else(|e| panic!("{e}"));
                let options = Options::new(Objective::Edp);
                let found = search(&sized, &small(), &options)
                    .unwrap_or_else(|e| panic!("{name} with {} = {value}: {e}", parameter.name));
                assert!(found.proven_optimal, "{name} with {} = {value}", parameter.name);
            }
        }
    }
}

#[test]
fn every_level_that_can_be_the_buffer_is_mapped() {
    let mut choices = 0;
    for name in SHIPPED {
        let machine = shipped(name).unwrap().unwrap_or_else(|e| panic!("{e}"));
        for level in machine.buffer_choices() {
            let other = machine.buffered_at(level).unwrap();
            let found = search(&other, &small(), &Options::new(Objective::Edp));
            assert!(found.unwrap_or_else(|e| panic!("{name} at {level}: {e}")).proven_optimal);
            choices += usize::from(machine.memories != other.memories);
        }
    }
    assert!(choices >= 3, "{choices} other buffers");
}
