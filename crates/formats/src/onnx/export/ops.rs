//! What each op becomes. One row for each op of the table; a test holds the two together.

use ir::{Attrs, Element, Granularity, Tensor, Type, Value};

use super::nodes::Attr;
use super::{Exporter, Fault};

/// How an op is exported.
#[derive(Clone, Copy)]
enum Rule {
    /// One operator on floats with the same operands and no attributes.
    Same(&'static str),
    /// As [`Rule::Same`], on the integers themselves where the operand is quantized: elements only move.
    Moved(fn(&mut Exporter<'_>, &Use<'_>) -> Result<String, Fault>),
    /// Several operators or attributes, on floats.
    Made(fn(&mut Exporter<'_>, &Use<'_>) -> Result<String, Fault>),
    /// What the result is is said by its type alone.
    Typed(fn(&mut Exporter<'_>, &Use<'_>) -> Result<String, Fault>),
    /// No counterpart, and why.
    Absent(&'static str),
}

/// A use of an op.
struct Use<'a> {
    operands: &'a [Option<Value>],
    attrs: &'a Attrs,
    ty: &'a Type,
    /// Tensors of the operands: floats, or integers where elements only move. Empty where one is left out.
    names: Vec<String>,
    /// The element the operator computes in.
    element: Element,
}

const RULES: &[(&str, Rule)] = &[
    ("conv2d", Rule::Made(conv)),
    ("conv1d", Rule::Made(conv)),
    ("dense", Rule::Made(dense)),
    ("matmul", Rule::Made(matmul)),
    ("attention", Rule::Made(attention)),
    ("add", Rule::Same("Add")),
    ("sub", Rule::Same("Sub")),
    ("mul", Rule::Same("Mul")),
    ("div", Rule::Same("Div")),
    ("maximum", Rule::Same("Max")),
    ("minimum", Rule::Same("Min")),
    ("pow", Rule::Same("Pow")),
    ("prelu", Rule::Same("PRelu")),
    ("relu", Rule::Same("Relu")),
    ("relu6", Rule::Made(|e, u| e.activated(u.names[0].clone(), "relu6", u.element))),
    (
        "leaky_relu",
        Rule::Made(|e, u| Ok(e.node("LeakyRelu", &[&u.names[0]], &[("alpha", u.float("alpha"))]))),
    ),
    ("elu", Rule::Made(|e, u| Ok(e.node("Elu", &[&u.names[0]], &[("alpha", u.float("alpha"))])))),
    ("clip", Rule::Made(clip)),
    ("sigmoid", Rule::Same("Sigmoid")),
    ("tanh", Rule::Same("Tanh")),
    ("silu", Rule::Made(silu)),
    ("hard_sigmoid", Rule::Made(hard_sigmoid)),
    ("hard_swish", Rule::Same("HardSwish")),
    ("gelu", Rule::Made(gelu)),
    ("erf", Rule::Same("Erf")),
    ("exp", Rule::Same("Exp")),
    ("log", Rule::Same("Log")),
    ("sqrt", Rule::Same("Sqrt")),
    ("reciprocal", Rule::Same("Reciprocal")),
    ("neg", Rule::Same("Neg")),
    ("abs", Rule::Same("Abs")),
    ("batch_norm", Rule::Made(batch_norm)),
    ("layer_norm", Rule::Made(layer_norm)),
    ("softmax", Rule::Made(softmax)),
    ("max_pool2d", Rule::Made(|e, u| pool(e, u, "MaxPool", &[]))),
    (
        "avg_pool2d",
        Rule::Made(|e, u| pool(e, u, "AveragePool", &[("count_include_pad", u.int("count_pad"))])),
    ),
    ("mean", Rule::Made(|e, u| reduce(e, u, "ReduceMean"))),
    ("sum", Rule::Made(|e, u| reduce(e, u, "ReduceSum"))),
    ("reduce_max", Rule::Made(|e, u| reduce(e, u, "ReduceMax"))),
    ("reshape", Rule::Moved(reshape)),
    (
        "transpose",
        Rule::Moved(|e, u| {
            Ok(e.node("Transpose", &[&u.names[0]], &[("perm", Attr::Ints(u.attrs.ints("perm")))]))
        }),
    ),
    ("concat", Rule::Made(concat)),
    ("slice", Rule::Moved(slice)),
    ("pad", Rule::Made(pad)),
    ("expand", Rule::Moved(expand)),
    (
        "gather",
        Rule::Moved(|e, u| Ok(e.node("Gather", &[&u.names[0], &u.names[1]], &[("axis", u.int("axis"))]))),
    ),
    ("resize2d", Rule::Made(resize)),
    ("custom", Rule::Absent("a function of your own has no place in the format")),
    ("quantize", Rule::Typed(|e, u| e.quantized(&u.names[0], u.ty))),
    ("dequantize", Rule::Typed(|_, u| Ok(u.names[0].clone()))),
    ("requantize", Rule::Typed(|e, u| e.quantized(&u.names[0], u.ty))),
    ("cast", Rule::Typed(cast)),
];

impl Exporter<'_> {
    /// Adds a use of an op; gives the name of its result.
    pub(super) fn op(&mut self, value: Value) -> Result<String, Fault> {
        let graph = self.graph;
        let node = graph.node(value);
        let op = node.op().expect("invariant: inputs and constants are no ops");
        let rule = RULES.iter().find(|(name, _)| *name == op.name).map(|(_, rule)| *rule);
        let rule = rule.ok_or_else(|| Fault::Unsupported("an op without a rule".into()))?;
        let moved = matches!(rule, Rule::Moved(_));
        let mut names = Vec::new();
        for operand in node.operands() {
            names.push(match operand {
                Some(operand) if moved => self.names[operand].clone(),
                Some(operand) => self.operand(node, *operand)?,
                None => String::new(),
            });
        }
        let element = if node.ty().is_quantized() { Element::F32 } else { node.ty().element };
        let used = Use { operands: node.operands(), attrs: node.attrs(), ty: node.ty(), names, element };
        let result = match rule {
            Rule::Moved(make) | Rule::Typed(make) => return make(self, &used),
            Rule::Absent(why) => return Err(Fault::Unsupported(why.into())),
            Rule::Made(make) => make(self, &used)?,
            Rule::Same(operator) => {
                let inputs: Vec<&str> = used.names.iter().map(String::as_str).collect();
                self.node(operator, &inputs, &[])
            }
        };
        let act = if node.attrs().has("act") { node.attrs().word("act") } else { "none" };
        let result = self.activated(result, act, used.element)?;
        self.quantized(&result, node.ty())
    }

