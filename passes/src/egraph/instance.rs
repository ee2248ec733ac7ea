//! A random graph that the left side of a rule matches.

use super::rule::{AttrPattern, NodePattern, Pattern, Rule};
use crate::random::{Arithmetic, Builder, Rng, Slot, attrs, operands};
use ir::op::{Arity, Op};
use ir::{Attr, Attrs, Element, Graph, Tensor, Type, Value};

/// The left side of a rule as a graph whose outputs are its roots; `None` where the random choices did not fit.
pub(crate) fn instance(rule: &Rule, seed: u64) -> Option<Graph> {
    let mut rng = Rng::new(seed);
    let arithmetic = if rng.once_in(3) { Arithmetic::Integer } else { Arithmetic::Float };
    let bound = vec![None; rule.variables.len()];
    let mut instance = Instance { builder: Builder::new(arithmetic, rng), bound };
    let mut roots = Vec::new();
    for pattern in &rule.left {
        let Pattern::Node(node) = pattern else { unreachable!("a left side is a use of an op") };
        roots.push(instance.node(node, None, arithmetic)?);
    }
    let mut graph = instance.builder.graph;
    graph.set_outputs(roots);
    Some(graph)
}

#[derive(Clone)]
enum Bound {
    Operand(Option<Value>),
    Operands(Vec<Value>),
    Attr(Attr),
    Attrs(Attrs),
}

struct Instance {
    builder: Builder,
    bound: Vec<Option<Bound>>,
}

impl Instance {
    /// A use of the pattern's op, of shape `want` where that can be had.
    fn node(
        &mut self,
        pattern: &NodePattern,
        want: Option<&[usize]>,
        arithmetic: Arithmetic,
    ) -> Option<Value> {
        let op = pattern.op;
        let inner = match op.name {
            "dequantize" | "requantize" => Arithmetic::Integer,
            "quantize" => Arithmetic::Float,
            _ => arithmetic,
        };
        let mut slots = vec![Slot::Free; pattern.operands.len()];
        let want = self.operand_shape(pattern, want);
        self.leading(pattern, &mut slots, want.as_deref(), inner)?;
        if let (Some(rest), true) = (pattern.rest, slots.is_empty()) {
            slots.extend(self.siblings(rest, inner).into_iter().map(Slot::Value));
        }
        let Some(Slot::Value(first)) = slots.first().copied() else { return None };
        self.builder.arithmetic = inner;
        let fixed = self.fixed(pattern);
        let attrs = attrs::sample(&mut self.builder, op, first, &fixed)?;
        for index in 0..pattern.operands.len() {
            if slots[index] == Slot::Free {
                let shape = operands::wanted(&mut self.builder, op, &attrs, &slots, index);
                slots[index] = self.operand(op, index, &pattern.operands[index], shape.as_deref(), inner)?;
            }
        }
        let values: Vec<Option<Value>> =
            slots.iter().map(|slot| if let Slot::Value(v) = slot { Some(*v) } else { None }).collect();
        self.builder.arithmetic = arithmetic;
        let value = self.builder.finish(op, &values, attrs)?;
        let attrs = self.builder.graph.node(value).attrs().clone();
        self.bind_attrs(pattern, &attrs);
        if let Some(variable) = pattern.bind {
            self.bound[variable] = Some(Bound::Operand(Some(value)));
        }
        Some(value)
    }

    /// The shape the first operand should have for the result to have that of `want`.
    fn operand_shape(&self, pattern: &NodePattern, want: Option<&[usize]>) -> Option<Vec<usize>> {
        let want = want?;
        if pattern.op.name == "transpose" {
            let fixed = self.fixed(pattern);
            let perm = fixed.iter().find(|(name, _)| *name == "perm");
            let Some((_, Attr::Ints(perm))) = perm else { return None };
            let before = |axis: usize| {
                perm.iter().position(|p| usize::try_from(*p) == Ok(axis)).and_then(|at| want.get(at).copied())
            };
            return (0..perm.len()).map(before).collect();
        }
        pattern.op.traits.elementwise.then(|| want.to_vec())
    }

    /// Operands that others depend on: those that are patterns themselves, then the first.
    fn leading(
        &mut self,
        pattern: &NodePattern,
        slots: &mut [Slot],
        want: Option<&[usize]>,
        arithmetic: Arithmetic,
    ) -> Option<()> {
        if slots.is_empty() {
            return Some(());
        }
        let known = |this: &Self, pattern: &Pattern| match pattern {
            Pattern::Var(variable) => this.bound[*variable].is_some(),
            Pattern::Node(_) => true,
            _ => false,
        };
        let elementwise = pattern.op.traits.elementwise;
        let mut shape = want.map(<[usize]>::to_vec);
        if elementwise && !known(self, &pattern.operands[0]) {
            // The first operand then takes the shape of the one that is known.
            for (index, slot) in slots.iter_mut().enumerate().skip(1) {
                if known(self, &pattern.operands[index]) {
                    *slot = self.operand(pattern.op, index, &pattern.operands[index], want, arithmetic)?;
                    if let (Slot::Value(value), None) = (*slot, want) {
                        shape = Some(self.builder.graph.ty(value).shape.clone());
                    }
                }
            }
        }
        slots[0] = self.operand(pattern.op, 0, &pattern.operands[0], shape.as_deref(), arithmetic)?;
        Some(())
    }

