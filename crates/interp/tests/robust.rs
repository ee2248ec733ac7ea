//! Whatever a graph from a file asks for, the interpreter answers or refuses: it does not panic.

use ir::{Attr, AttrKind, Attrs, Element, Granularity, Op, Quant, Tensor, Type};
use nasc_interp::eval;
use std::panic::catch_unwind;

/// A small generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 20).expect("44 bits") % n
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn number(&mut self) -> i64 {
        self.pick(&[0, 1, 1, 1, 2, 2, 3, -1, -2, 4, 7, 100, i64::MIN, i64::MAX])
    }

    /// Mostly of the rank an op wants, mostly small and alike, so that many uses get past inference.
    fn ty(&mut self, rank: Option<usize>, element: Element, quantized: bool) -> Type {
        let rank = if self.below(8) == 0 { self.below(5) } else { rank.unwrap_or(1 + self.below(4)) };
        let shape: Vec<usize> = (0..rank).map(|_| self.pick(&[1, 2, 2, 2, 2, 3, 4, 0])).collect();
        let ty = Type::new(element, shape.clone());
        if !quantized || !element.is_int() {
            return ty;
        }
        let scales = |random: &mut Self, n: usize| {
            (0..n).map(|_| random.pick(&[0.5, 0.1, 1e-30, 3e38, 1.0, f32::MIN_POSITIVE])).collect::<Vec<_>>()
        };
        let (low, high) = element.range().expect("an integer");
        let zeros = [0, low.max(-40_000), high.min(40_000)].map(|z| i32::try_from(z).expect("cut"));
        let quant = match self.below(6) {
            0 if rank > 0 => Quant::per_axis(scales(self, shape[0]), 0),
            1 if rank > 0 => {
                let granularity = Granularity::PerGroup { axis: rank - 1, size: 2 };
                let mut quant = Quant { scale: vec![], zero: vec![], granularity };
                let n = quant.expected_len(&shape).expect("an axis of the rank");
                (quant.scale, quant.zero) = (scales(self, n), vec![0; n]);
                quant
            }
            _ => Quant::per_tensor(scales(self, 1)[0], self.pick(&zeros)),
        };
        ty.with_quant(quant)
    }

    fn data(&mut self, ty: &Type) -> Tensor {
        let n = ty.elements();
        if ty.element.is_float() {
            let odd = [0.0, 1.0, -1.5, 3.4e38, -1e-40, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            return Tensor::from_reals(
                ty.element,
                ty.shape.clone(),
                (0..n).map(|_| self.pick(&odd)).collect::<Vec<_>>(),
            );
        }
        let (low, high) = ty.element.range().expect("an integer");
        let values: Vec<i64> =
            (0..n).map(|_| self.pick(&[low, high, 0.clamp(low, high), 1.clamp(low, high)])).collect();
        Tensor::from_ints(ty.element, ty.shape.clone(), &values)
    }

    fn attr(&mut self, kind: AttrKind, rank: usize) -> Attr {
        match kind {
            AttrKind::Int(_) => Attr::Int(self.number()),
            AttrKind::Ints { len, .. } => {
                let len = len.unwrap_or(if self.below(6) == 0 { self.below(5) } else { rank });
                let mut list: Vec<i64> = (0..len).map(|_| self.number()).collect();
                if self.below(3) == 0 {
                    // A permutation, which is also a list of axes.
                    list = (0..i64::try_from(len).expect("small")).rev().collect();
                }
                Attr::Ints(list)
            }
            AttrKind::Float(_) => Attr::Float(self.pick(&[0.0, 1.0, -1.0, 1e30, -1e-30, 0.5])),
            AttrKind::Word(words) => Attr::Word(self.pick(words).to_owned()),
            AttrKind::Text(_) => {
                Attr::Text(self.pick(&["i8", "f16", "u4", "f8e4m3", "bool", "i64", "nothing"]).to_owned())
            }
            AttrKind::MaybeQuant => {
                if self.below(2) == 0 {
                    return Attr::Absent;
                }
                Attr::Quant(Element::I8, Quant::per_tensor(0.5, 3))
            }
        }
    }
}

