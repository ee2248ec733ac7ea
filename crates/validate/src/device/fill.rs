//! Weights for a network that has none: times do not depend on them, so that a sampled network is kept as its text and a seed.

use ir::{Element, Graph, Tensor, Type};

use super::random::Random;

/// The graph with random numbers in place of every weight whose data is not there. Integers are uniform over their type,
/// 32-bit ones over a thousandth of it, floats uniform with a deviation that keeps sums over the fan-in near 1: none
/// overflows, none is denormal, few are zero. Same graph and seed, same weights.
pub fn fill(graph: &Graph, seed: u64) -> Graph {
    let mut filled = graph.clone();
    let untrained: Vec<_> =
        graph.values().filter(|v| graph.node(*v).constant().is_some_and(|c| c.data.is_none())).collect();
    for (stream, value) in untrained.into_iter().enumerate() {
        let ty = graph.ty(value).clone();
        let name = graph.node(value).constant().and_then(|c| c.name.clone());
        let data = random_tensor(&ty, &mut Random::new(seed, stream as u64));
        let with_data = filled.add_const(name, ty, data);
        filled.replace(value, with_data);
    }
    filled.remove_dead();
    filled
}

fn random_tensor(ty: &Type, random: &mut Random) -> Tensor {
    let count = ty.elements();
    let Some((low, high)) = ty.element.range() else {
        let fan_in = ty.shape.iter().skip(1).product::<usize>().max(1);
        // A uniform number in [-1, 1) has a deviation of 1 / sqrt(3); half of a sum is lost to the activation.
        let scale = (6.0 / fan_in as f64).sqrt();
        return Tensor::from_reals(
            ty.element,
            ty.shape.clone(),
            (0..count).map(|_| f64::from(random.unit()) * scale),
        );
    };
    let (low, high) = if ty.element.bits() > 16 { (low / 1000, high / 1000) } else { (low, high) };
    let span = u64::try_from(high.saturating_sub(low)).unwrap_or(u64::MAX - 1) + 1;
    let values: Vec<i64> =
        (0..count).map(|_| low + i64::try_from(random.bits() % span).unwrap_or(0)).collect();
    if ty.element == Element::Bool {
        return Tensor::from_ints(
            ty.element,
            ty.shape.clone(),
            &values.iter().map(|v| v & 1).collect::<Vec<_>>(),
        );
    }
    Tensor::from_ints(ty.element, ty.shape.clone(), &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_gets_data_that_repeats_with_the_seed() {
        let text = "graph @t(%x: f32[1, 4]) {
          const %w = @w : f32[3, 4]
          const %b = @b : f32[3]
          %y = dense %x, %w, %b
          return %y
        }";
        let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
        let (one, two) = (fill(&graph, 1), fill(&graph, 2));
        let bytes = |graph: &Graph| -> Vec<u8> {
            graph.values().filter_map(|v| graph.const_data(v)).flat_map(|t| t.bytes().to_vec()).collect()
        };
        assert_eq!(bytes(&one).len(), 4 * (12 + 3));
        assert_eq!(bytes(&one), bytes(&fill(&graph, 1)));
        assert_ne!(bytes(&one), bytes(&two));
        assert_eq!(one.to_text(), graph.to_text(), "the text does not change");
    }
}
