//! Random graphs, uses of ops and values, from a seed: what property tests and the verification of rules run on.
//!
//! Shapes are small, every op of the table can appear, and the same seed gives the same graph on every machine.

pub(crate) mod attrs;
pub(crate) mod operands;
mod rng;

pub use rng::Rng;

use interp::layout::interface_shape;
use ir::op::Op;
use ir::{Attr, Attrs, Element, Graph, Quant, Shape, Tensor, Type, Value};

/// What is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `f32`.
    Float,
    /// Quantized integers of 8 bits.
    Integer,
}

/// What kind of graph is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// What is computed with.
    pub arithmetic: Arithmetic,
    /// Uses of ops, about.
    pub ops: usize,
    /// Same seed, same graph.
    pub seed: u64,
}

/// A sound graph of random ops on small random shapes; constants have data, and nothing is dead.
///
/// Left out are ops that are no function of reals alone (`custom`, `cast`), and in integer graphs those the IR has in
/// float only. What has a pole or a domain (log, pow, reciprocal, ..) is given values from (0, 1).
pub fn graph(config: &Config) -> Graph {
    let mut builder = Builder::new(config.arithmetic, Rng::new(config.seed));
    let mut pool = Vec::new();
    for index in 0..builder.rng.range(1, 2) {
        let shape = builder.shape();
        let ty = builder.value_type(shape);
        pool.push(builder.graph.add_input(format!("x{index}"), ty));
    }
    let names: Vec<&str> = ir::op::all().map(|op| op.name).filter(|name| !LEFT_OUT.contains(name)).collect();
    let mut tries = 0;
    while builder.graph.len() < config.ops * 2 && tries < config.ops * 20 {
        tries += 1;
        let name: &str = names[builder.rng.range(0, names.len() - 1)];
        let op = Op::named(name).expect("an op of the table");
        let mut first = *builder.rng.pick(&pool);
        if GUARDED.contains(&op.name) {
            let Some(guarded) = builder.guarded(first) else { continue };
            first = guarded;
        }
        let known = [Slot::Value(first)];
        if let Some(value) = builder.any_use(op, &known, &[], &pool) {
            pool.push(value);
        }
    }
    let mut graph = builder.graph;
    let unused: Vec<Value> =
        pool.iter().copied().filter(|v| graph.use_count(*v) == 0 && graph.node(*v).op().is_some()).collect();
    let last = pool.last().copied().expect("there is an input");
    graph.set_outputs(if unused.is_empty() { vec![last] } else { unused });
    graph.remove_dead();
    graph
}

const LEFT_OUT: [&str; 6] = ["custom", "cast", "quantize", "dequantize", "requantize", "erf"];
const GUARDED: [&str; 6] = ["log", "pow", "reciprocal", "sqrt", "div", "exp"];

/// Values for the inputs of a graph, in the interface's layout; plain integers are 0 or 1.
pub fn inputs(graph: &Graph, seed: u64) -> Vec<Tensor> {
    inputs_within(graph, seed, 2.0)
}

/// As [`inputs`], floats from `-limit` to `limit`.
pub fn inputs_within(graph: &Graph, seed: u64, limit: f64) -> Vec<Tensor> {
    let mut rng = Rng::new(seed);
    let one = |value: &Value| {
        let ty = graph.ty(*value);
        let shape = interface_shape(ty, graph.layout);
        if !ty.is_quantized() && ty.element.is_int() {
            // Plain integers are indices more often than not, and 0 and 1 index almost anything.
            let data: Vec<i64> = (0..ty.elements()).map(|_| rng.between(0, 1)).collect();
            return Tensor::from_ints(ty.element, shape, &data);
        }
        values(&mut rng, &Type { shape, quant: None, ..ty.clone() }, limit)
    };
    graph.inputs().iter().map(one).collect()
}