    /// An operand in floats. A bias without a scale of its own has the product of its operand's and its weights'.
    fn operand(&mut self, node: &ir::Node, operand: Value) -> Result<String, Fault> {
        let ty = self.graph.ty(operand);
        let bias = node.op().is_some_and(|op| op.operands.iter().any(|o| o.name == "bias"))
            && node.operand("bias") == Some(operand);
        let quantized =
            node.operands().first().copied().flatten().is_some_and(|x| self.graph.ty(x).is_quantized());
        if bias && quantized && (ty.quant.is_none() || ty.element == Element::I64) {
            return self.integer_bias(node, operand);
        }
        self.float(operand)
    }

    fn integer_bias(&mut self, node: &ir::Node, bias: Value) -> Result<String, Fault> {
        let unsupported = |what: &str| Fault::Unsupported(what.to_owned());
        let data = self.graph.const_data(bias).ok_or_else(|| unsupported("a computed integer bias"))?;
        let of = |name: &str| node.operand(name).and_then(|v| self.graph.ty(v).quant.clone());
        let (x, w) = of("x").zip(of("w")).ok_or_else(|| unsupported("an integer bias behind floats"))?;
        if !matches!(w.granularity, Granularity::PerTensor | Granularity::PerAxis(0)) {
            return Err(unsupported("an integer bias behind weights quantized in groups"));
        }
        let scale = |i: usize| f64::from(x.scale[0]) * f64::from(w.scale[i.min(w.scale.len() - 1)]);
        let reals = data.to_ints().into_iter().enumerate().map(|(i, v)| v as f64 * scale(i));
        let reals = Tensor::from_reals(Element::F32, data.shape(), reals);
        self.weight("bias", &reals)
    }
}

impl<'a> Use<'a> {
    fn int(&self, name: &str) -> Attr<'a> {
        Attr::Int(self.attrs.int(name))
    }

    fn float(&self, name: &str) -> Attr<'a> {
        Attr::Float(self.attrs.float(name))
    }

    /// The names of operands that are there.
    fn given(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    fn rank(&self, e: &Exporter<'_>, i: usize) -> usize {
        self.operands[i].map_or(0, |v| e.graph.ty(v).rank())
    }
}