/// One random use of the op; whether it was computed.
fn attempt(op: Op, random: &mut Random) -> bool {
    let int = |bits, signed| Element::int(bits, signed).expect("a width of the IR");
    let elements = [
        Element::F32,
        Element::F32,
        Element::F16,
        Element::BF16,
        Element::F8E5M2,
        Element::I8,
        Element::I8,
        Element::U8,
        Element::I16,
        int(4, true),
        int(1, false),
        int(13, true),
        Element::I32,
        Element::I64,
        Element::Bool,
    ];
    let (element, quantized) = (random.pick(&elements), random.below(2) == 0);
    let many = op.operands.last().is_some_and(|def| def.arity == ir::op::Arity::Many);
    let count = if many { 1 + random.below(3) } else { op.operands.len() };
    let shared = random.ty(op.operands[0].rank, element, quantized);
    let mut operands: Vec<Option<(Type, Tensor)>> = Vec::new();
    for i in 0..count {
        let def = op.operands[i.min(op.operands.len() - 1)];
        if def.arity == ir::op::Arity::Optional && random.below(2) == 0 {
            operands.push(None);
            continue;
        }
        let element = match def.name {
            "bias" if quantized => random.pick(&[Element::I32, Element::I64]),
            "indices" => Element::I64,
            _ => element,
        };
        let alike = random.below(2) == 0
            && def.rank.is_none_or(|rank| rank == shared.rank())
            && def.name != "indices";
        let quantized = quantized && !["bias", "indices"].contains(&def.name);
        let ty = if alike { shared.clone() } else { random.ty(def.rank, element, quantized) };
        let data = random.data(&ty);
        operands.push(Some((ty, data)));
    }
    let rank = operands[0].as_ref().map_or(0, |(ty, _)| ty.rank());
    let given = op.attrs.iter().filter_map(|def| {
        let needed = def.default().is_none();
        (needed || random.below(3) == 0).then(|| (def.name.to_owned(), random.attr(def.kind, rank)))
    });
    let given: Vec<_> = given.collect();
    let Ok(attrs) = Attrs::complete(op.attrs, given) else { return false };
    let types: Vec<_> = operands.iter().map(|o| o.as_ref().map(|(ty, _)| ty)).collect();
    let declared = match op.name {
        "quantize" => random.ty(None, Element::I8, true),
        _ => random.ty(None, element, quantized),
    };
    let inferred = op
        .infer(&types, &attrs, None)
        .or_else(|_| op.infer(&types, &attrs, declared_with(&types, &declared).as_ref()));
    let result = inferred.unwrap_or(declared);
    if result.elements() > 1 << 20 {
        return false;
    }
    let operands: Vec<_> = operands.iter().map(|o| o.as_ref().map(|(ty, data)| (ty, data))).collect();
    eval(op, &attrs, &operands, &result).is_ok()
}

/// The declared quantization on the first operand's shape, which is that of many results.
fn declared_with(types: &[Option<&Type>], declared: &Type) -> Option<Type> {
    let first = types.first().copied().flatten()?;
    let quant = declared.quant.clone().filter(|q| q.granularity == Granularity::PerTensor)?;
    Some(Type { shape: first.shape.clone(), quant: Some(quant), ..declared.clone() })
}

#[test]
fn random_uses_of_every_op_are_computed_or_refused() {
    let mut panicked = Vec::new();
    for op in ir::op::all() {
        let mut computed = 0;
        for seed in 0..1500u64 {
            let run = || attempt(op, &mut Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            match catch_unwind(run) {
                Ok(done) => computed += usize::from(done),
                Err(_) => panicked.push(format!("{} with seed {seed}", op.name)),
            }
        }
        assert!(computed > 0 || op.name == "custom", "no random use of `{}` was sound", op.name);
    }
    assert!(panicked.is_empty(), "{panicked:?}");
}