/// Values of a type: floats from -2 to 2, integers from all of their range (the wide ones within +-1000).
///
/// # Panics
/// Where the element is an 8-bit float, which has no encoder.
pub fn tensor(rng: &mut Rng, ty: &Type) -> Tensor {
    values(rng, ty, 2.0)
}

fn values(rng: &mut Rng, ty: &Type, limit: f64) -> Tensor {
    if ty.element.is_float() {
        let values: Vec<f64> = (0..ty.elements()).map(|_| (rng.real() * 2.0 - 1.0) * limit).collect();
        return Tensor::from_reals(ty.element, ty.shape.clone(), values);
    }
    let (low, high) = ty.element.range().expect("an integer has a range");
    let (low, high) = (low.max(-1000), high.min(1000));
    let values: Vec<i64> = (0..ty.elements()).map(|_| rng.between(low, high)).collect();
    Tensor::from_ints(ty.element, ty.shape.clone(), &values)
}

/// What is known of an operand before a use is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Any that fits, or none where it is optional.
    Free,
    /// It is left out.
    Missing,
    /// It is this.
    Value(Value),
}

/// A graph that grows by random uses of ops.
pub(crate) struct Builder {
    pub(crate) graph: Graph,
    pub(crate) rng: Rng,
    pub(crate) arithmetic: Arithmetic,
    /// The last quantization made.
    recent: Option<(Element, Quant)>,
}

impl Builder {
    pub(crate) fn new(arithmetic: Arithmetic, rng: Rng) -> Self {
        Self { graph: Graph::new("random"), rng, arithmetic, recent: None }
    }

    /// Mostly images of a few pixels.
    pub(crate) fn shape(&mut self) -> Shape {
        let rank = *self.rng.pick(&[4, 4, 4, 3, 2]);
        let mut shape: Shape = (0..rank).map(|_| self.rng.range(1, 6)).collect();
        shape[0] = 1;
        shape
    }

    /// A type for a value of this graph's arithmetic.
    pub(crate) fn value_type(&mut self, shape: Shape) -> Type {
        match self.arithmetic {
            Arithmetic::Float => Type::new(Element::F32, shape),
            Arithmetic::Integer => {
                let (element, quant) = self.quant();
                Type::new(element, shape).with_quant(quant)
            }
        }
    }

    /// Mostly signed; scales around 0.1.
    pub(crate) fn quant(&mut self) -> (Element, Quant) {
        let element = *self.rng.pick(&[Element::I8, Element::I8, Element::U8]);
        let (low, high) = element.range().expect("an integer has a range");
        let zero = *self.rng.pick(&[low, low, 0, 3, high - 100]);
        #[allow(clippy::cast_possible_truncation, reason = "scales are f32")]
        let scale = (0.02 + self.rng.real() * 0.2) as f32;
        let quant = Quant::per_tensor(scale, i32::try_from(zero).expect("a zero point of 8 bits"));
        self.recent = Some((element, quant.clone()));
        (element, quant)
    }

    /// The value brought to (0, 1).
    fn guarded(&mut self, value: Value) -> Option<Value> {
        let sigmoid = Op::named("sigmoid").expect("an op of the table");
        self.any_use(sigmoid, &[Slot::Value(value)], &[], &[])
    }