fn conv(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let attrs = [
        ("strides", Attr::Ints(u.attrs.ints("stride"))),
        ("pads", Attr::Ints(u.attrs.ints("pad"))),
        ("dilations", Attr::Ints(u.attrs.ints("dilation"))),
        ("group", u.int("groups")),
    ];
    let inputs = u.given();
    let result = e.node("Conv", &inputs[..inputs.len().min(3)], &attrs);
    let Some(residual) = inputs.get(3) else { return Ok(result) };
    let result = match u.attrs.quant("mid") {
        Some((element, quant)) => {
            let mid = Type::new(element, u.ty.shape.clone()).with_quant(quant.clone());
            let stored = e.quantized(&result, &mid)?;
            e.dequantized(&stored, &mid, quant)?
        }
        None => result,
    };
    Ok(e.node("Add", &[&result, residual], &[]))
}

fn dense(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    if u.rank(e, 0) == 2 {
        return Ok(e.node("Gemm", &u.given(), &[("transB", Attr::Int(1))]));
    }
    let w = e.node("Transpose", &[&u.names[1]], &[("perm", Attr::Ints(&[1, 0]))]);
    let product = e.node("MatMul", &[&u.names[0], &w], &[]);
    Ok(match u.names.get(2) {
        Some(bias) => e.node("Add", &[&product, bias], &[]),
        None => product,
    })
}

fn matmul(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    if u.attrs.int("transpose_b") == 0 {
        return Ok(e.node("MatMul", &u.given(), &[]));
    }
    let b = swapped(e, &u.names[1], u.rank(e, 1));
    Ok(e.node("MatMul", &[&u.names[0], &b], &[]))
}

/// The last two axes exchanged.
fn swapped(e: &mut Exporter<'_>, name: &str, rank: usize) -> String {
    let mut perm: Vec<i64> = (0..rank as i64).collect();
    perm.swap(rank - 2, rank - 1);
    e.node("Transpose", &[name], &[("perm", Attr::Ints(&perm))])
}

fn attention(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let keys = swapped(e, &u.names[1], 4);
    let scores = e.node("MatMul", &[&u.names[0], &keys], &[]);
    let scale = e.real(u.element, u.attrs.float("scale"))?;
    let mut scores = e.node("Mul", &[&scores, &scale], &[]);
    if let Some(mask) = u.names.get(3) {
        scores = e.node("Add", &[&scores, mask], &[]);
    }
    if u.attrs.int("causal") != 0 {
        let (rows, columns) = (u.ty.shape[2], u.operands[1].map_or(0, |k| e.graph.ty(k).shape[2]));
        let hidden = |i: usize| if i % columns > i / columns { f64::NEG_INFINITY } else { 0.0 };
        let mask = Tensor::from_reals(u.element, [rows, columns], (0..rows * columns).map(hidden));
        let mask = e.weight("causal", &mask)?;
        scores = e.node("Add", &[&scores, &mask], &[]);
    }
    let weights = e.node("Softmax", &[&scores], &[("axis", Attr::Int(-1))]);
    Ok(e.node("MatMul", &[&weights, &u.names[2]], &[]))
}

fn clip(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let (min, max) = (e.real(u.element, u.attrs.float("min"))?, e.real(u.element, u.attrs.float("max"))?);
    Ok(e.node("Clip", &[&u.names[0], &min, &max], &[]))
}

fn silu(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let gate = e.node("Sigmoid", &[&u.names[0]], &[]);
    Ok(e.node("Mul", &[&u.names[0], &gate], &[]))
}

fn hard_sigmoid(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    Ok(e.node("HardSigmoid", &[&u.names[0]], &[("alpha", u.float("alpha")), ("beta", u.float("beta"))]))
}

fn gelu(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    Ok(e.node("Gelu", &[&u.names[0]], &[("approximate", Attr::Text(u.attrs.word("approximate")))]))
}

fn batch_norm(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    Ok(e.node("BatchNormalization", &u.given(), &[("epsilon", u.float("epsilon"))]))
}

