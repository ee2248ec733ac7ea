//! Building cases: random constants and inputs, the expected outputs.

use ir::{Attr, Element, Graph, Quant, Tensor, Type, Value};

/// A graph, its inputs, and what the interpreter makes of them.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) graph: Graph,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) expected: Vec<Tensor>,
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `low..=high`.
    pub(crate) fn among(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.among(0, of.len() - 1)]
    }

    /// In [-1, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * 2f64.powi(-52) - 1.0
    }

    pub(crate) fn scale(&mut self) -> f32 {
        (0.01 + 0.05 * (self.unit() + 1.0)) as f32
    }

    pub(crate) fn tensor(&mut self, ty: &Type) -> Tensor {
        let n = ty.elements();
        match ty.element.range() {
            None => Tensor::from_reals(
                ty.element,
                ty.shape.clone(),
                (0..n).map(|_| 3.0 * self.unit()).collect::<Vec<_>>(),
            ),
            Some((low, high)) => {
                let span = (i128::from(high) - i128::from(low) + 1).min(1 << 40);
                let values: Vec<i64> = (0..n)
                    .map(|_| (i128::from(low.max(-(1 << 39))) + i128::from(self.next()) % span) as i64)
                    .collect();
                Tensor::from_ints(ty.element, ty.shape.clone(), &values)
            }
        }
    }

    /// A quantized type with a random scale and zero point.
    pub(crate) fn quantized(&mut self, element: Element, shape: &[usize]) -> Type {
        let (low, high) = element.range().expect("an integer");
        let zero =
            if element.bits() > 8 { 0 } else { self.among(0, (high - low) as usize) as i32 + low as i32 };
        Type::new(element, shape).with_quant(Quant::per_tensor(self.scale(), zero))
    }
}

/// A graph under construction.
pub(crate) struct Build {
    pub(crate) graph: Graph,
    pub(crate) random: Random,
    inputs: Vec<Tensor>,
}

impl Build {
    pub(crate) fn new(seed: u64) -> Self {
        Self { graph: Graph::new("case"), random: Random(seed), inputs: Vec::new() }
    }

    pub(crate) fn input(&mut self, ty: Type) -> Value {
        let data = self.random.tensor(&ty);
        self.input_of(ty, data)
    }

    /// An input with given values.
    pub(crate) fn input_of(&mut self, ty: Type, data: Tensor) -> Value {
        self.inputs.push(data);
        let name = format!("x{}", self.inputs.len());
        self.graph.add_input(name, ty)
    }

    pub(crate) fn float(&mut self, shape: &[usize]) -> Value {
        self.input(Type::new(Element::F32, shape))
    }

    pub(crate) fn constant(&mut self, ty: Type) -> Value {
        let data = self.random.tensor(&ty);
        self.graph.add_const(None, ty, data)
    }

    pub(crate) fn op<const N: usize>(
        &mut self,
        name: &str,
        xs: &[Value],
        attrs: [(&str, Attr); N],
        ty: Option<Type>,
    ) -> Value {
        let result = self.graph.op(name, xs, attrs, ty);
        result.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The case with this one output.
    pub(crate) fn finish(mut self, name: impl Into<String>, output: Value) -> Case {
        self.graph.set_outputs(vec![output]);
        self.done(name)
    }

    pub(crate) fn done(self, name: impl Into<String>) -> Case {
        let name = name.into();
        // Inputs are drawn on logical axes; the interface may want them channels last.
        let inputs: Vec<Tensor> = self
            .inputs
            .iter()
            .zip(self.graph.inputs())
            .map(|(data, v)| {
                let shape = interp::layout::interface_shape(self.graph.ty(*v), self.graph.layout);
                data.reshaped(shape).expect("as many elements")
            })
            .collect();
        let expected = interp::run(&self.graph, &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
        Case { name, graph: self.graph, inputs, expected }
    }
}

pub(crate) fn ints(values: &[usize]) -> Attr {
    Attr::Ints(values.iter().map(|v| *v as i64).collect())
}

pub(crate) fn word(text: &str) -> Attr {
    Attr::Word(text.to_owned())
}