    fn operand(
        &mut self,
        op: Op,
        index: usize,
        pattern: &Pattern,
        shape: Option<&[usize]>,
        arithmetic: Arithmetic,
    ) -> Option<Slot> {
        match pattern {
            Pattern::Missing => Some(Slot::Missing),
            Pattern::Node(node) => self.node(node, shape, arithmetic).map(Slot::Value),
            Pattern::Number(value) => {
                let ty = Type::new(Element::F32, Vec::<usize>::new());
                let data = Tensor::from_reals(Element::F32, Vec::<usize>::new(), [*value]);
                Some(Slot::Value(self.builder.graph.add_const(None, ty, data)))
            }
            Pattern::Var(variable) => {
                if let Some(bound) = &self.bound[*variable] {
                    let Bound::Operand(value) = bound else { return None };
                    return Some(value.map_or(Slot::Missing, Slot::Value));
                }
                let slot = self.fresh(op, index, shape, arithmetic)?;
                let value = if let Slot::Value(value) = slot { Some(value) } else { None };
                self.bound[*variable] = Some(Bound::Operand(value));
                Some(slot)
            }
        }
    }

    /// A new input or constant.
    fn fresh(
        &mut self,
        op: Op,
        index: usize,
        shape: Option<&[usize]>,
        arithmetic: Arithmetic,
    ) -> Option<Slot> {
        let def = op.operands.get(index).or(op.operands.last())?;
        if def.arity == Arity::Optional && (shape.is_none() || self.builder.rng.once_in(3)) {
            return Some(Slot::Missing);
        }
        self.builder.arithmetic = arithmetic;
        let shape = match (shape, def.rank) {
            (Some(shape), _) => shape.to_vec(),
            (None, Some(rank)) => {
                (0..rank).map(|axis| if axis == 0 { 1 } else { self.builder.rng.range(1, 5) }).collect()
            }
            (None, None) => self.builder.shape(),
        };
        let stored = matches!(def.name, "w" | "bias" | "gamma" | "beta" | "mean" | "var" | "indices");
        let constant = stored || self.builder.rng.once_in(if index == 0 { 6 } else { 2 });
        let value = if !constant {
            self.builder.input(shape)
        } else if def.name != "bias" && op.name == "dequantize" && self.builder.rng.once_in(2) {
            operands::weights(&mut self.builder, &shape)
        } else {
            operands::constant(&mut self.builder, op, def.name, &shape)
        };
        Some(Slot::Value(value))
    }

    /// Operands behind `?xs..`: a few inputs of one shape.
    fn siblings(&mut self, variable: usize, arithmetic: Arithmetic) -> Vec<Value> {
        if let Some(Bound::Operands(values)) = &self.bound[variable] {
            return values.clone();
        }
        self.builder.arithmetic = arithmetic;
        let shape = self.builder.shape();
        let count = self.builder.rng.range(1, 3);
        let values: Vec<Value> = (0..count).map(|_| self.builder.input(shape.clone())).collect();
        self.bound[variable] = Some(Bound::Operands(values.clone()));
        values
    }

    /// Attributes the pattern, or what is bound already, leaves no choice for.
    fn fixed(&self, pattern: &NodePattern) -> Vec<(&'static str, Attr)> {
        let mut fixed: Vec<(&'static str, Attr)> = Vec::new();
        if let Some(Some(Bound::Attrs(attrs))) = pattern.bundle.map(|variable| self.bound[variable].clone()) {
            fixed.extend(attrs.iter().map(|(name, value)| (name, value.clone())));
        }
        for (name, expected) in &pattern.attrs {
            let value = match expected {
                AttrPattern::Is(value) => Some(value.clone()),
                AttrPattern::Bind(variable) => match &self.bound[*variable] {
                    Some(Bound::Attr(value)) => Some(value.clone()),
                    _ => None,
                },
            };
            if let Some(value) = value {
                fixed.retain(|(known, _)| known != name);
                fixed.push((name, value));
            }
        }
        fixed
    }

    fn bind_attrs(&mut self, pattern: &NodePattern, attrs: &Attrs) {
        for (name, expected) in &pattern.attrs {
            if let AttrPattern::Bind(variable) = expected {
                self.bound[*variable] = Some(Bound::Attr(attrs.get(name).clone()));
            }
        }
        if let Some(variable) = pattern.bundle {
            self.bound[variable] = Some(Bound::Attrs(attrs.clone()));
        }
    }
}
