//! From graph to kernels: every op becomes one or a few kernel calls with everything constant worked out.
//!
//! Each value has a place: a memory block (or constant data) and a physical order of axes ([`layout`]). Rules ask for
//! operands in the order their kernel wants; a conversion is a kernel of its own and is made once per value and order.
//! Constants are rearranged here and cost nothing. What cannot be lowered is reported with its reason, all of it.

mod custom;
mod elementwise;
pub mod layout;
mod linear;
mod normalize;
mod pool;
mod quant;
mod quantize;
mod shape;
mod tables;

use super::kernels::spec::{OpSpec, TransposeSpec};
use super::kernels::{Constant, Data, Kernel, KernelError, KernelSet};
use super::program::{Operand, Program, Task, Work};
use crate::target::{Illegal, Port, Role, StoredValue};
use ir::{Element, Graph, Kind, Layout, Node, Tensor, Type, Value};
use layout::Order;
use std::collections::{BTreeSet, HashMap};

/// Lowers every op of `graph` with the kernels of `set`.
///
/// # Errors
/// Every op that cannot be lowered, with the reason.
pub fn lower(graph: &Graph, set: &dyn KernelSet) -> Result<Program, Vec<Illegal>> {
    let mut lowering = Lowering {
        graph,
        set,
        program: Program::default(),
        places: HashMap::new(),
        converted: HashMap::new(),
        illegal: Vec::new(),
        current: None,
        symbols: HashMap::new(),
    };
    lowering.inputs();
    for value in graph.topological() {
        lowering.value(value);
    }
    lowering.outputs();
    if lowering.illegal.is_empty() { Ok(lowering.program) } else { Err(lowering.illegal) }
}

/// Ops without a rule, with the reason; every other op of the table has one.
pub const ABSENT: &[(&str, &str)] = &[];

/// Whether there is a rule for the op.
pub fn has_rule(op: &str) -> bool {
    rule(op).is_some()
}

type Rule = fn(&mut Lowering<'_>, Value) -> Result<Place, Refused>;

fn rule(op: &str) -> Option<Rule> {
    let tables = [
        linear::RULES,
        elementwise::RULES,
        normalize::RULES,
        pool::RULES,
        shape::RULES,
        quantize::RULES,
        custom::RULES,
    ];
    tables.into_iter().flatten().find(|(name, _)| *name == op).map(|(_, rule)| *rule)
}

/// Why a node cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

impl From<KernelError> for Refused {
    fn from(error: KernelError) -> Self {
        Self(error.to_string())
    }
}

pub(crate) fn refused<T>(reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(reason.into()))
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) source: Source,
    pub(crate) order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A memory block.
    Block(usize),
    /// The data of this constant of the graph, seen under another shape where layout ops lie between.
    Const(Value),
}

pub(crate) struct Lowering<'g> {
    pub(crate) graph: &'g Graph,
    set: &'g dyn KernelSet,
    program: Program,
    places: HashMap<Value, Place>,
    /// By block and movement: values that share a block may call its axes differently.
    converted: HashMap<(usize, Vec<usize>, Vec<usize>), usize>,
    illegal: Vec<Illegal>,
    current: Option<Value>,
    /// C types of each user function, to find contradictory uses.
    symbols: HashMap<String, Vec<&'static str>>,
}

impl<'g> Lowering<'g> {
    fn inputs(&mut self) {
        let mut taken = BTreeSet::new();
        for &input in self.graph.inputs() {
            let ty = self.graph.ty(input).clone();
            let block = self.block(self.graph.label(input), &ty, Role::Input);
            let order = self.interface_order(&ty);
            let name = self.graph.label(input);
            let identifier = identifier(&name, &mut taken);
            self.program.inputs.push(Port { name, identifier, ty, order: order.clone(), value: block });
            self.places.insert(input, Place { source: Source::Block(block), order });
        }
    }

