//! Random convolutional networks: what a device is timed on.
//!
//! A network is a stem, two to four stages of one to three blocks, and a classifier. A stage is plain, residual, separable,
//! an inverted bottleneck or a bottleneck; its width grows by a random factor and is not always a multiple of what vector
//! units like. The space is that of networks for small devices: images of 16 to 96 pixels, 0.5 to 60 million MACs, at most
//! 0.6 million weights.
//!
//! Blocks: He et al., "Deep residual learning", 2016, figures 2 and 5; Howard et al., "MobileNets", 2017, table 1; Sandler et
//! al., "MobileNetV2", 2018, table 1.

use ir::{Graph, Value};

use super::build::Builder;
use super::random::Random;

/// MACs of a sampled network, from and to.
pub const MACS: [u64; 2] = [500_000, 60_000_000];
/// Most weights of a sampled network.
pub const PARAMETERS: u64 = 600_000;

/// What a network calculates with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 8-bit integers: weights by channel, activations by tensor.
    I8,
}

impl Precision {
    /// As the command line and the names of networks spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I8 => "i8",
        }
    }
}

/// Which networks to draw.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// How many.
    pub count: usize,
    /// Same seed, same networks; the first of a longer list are those of a shorter one.
    pub seed: u64,
    /// Networks take turns over these.
    pub precisions: Vec<Precision>,
}

/// Draws networks, untrained, named `net<NUMBER>_<PRECISION>`. See [`super::fill()`] for weights.
pub fn networks(sampling: &Sampling) -> Vec<Graph> {
    let precision = |i: usize| {
        let list = &sampling.precisions;
        if list.is_empty() { Precision::F32 } else { list[i % list.len()] }
    };
    (0..sampling.count).map(|i| network(sampling.seed, i, precision(i))).collect()
}

/// The first draw within the bounds; an attempt in three is.
fn network(seed: u64, number: usize, precision: Precision) -> Graph {
    let mut random = Random::new(seed, number as u64);
    let name = format!("net{number:04}_{}", precision.name());
    loop {
        let graph = draw(&mut random, &name, precision);
        let macs = graph.total_macs().0;
        if (MACS[0]..=MACS[1]).contains(&macs) && graph.parameters() <= PARAMETERS {
            return graph;
        }
    }
}

#[derive(Clone, Copy)]
enum Block {
    Plain,
    Residual,
    Separable,
    Inverted { expand: usize },
    Bottleneck,
}

fn draw(random: &mut Random, name: &str, precision: Precision) -> Graph {
    let side = random.of(&[16, 24, 32, 32, 48, 64, 96]);
    let channels = random.of(&[1, 3, 3]);
    let act = random.of(&["relu", "relu", "relu6"]);
    let (mut net, mut x) = Builder::new(name, precision, act, channels, side);
    let mut width = random.of(&[8, 10, 12, 16, 16, 20, 24, 32]);
    let stem_stride = if side >= 48 { 2 } else { 1 };
    x = net.conv(x, width, random.of(&[3, 3, 5]), stem_stride, true);
    for stage in 0..2 + random.below(3) {
        x = draw_stage(random, &mut net, x, &mut width, stage);
    }
    x = net.global_pool(x);
    if random.below(4) == 0 {
        x = net.dense(x, random.of(&[32, 48, 64, 128]), true);
    }
    x = net.dense(x, random.of(&[2, 4, 10, 10, 12, 35, 100]), false);
    x = net.softmax(x);
    net.finish(x)
}

