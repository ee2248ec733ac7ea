//! `eliminate-channels` on trained networks: what goes, and that nobody can tell.

use formats::{ImportOptions, import};
use nasc_passes::random::inputs;
use nasc_passes::{Context, Registry, Run};
use std::path::PathBuf;

#[test]
fn networks_lose_the_channels_that_say_nothing_and_give_the_same_bits() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/models");
    let mut lines = Vec::new();
    for name in
        ["ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8", "made/tfl_mobilenet_v3_int8"]
    {
        let before =
            import(root.join(format!("{name}.tflite")), &ImportOptions::default()).expect("a model").graph;
        let mut after = before.clone();
        let pipeline = Registry::standard().pipeline("eliminate-channels").expect("a known pass");
        pipeline
            .run(&mut after, &Context::default(), &mut Run { verify: true, after: None })
            .expect("a sound pass");
        for seed in 0..3 {
            let inputs = inputs(&before, seed);
            let [expected, found] = [&before, &after].map(|g| interp::run(g, &inputs).expect("it runs"));
            assert_eq!(expected[0].to_ints(), found[0].to_ints(), "{name}");
        }
        let figures = [&before, &after].map(|g| (g.total_macs().0, g.parameters()));
        lines.push(format!(
            "{name}: MACs {} -> {}, parameters {} -> {}",
            figures[0].0, figures[1].0, figures[0].1, figures[1].1
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    ic_resnet8_int8: MACs 12501632 -> 12501632, parameters 77706 -> 77706
    kws_dscnn_int8: MACs 2656768 -> 2656768, parameters 22604 -> 22604
    vww_mobilenetv1_025_int8: MACs 7489664 -> 3727313, parameters 210850 -> 30080
    made/tfl_mobilenet_v3_int8: MACs 25728 -> 25728, parameters 588 -> 588
    ");
}