    fn outputs(&mut self) {
        let mut taken = BTreeSet::new();
        for &output in self.graph.outputs() {
            self.current = Some(output);
            let ty = self.graph.ty(output).clone();
            let order = self.interface_order(&ty);
            let block = match self.delivered(output, &order) {
                Ok(block) => block,
                Err(reason) => {
                    self.refuse(output, reason);
                    continue;
                }
            };
            let stored = &mut self.program.values[block];
            if stored.role == Role::Activation {
                stored.role = Role::Output;
            }
            let name = self.graph.label(output);
            let identifier = identifier(&name, &mut taken);
            self.program.outputs.push(Port { name, identifier, ty, order, value: block });
        }
    }

    /// The block that holds an output in the interface's order; a constant output is copied into memory.
    fn delivered(&mut self, output: Value, order: &Order) -> Result<usize, Refused> {
        let ty = self.graph.ty(output).clone();
        match self.fetch(output, order)? {
            Operand::Block(block) => Ok(block),
            constant @ Operand::Constant(_) => {
                let moved = shape::copied(self, constant, &ty, order.clone())?;
                Ok(self.block_of(&moved))
            }
        }
    }

    fn block_of(&self, place: &Place) -> usize {
        match place.source {
            Source::Block(block) => block,
            Source::Const(_) => panic!("a kernel's result is a memory block"),
        }
    }

    /// Rank-4 inputs and outputs lie as the model was imported, everything else row-major.
    pub(crate) fn interface_order(&self, ty: &Type) -> Order {
        match (ty.rank(), self.graph.layout) {
            (4, Layout::Nhwc) => layout::channels_last(4),
            (rank, _) => layout::row_major(rank),
        }
    }

    fn value(&mut self, value: Value) {
        self.current = Some(value);
        let node = self.graph.node(value);
        match node.kind() {
            Kind::Input => {}
            Kind::Const(constant) => {
                if constant.data.is_none() {
                    self.program.untrained.push(self.graph.label(value));
                }
                let order = layout::row_major(node.ty().rank());
                self.places.insert(value, Place { source: Source::Const(value), order });
            }
            Kind::Op { op, .. } => {
                let first = self.program.steps.len();
                let found = if node.ty().elements() == 0 {
                    refused("its result has no elements")
                } else {
                    match rule(op.name) {
                        Some(rule) => rule(self, value),
                        None => refused("no C kernel"),
                    }
                };
                let place = found.unwrap_or_else(|reason| {
                    self.refuse(value, reason);
                    self.stand_in(value)
                });
                if let Source::Block(block) = place.source
                    && let Some(step) =
                        self.program.steps[first..].iter_mut().rev().find(|s| s.output == block)
                {
                    step.last = true;
                }
                self.places.insert(value, place);
            }
        }
    }

    /// Memory for a value that could not be lowered, so that its users are judged, too.
    fn stand_in(&mut self, value: Value) -> Place {
        let ty = self.graph.ty(value).clone();
        let block = self.block(self.graph.label(value), &ty, Role::Activation);
        Place { source: Source::Block(block), order: layout::row_major(ty.rank()) }
    }

    fn refuse(&mut self, value: Value, Refused(reason): Refused) {
        let op = self.graph.node(value).op().map_or("value", |op| op.name);
        self.illegal.push(Illegal { node: self.graph.label(value), op, reason });
    }

    fn block(&mut self, name: String, ty: &Type, role: Role) -> usize {
        let bytes = (ty.bytes() as u64).max(1);
        self.program.values.push(StoredValue { name, bytes, role });
        // Kernels read 8- and 16-bit tensors by the word.
        self.program.aligns.push((ty.element.bytes() as u64).max(4));
        self.program.values.len() - 1
    }

