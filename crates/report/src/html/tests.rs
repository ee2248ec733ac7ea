use crate::{Buffer, Layer, Limit, Manifest, Mismatch, Port, page};

fn text(s: &str) -> String {
    s.to_owned()
}

fn small() -> Manifest {
    Manifest {
        model: text("kws"),
        target: text("cortex-m4"),
        prefix: text("model"),
        inputs: vec![Port {
            name: text("x"),
            symbol: text("model_in"),
            shape: vec![1, 4],
            ..Port::default()
        }],
        layers: vec![
            Layer {
                name: text("a"),
                op: text("dense"),
                macs: 8,
                instructions: Some(20),
                inputs: vec![text("x")],
                ..Layer::default()
            },
            Layer {
                name: text("b"),
                op: text("softmax"),
                instructions: Some(5),
                inputs: vec![text("a")],
                ..Layer::default()
            },
        ],
        arena_bytes: Some(16),
        memory: crate::Memory {
            proven: true,
            peak_layer: Some(0),
            buffers: vec![
                Buffer { name: text("x"), kind: text("input"), offset: 0, bytes: 8, from: 0, to: 1 },
                Buffer { name: text("a"), kind: text("activation"), offset: 8, bytes: 8, from: 0, to: 2 },
            ],
            ..crate::Memory::default()
        },
        ..Manifest::default()
    }
}

#[test]
fn an_empty_manifest_is_a_page_that_says_nothing_was_verified() {
    let page = page(&Manifest::default());
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("Not verified"));
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_nothing_runs() {
    let page = page(&small());
    for forbidden in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn names_from_a_model_cannot_become_markup() {
    let mut manifest = small();
    let evil = "</title><img onerror='x' a=\"b\"> & \u{7}";
    manifest.model = text(evil);
    manifest.layers[0].name = text(evil);
    manifest.memory.buffers[0].name = text(evil);
    manifest.inputs[0].name = text(evil);
    manifest.unchecked = vec![text(evil)];
    let page = page(&manifest);
    assert!(!page.contains("<img"));
    assert!(page.contains("&lt;img onerror=&#39;x&#39; a=&quot;b&quot;&gt; &amp; \u{fffd}"));
}

#[test]
fn exactness_is_said_only_where_something_was_compared() {
    let verdict = |compared, mismatches| {
        let page = page(&Manifest { compared, mismatches, ..small() });
        ["Bit-exact", "Not exact", "Not verified"].into_iter().find(|word| page.contains(word))
    };
    assert_eq!(verdict(Some(36), Some(0)), Some("Bit-exact"));
    assert_eq!(verdict(Some(36), Some(2)), Some("Not exact"));
    assert_eq!(verdict(None, None), Some("Not verified"));
    assert_eq!(verdict(Some(0), Some(0)), Some("Not verified"));
}

#[test]
fn the_step_that_sets_the_arena_is_named_with_its_buffers() {
    let page = page(&small());
    assert!(page.contains("The size is set by op 1"), "{page}");
    assert!(page.contains("<code>x</code> (8 bytes) and <code>a</code> (8 bytes) are live."));
}

#[test]
fn a_limit_that_is_missed_and_the_first_difference_are_shown() {
    let limit =
        Limit { name: text("sram"), at_most: 8.0, found: Some(16.0), unit: text("B"), met: Some(false) };
    let first = Mismatch { run: 1, output: text("model_out"), index: 3, found: 4.0, expected: 5.0 };
    let page = page(&Manifest { limits: vec![limit], first_mismatch: Some(first), ..small() });
    assert!(page.contains("16 B of at most 8 B"));
    assert!(page.contains("<code>model_out[3]</code> is 4, 5 expected."));
}

#[test]
fn modelled_instructions_are_marked_as_such() {
    let mut manifest = small();
    for layer in &mut manifest.layers {
        layer.modelled_instructions = layer.instructions.take();
    }
    let page = page(&manifest);
    assert!(page.contains("≈ 20") && page.contains("not counted"));
}
