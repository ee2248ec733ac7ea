//! Normalizations.

use ir::Attr;

use super::Importer;
use super::attrs::Node;
use crate::error::Fault;

impl Importer {
    pub(super) fn batch_normalization(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        if node.int("training_mode", 0)? != 0 {
            return Err(Fault::unsupported("training_mode", "a model exported for inference"));
        }
        let mut operands = Vec::new();
        for i in 0..5 {
            operands.push(self.value(node.input(i)?)?);
        }
        let epsilon = node.float("epsilon", 1e-5)?;
        let value = self.build.op("batch_norm", &operands, &[("epsilon", Attr::Float(epsilon))])?;
        // The statistics some exporters list behind the result are training's.
        self.define(node.output(0)?, super::Held::Value(value))
    }

    pub(super) fn layer_normalization(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let gamma = self.value(node.input(1)?)?;
        let beta = node.optional(2).map(|name| self.value(name)).transpose()?;
        let attrs = [
            ("axis", Attr::Int(node.int("axis", -1)?)),
            ("epsilon", Attr::Float(node.float("epsilon", 1e-5)?)),
        ];
        let value = self.build.add("layer_norm", &[Some(x), Some(gamma), beta], &attrs, None)?;
        self.give(node, value)
    }
}