    pub(crate) fn node(&self, value: Value) -> &'g Node {
        self.graph.node(value)
    }

    pub(crate) fn ty(&self, value: Value) -> &'g Type {
        self.graph.ty(value)
    }

    pub(crate) fn place(&self, value: Value) -> Place {
        self.places.get(&value).cloned().expect("operands are placed before their users")
    }

    pub(crate) fn order(&self, value: Value) -> Order {
        self.place(value).order
    }

    /// The operand the op declares as `name`.
    pub(crate) fn operand(&self, value: Value, name: &str) -> Value {
        self.node(value).operand(name).expect("required operands are there: the graph was inferred")
    }

    /// Constant data of an operand, row-major in its own axes; zeros where the network is untrained.
    pub(crate) fn constant(&self, value: Value) -> Option<Tensor> {
        let place = self.place(value);
        let Source::Const(origin) = place.source else { return None };
        let ty = self.ty(value);
        let bytes = match self.graph.const_data(origin) {
            Some(data) => data.bytes().to_vec(),
            None => vec![0; ty.bytes()],
        };
        let stored = layout::physical(&ty.shape, &place.order);
        let perm = layout::conversion(&place.order, &layout::row_major(ty.rank()));
        let bytes = permuted(&bytes, &stored, &perm, ty.element.bytes());
        Some(Tensor::from_bytes(ty.element, ty.shape.clone(), bytes).expect("layout ops keep the elements"))
    }

    /// The value in this physical order: converted where it lies otherwise.
    pub(crate) fn fetch(&mut self, value: Value, order: &[usize]) -> Result<Operand, Refused> {
        let place = self.place(value);
        let ty = self.ty(value);
        let block = match place.source {
            Source::Const(_) => {
                let data = self.constant(value).expect("its place is constant");
                let perm = layout::conversion(&layout::row_major(ty.rank()), order);
                let bytes = permuted(data.bytes(), &ty.shape, &perm, ty.element.bytes());
                return Ok(Operand::Constant(Constant {
                    role: "operand",
                    data: stored(ty.element, &bytes)?,
                }));
            }
            Source::Block(block) => block,
        };
        if layout::equivalent(&place.order, order, &ty.shape) {
            return Ok(Operand::Block(block));
        }
        let from = layout::physical(&ty.shape, &place.order);
        let (mut x, mut perm) = layout::simplified(&from, &layout::conversion(&place.order, order));
        let key = (block, x.clone(), perm.clone());
        if let Some(&block) = self.converted.get(&key) {
            return Ok(Operand::Block(block));
        }
        let Some((element, parts)) = quant::movable(ty.element) else {
            return refused(format!("{} has no C type", ty.element));
        };
        if parts > 1 {
            perm.push(x.len());
            x.push(parts);
        }
        let spec = OpSpec::Transpose(TransposeSpec { element, x, perm });
        let moved = self.spec("layout", spec, vec![Operand::Block(block)], ty, order.to_vec())?;
        let result = self.block_of(&moved);
        self.converted.insert(key, result);
        Ok(Operand::Block(result))
    }

    /// Adds a call of a kernel of the core's set.
    pub(crate) fn spec(
        &mut self,
        op: &'static str,
        spec: OpSpec,
        inputs: Vec<Operand>,
        result: &Type,
        order: Order,
    ) -> Result<Place, Refused> {
        let kernel = self.set.kernel(&spec, None)?;
        self.task(op, Work::Spec(Box::new(spec)), kernel, inputs, result, order)
    }

    /// Whether the core's set has a kernel for it.
    pub(crate) fn has_kernel(&self, spec: &OpSpec) -> bool {
        self.set.kernel(spec, None).is_ok()
    }

    /// Adds a call.
    pub(crate) fn task(
        &mut self,
        op: &'static str,
        work: Work,
        kernel: Kernel,
        inputs: Vec<Operand>,
        result: &Type,
        order: Order,
    ) -> Result<Place, Refused> {
        let current = self.current.expect("tasks are made while a node is lowered");
        let node = self.graph.label(current);
        let name = format!("{op}_{}", self.program.steps.len());
        let label = if op == "layout" { format!("{node} ({name})") } else { node.clone() };
        let output = self.block(label, result, Role::Activation);
        let shape = result.shape.clone();
        let element = result.element;
        let task = Task {
            name,
            node,
            op,
            work,
            kernel,
            inputs,
            output,
            shape,
            order: order.clone(),
            element,
            last: false,
        };
        self.program.steps.push(task);
        Ok(Place { source: Source::Block(output), order })
    }

    /// Notes the C types of a user function; the earlier ones where they differ.
    pub(crate) fn declare(&mut self, symbol: &str, types: &[&'static str]) -> Result<(), Vec<&'static str>> {
        match self.symbols.get(symbol) {
            Some(known) if known != types => Err(known.clone()),
            Some(_) => Ok(()),
            None => {
                self.symbols.insert(symbol.to_owned(), types.to_vec());
                Ok(())
            }
        }
    }
}

/// Row-major elements of `shape` with axes permuted: axis `i` of the result is axis `perm[i]`.
fn permuted(bytes: &[u8], shape: &[usize], perm: &[usize], width: usize) -> Vec<u8> {
    let mut strides = vec![width; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut result = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..bytes.len() / width {
        let at: usize = perm.iter().zip(&index).map(|(&axis, &i)| i * strides[axis]).sum();
        result.extend_from_slice(&bytes[at..at + width]);
        for place in (0..perm.len()).rev() {
            index[place] += 1;
            if index[place] < shape[perm[place]] {
                break;
            }
            index[place] = 0;
        }
    }
    result
}

/// Bytes as the C constant that holds them.
fn stored(element: Element, bytes: &[u8]) -> Result<Data, Refused> {
    fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
        bytes.chunks_exact(N).map(|chunk| chunk.try_into().expect("chunks_exact gives N bytes"))
    }
    let signed = matches!(element, Element::Int { signed: true, .. });
    Ok(match (element, element.bytes()) {
        (Element::F32, _) => Data::F32(words(bytes).map(f32::from_le_bytes).collect()),
        (Element::Bool, _) => Data::U8(bytes.to_vec()),
        (Element::Int { .. }, 1) if signed => Data::I8(bytes.iter().map(|b| b.cast_signed()).collect()),
        (Element::Int { .. }, 1) => Data::U8(bytes.to_vec()),
        (Element::Int { .. }, 2) => Data::I16(words(bytes).map(i16::from_le_bytes).collect()),
        (Element::Int { .. }, 4) => Data::I32(words(bytes).map(i32::from_le_bytes).collect()),
        (Element::Int { .. }, _) => Data::I64(words(bytes).map(i64::from_le_bytes).collect()),
        _ => return refused(format!("constants of {element} have no C type")),
    })
}

/// `name` as part of a C identifier, not yet in `taken`.
fn identifier(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut base: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
    // A double underscore is reserved in C++.
    while base.contains("__") {
        base = base.replace("__", "_");
    }
    let base = match base.trim_matches('_') {
        "" => "x".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let mut unique = base.clone();
    let mut count = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{base}_{count}");
        count += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_of_the_table_has_a_rule_or_a_stated_absence() {
        for op in ir::op::all() {
            let absent = ABSENT.iter().any(|(name, reason)| *name == op.name && !reason.is_empty());
            assert!(has_rule(op.name) != absent, "{}", op.name);
        }
    }

    #[test]
    fn names_become_distinct_identifiers() {
        let mut taken = BTreeSet::new();
        let names = ["serving_default_x:0", "serving_default_x_0", "__a--b", "%7", "*/"];
        let found: Vec<_> = names.iter().map(|name| identifier(name, &mut taken)).collect();
        assert_eq!(found, ["serving_default_x_0", "serving_default_x_0_2", "a_b", "7", "x"]);
    }

    #[test]
    fn constants_are_permuted_by_axes() {
        // [[1, 2, 3], [4, 5, 6]] transposed.
        assert_eq!(permuted(&[1, 2, 3, 4, 5, 6], &[2, 3], &[1, 0], 1), [1, 4, 2, 5, 3, 6]);
    }
}