    /// A use of `op` with these operands and attributes and others that fit, from `pool`, or new constants; `None` where
    /// none was found.
    pub(crate) fn any_use(
        &mut self,
        op: Op,
        known: &[Slot],
        fixed: &[(&'static str, Attr)],
        pool: &[Value],
    ) -> Option<Value> {
        for _ in 0..8 {
            let before = self.graph.clone();
            match self.try_use(op, known, fixed, pool) {
                Some(value) => return Some(value),
                None => self.graph = before,
            }
        }
        None
    }

    fn try_use(
        &mut self,
        op: Op,
        known: &[Slot],
        fixed: &[(&'static str, Attr)],
        pool: &[Value],
    ) -> Option<Value> {
        let first = match known.first() {
            Some(Slot::Value(value)) => *value,
            _ => self.first_operand(op),
        };
        let attrs = attrs::sample(self, op, first, fixed)?;
        let mut slots = vec![Slot::Free; op.operands.len().max(known.len())];
        slots[..known.len()].copy_from_slice(known);
        slots[0] = Slot::Value(first);
        let operands = operands::complete(self, op, &attrs, slots, pool)?;
        self.finish(op, &operands, attrs)
    }

    /// Adds the use; a quantized result is declared with a random quantization.
    pub(crate) fn finish(&mut self, op: Op, operands: &[Option<Value>], attrs: Attrs) -> Option<Value> {
        // There is a type between convolution and residual where there is a residual.
        let stray =
            attrs.has("mid") && operands.get(op.operand_index("residual")).copied().flatten().is_none();
        let attrs = if stray { attrs.with("mid", Attr::Absent) } else { attrs };
        let types: Vec<_> = operands.iter().map(|o| o.map(|v| self.graph.ty(v))).collect();
        let given = types.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let result = match op.infer(&types[..given], &attrs, None) {
            Ok(ty) => ty,
            Err(ir::InferError::NoQuant) => {
                // Half of the time that of the first operand: rules often want equal ones.
                let first = operands.first().copied().flatten().map(|v| self.graph.ty(v).clone());
                let first = first.filter(|ty| ty.per_tensor().is_some() && ty.element.bits() == 8);
                let known = first.and_then(|ty| ty.quant.map(|quant| (ty.element, quant)));
                let (element, quant) = match known.or_else(|| self.recent.clone()) {
                    Some(known) if self.rng.once_in(2) => known,
                    _ => self.quant(),
                };
                let shape = self.inferred_shape(op, operands, &attrs)?;
                Type::new(element, shape).with_quant(quant)
            }
            Err(_) => return None,
        };
        let fits = (1..=4096).contains(&result.elements());
        if !fits {
            return None;
        }
        self.graph.add_with(op, operands, attrs, Some(result)).ok()
    }

    /// The shape of a quantized result, by asking what the same op gives in float.
    fn inferred_shape(&self, op: Op, operands: &[Option<Value>], attrs: &Attrs) -> Option<Shape> {
        let floats: Vec<Option<Type>> = operands
            .iter()
            .map(|o| o.map(|v| Type::new(Element::F32, self.graph.ty(v).shape.clone())))
            .collect();
        let given = floats.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let types: Vec<_> = floats[..given].iter().map(Option::as_ref).collect();
        let attrs = if attrs.has("mid") { attrs.with("mid", Attr::Absent) } else { attrs.clone() };
        let by_name = |name: &str| Op::named(name).expect("an op of the table");
        let op = if op.name == "quantize" || op.name == "requantize" { by_name("neg") } else { op };
        let attrs = if op.name == "neg" { Attrs::complete(op.attrs, Vec::new()).ok()? } else { attrs };
        op.infer(&types, &attrs, None).ok().map(|ty| ty.shape)
    }

    /// A new input that suits the op as its first operand.
    fn first_operand(&mut self, op: Op) -> Value {
        let rank = op.operands[0].rank;
        let mut shape = self.shape();
        while rank.is_some_and(|rank| shape.len() != rank) {
            shape = match rank {
                Some(rank) if !(2..=4).contains(&rank) => (0..rank).map(|_| self.rng.range(1, 5)).collect(),
                _ => self.shape(),
            };
        }
        self.input(shape)
    }

    /// A new input of this graph's arithmetic.
    pub(crate) fn input(&mut self, shape: Shape) -> Value {
        let ty = self.value_type(shape);
        let name = format!("x{}", self.graph.inputs().len());
        self.graph.add_input(name, ty)
    }

    /// A new constant with random data.
    pub(crate) fn constant(&mut self, ty: Type) -> Value {
        let data = tensor(&mut self.rng, &ty);
        self.graph.add_const(None, ty, data)
    }
}