/// Blocks of one kind; the first halves the image where it is large enough.
fn draw_stage(
    random: &mut Random,
    net: &mut Builder,
    mut x: Value,
    width: &mut usize,
    stage: usize,
) -> Value {
    let block = random.of(&[
        Block::Plain,
        Block::Residual,
        Block::Residual,
        Block::Separable,
        Block::Separable,
        Block::Inverted { expand: 2 },
        Block::Inverted { expand: 4 },
        Block::Inverted { expand: 6 },
        Block::Bottleneck,
    ]);
    if stage > 0 {
        // In quarters: 1, 1.25, 1.5 and 2 times, to an even number.
        let quarters = random.of(&[4, 5, 6, 8, 8]);
        *width = (*width * quarters / 4).div_ceil(2) * 2;
    }
    let kernel = random.of(&[3, 3, 3, 5]);
    let halve = net.side(x) >= 8 && (stage > 0 || random.below(2) == 0);
    let pooled = halve && random.below(4) == 0;
    if pooled {
        x = net.max_pool(x);
    }
    for repeat in 0..1 + random.below(3) {
        let stride = if halve && !pooled && repeat == 0 { 2 } else { 1 };
        x = draw_block(net, x, block, *width, kernel, stride);
    }
    x
}

fn draw_block(
    net: &mut Builder,
    x: Value,
    block: Block,
    width: usize,
    kernel: usize,
    stride: usize,
) -> Value {
    let same = stride == 1 && net.channels(x) == width;
    match block {
        Block::Plain => net.conv(x, width, kernel, stride, true),
        Block::Residual => {
            let y = net.conv(x, width, kernel, stride, true);
            let y = net.conv(y, width, kernel, 1, false);
            let x = if same { x } else { net.conv(x, width, 1, stride, false) };
            net.add(x, y)
        }
        Block::Separable => {
            let y = net.depthwise(x, kernel, stride);
            net.conv(y, width, 1, 1, true)
        }
        Block::Inverted { expand } => {
            let y = net.conv(x, net.channels(x) * expand, 1, 1, true);
            let y = net.depthwise(y, kernel, stride);
            let y = net.conv(y, width, 1, 1, false);
            if same { net.add(x, y) } else { y }
        }
        Block::Bottleneck => {
            let inner = width.div_ceil(4).max(4);
            let y = net.conv(x, inner, 1, 1, true);
            let y = net.conv(y, inner, kernel, stride, true);
            let y = net.conv(y, width, 1, 1, false);
            let x = if same { x } else { net.conv(x, width, 1, stride, false) };
            net.add(x, y)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(count: usize, seed: u64) -> Sampling {
        Sampling { count, seed, precisions: vec![Precision::F32, Precision::I8] }
    }

    #[test]
    fn the_same_seed_draws_the_same_networks_and_another_seed_others() {
        let text = |count, seed| -> Vec<String> {
            networks(&sampling(count, seed)).iter().map(Graph::to_text).collect()
        };
        let first = text(6, 1);
        assert_eq!(first, text(6, 1));
        assert_eq!(first[..3], text(3, 1)[..], "a shorter list is the beginning of a longer one");
        assert!(first.iter().zip(text(6, 2)).all(|(a, b)| *a != b));
    }

    #[test]
    fn sampled_networks_are_sound_within_the_bounds_and_differ() {
        let all = networks(&sampling(40, 7));
        let mut macs: Vec<u64> = Vec::new();
        for graph in &all {
            assert!(ir::verify(graph).is_empty(), "{:?}", ir::verify(graph));
            let n = graph.total_macs().0;
            assert!((MACS[0]..=MACS[1]).contains(&n) && graph.parameters() <= PARAMETERS);
            macs.push(n);
        }
        macs.sort_unstable();
        macs.dedup();
        assert_eq!(macs.len(), 40);
        // Both ends of the range are visited: the largest does over ten times the work of the smallest.
        assert!(macs[39] > 10 * macs[0], "{} to {}", macs[0], macs[39]);
    }

    #[test]
    fn networks_take_turns_over_precisions_and_survive_their_text() {
        for (i, graph) in networks(&sampling(8, 3)).iter().enumerate() {
            let input = graph.ty(graph.inputs()[0]);
            assert_eq!(input.element.is_float(), i % 2 == 0);
            let again = ir::parse(&graph.to_text(), &ir::NoWeights).expect("well-formed text");
            assert_eq!(again.to_text(), graph.to_text());
        }
    }
}