/// The format wants a scale.
fn layer_norm(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let rank = u.ty.rank() as i64;
    let axis = u.attrs.int("axis");
    let from = usize::try_from(if axis < 0 { axis + rank } else { axis }).unwrap_or(0);
    let mut names = u.names.clone();
    if names.get(1).is_none_or(String::is_empty) {
        let count: usize = u.ty.shape[from..].iter().product();
        let ones = Tensor::from_reals(u.element, u.ty.shape[from..].to_vec(), vec![1.0; count]);
        let ones = e.weight("ones", &ones)?;
        names.resize(names.len().max(2), String::new());
        names[1] = ones;
    }
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(e.node("LayerNormalization", &inputs, &[("axis", Attr::Int(axis)), ("epsilon", u.float("epsilon"))]))
}

fn softmax(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let beta = u.attrs.float("beta");
    let mut x = u.names[0].clone();
    if beta != 1.0 {
        let factor = e.real(u.element, beta)?;
        x = e.node("Mul", &[&x, &factor], &[]);
    }
    Ok(e.node("Softmax", &[&x], &[("axis", u.int("axis"))]))
}

fn pool(e: &mut Exporter<'_>, u: &Use<'_>, op: &str, more: &[(&str, Attr<'_>)]) -> Result<String, Fault> {
    let mut attrs = vec![
        ("kernel_shape", Attr::Ints(u.attrs.ints("kernel"))),
        ("strides", Attr::Ints(u.attrs.ints("stride"))),
        ("pads", Attr::Ints(u.attrs.ints("pad"))),
    ];
    attrs.extend_from_slice(more);
    Ok(e.node(op, &[&u.names[0]], &attrs))
}

fn reduce(e: &mut Exporter<'_>, u: &Use<'_>, op: &str) -> Result<String, Fault> {
    let axes = u.attrs.ints("axes");
    if axes.is_empty() {
        return Ok(u.names[0].clone());
    }
    let axes = e.ints(axes)?;
    Ok(e.node(op, &[&u.names[0], &axes], &[("keepdims", u.int("keep"))]))
}

fn reshape(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let shape = e.ints(u.attrs.ints("shape"))?;
    Ok(e.node("Reshape", &[&u.names[0], &shape], &[("allowzero", Attr::Int(1))]))
}

fn expand(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let shape = e.ints(u.attrs.ints("shape"))?;
    Ok(e.node("Expand", &[&u.names[0], &shape], &[]))
}

fn concat(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    Ok(e.node("Concat", &u.given(), &[("axis", u.int("axis"))]))
}

fn slice(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let (start, size, step) = (u.attrs.ints("start"), u.attrs.ints("size"), u.attrs.ints("step"));
    let axes: Vec<i64> = (0..start.len() as i64).collect();
    let ends: Vec<i64> = (0..start.len())
        .map(|i| if size[i] == 0 { start[i] } else { start[i] + (size[i] - 1) * step[i] + 1 })
        .collect();
    let (starts, ends, axes, steps) = (e.ints(start)?, e.ints(&ends)?, e.ints(&axes)?, e.ints(step)?);
    Ok(e.node("Slice", &[&u.names[0], &starts, &ends, &axes, &steps], &[]))
}

fn pad(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let pads = [u.attrs.ints("before"), u.attrs.ints("after")].concat();
    let (pads, fill) = (e.ints(&pads)?, e.real(u.element, u.attrs.float("value"))?);
    Ok(e.node("Pad", &[&u.names[0], &pads, &fill], &[("mode", Attr::Text(u.attrs.word("mode")))]))
}

fn resize(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let scale = u.attrs.int("scale") as f32;
    let scales = e.weight("scales", &Tensor::from_f32([4], &[1.0, 1.0, scale, scale]))?;
    let attrs = [
        ("mode", Attr::Text("nearest")),
        ("coordinate_transformation_mode", Attr::Text("asymmetric")),
        ("nearest_mode", Attr::Text("floor")),
    ];
    Ok(e.node("Resize", &[&u.names[0], "", &scales], &attrs))
}

fn cast(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<String, Fault> {
    let kind = super::data_type(u.ty.element);
    let kind = kind.ok_or_else(|| Fault::Unsupported(format!("a cast to {}", u.ty.element)))?;
    Ok(e.node("Cast", &[&u.names[0]], &[("to", Attr::Int(kind as i64))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_of_the_table_has_a_rule_and_no_other() {
        let mut ops: Vec<&str> = ir::op::all().map(|op| op.name).collect();
        let mut rules: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
        ops.sort_unstable();
        rules.sort_unstable();
        assert_eq!(ops, rules);
    }
}
