//! Text to pipelines.

use crate::egraph::Rules;
use crate::pass::AnyPass;
use crate::registry::Registry;
use crate::text::{Cursor, Token, fault_at};
use hw::Capabilities;
use ir::Diagnostic;
use std::cell::RefCell;

/// Passes in order.
pub struct Pipeline {
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) pass: Box<dyn AnyPass>,
    /// The pass's rules for the target they were last asked for: reading them takes longer than a small graph.
    rules: RefCell<Option<(Capabilities, Rules)>>,
}

impl Step {
    fn new(name: String, pass: Box<dyn AnyPass>) -> Self {
        Self { name, pass, rules: RefCell::new(None) }
    }

    pub(crate) fn rules(&self, target: &Capabilities) -> Rules {
        let mut known = self.rules.borrow_mut();
        match &*known {
            Some((of, rules)) if of == target => rules.clone(),
            _ => {
                let rules = self.pass.rules(target);
                *known = Some((target.clone(), rules.clone()));
                rules
            }
        }
    }
}

impl Pipeline {
    /// Names of the passes in order, named pipelines spelt out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.name.as_str())
    }

    /// Puts rules that are not in the registry, such as those of a user's file, behind the passes.
    #[must_use]
    pub fn then_rules(mut self, name: impl Into<String>, rules: Rules) -> Self {
        self.steps.push(Step::new(name.into(), Box::new(LooseRules(rules))));
        self
    }
}

/// Exact rules that no pass declares.
struct LooseRules(Rules);

impl AnyPass for LooseRules {
    fn rules(&self, _target: &Capabilities) -> Rules {
        self.0.clone()
    }

    fn run(
        &self,
        graph: &mut ir::Graph,
        context: &crate::Context<'_>,
    ) -> Result<crate::Outcome, crate::PassError> {
        Ok(crate::saturate(graph, &self.0, context.cost, context.limits))
    }

    fn relation(&self) -> crate::Relation {
        crate::Relation::Exact
    }
}

pub(crate) fn parse(registry: &Registry, text: &str) -> Result<Pipeline, Vec<Diagnostic>> {
    let mut reader = Reader { registry, steps: Vec::new(), faults: Vec::new(), open: Vec::new() };
    reader.read(text);
    if reader.faults.is_empty() { Ok(Pipeline { steps: reader.steps }) } else { Err(reader.faults) }
}

struct Reader<'a> {
    registry: &'a Registry,
    steps: Vec<Step>,
    faults: Vec<Diagnostic>,
    /// Named pipelines that are being spelt out.
    open: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, text: &str) {
        let mut cursor = match Cursor::new(text) {
            Ok(cursor) => cursor,
            Err(fault) => return self.faults.push(fault),
        };
        while !cursor.at_end() {
            if let Err(fault) = self.step(&mut cursor) {
                self.faults.push(fault);
                skip_step(&mut cursor);
            }
            if !cursor.at_end() && !cursor.accept(',') {
                let fault = cursor.fault(format!("found {}, expected `,`", cursor.peek().describe()));
                self.faults.push(fault);
                skip_step(&mut cursor);
                cursor.accept(',');
            }
        }
    }

    fn step(&mut self, cursor: &mut Cursor) -> Result<(), Diagnostic> {
        let place = cursor.place();
        let name = cursor.word("a pass or a named pipeline")?;
        let options_at = cursor.place();
        let options = cursor.options()?;
        if let Some(entry) = self.registry.pass(&name) {
            let pass =
                entry.build(options).map_err(|reason| fault_at(options_at, format!("{name}: {reason}")))?;
            self.steps.push(Step::new(name, pass));
            return Ok(());
        }
        let Some(text) = self.registry.named_pipeline(&name) else {
            let known = self.registry.passes().map(|entry| entry.name);
            let known = known.chain(self.registry.pipelines().map(|(name, _)| name));
            let hint = crate::nearest(&name, known).map(|near| format!(", did you mean `{near}`?"));
            return Err(fault_at(place, format!("unknown pass `{name}`{}", hint.unwrap_or_default())));
        };
        if !options.is_empty() {
            return Err(fault_at(options_at, format!("`{name}` is a pipeline and takes no options")));
        }
        if self.open.contains(&name) {
            return Err(fault_at(place, format!("pipeline `{name}` contains itself")));
        }
        let known = self.faults.len();
        self.open.push(name.clone());
        self.read(text);
        self.open.pop();
        for fault in &mut self.faults[known..] {
            *fault = fault_at(place, format!("in pipeline `{name}` at {fault}"));
        }
        Ok(())
    }
}

/// To the comma behind the step, or the end.
fn skip_step(cursor: &mut Cursor) {
    let mut depth = 0usize;
    loop {
        match cursor.peek() {
            Token::End => return,
            Token::Punct(',') if depth == 0 => return,
            Token::Punct('{' | '[') => depth += 1,
            Token::Punct('}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        cursor.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let registry = Registry::standard().with_pipeline("loop", "canonicalize, loop");
        let read = registry.pipeline(text);
        read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_mistake_is_reported_at_its_place() {
        insta::assert_snapshot!(
            faults("canonicalise,\n  fold-qdq{round = up},\n  dead-code{bits = 8}, fuse fuse, loop, default{a = 1}, {")
                .join("\n"), @r"
        1:1: unknown pass `canonicalise`, did you mean `canonicalize`?
        2:11: fold-qdq: option `round` is up, one of: as-imported, tflite-ref, tflite-builtin, xnnpack, cmsis-nn expected
        3:12: dead-code: option `bits` is unknown: the pass takes none
        3:29: found `fuse`, expected `,`
        3:35: in pipeline `loop` at 1:15: pipeline `loop` contains itself
        3:48: `default` is a pipeline and takes no options
        3:57: found `{`, expected a pass or a named pipeline
        ");
    }

    #[test]
    fn the_empty_pipeline_does_nothing() {
        assert_eq!(faults(""), [""; 0]);
    }

    #[test]
    fn named_pipelines_are_spelt_out() {
        let registry = Registry::standard().with_pipeline("mine", "canonicalize, dead-code");
        let pipeline = registry.pipeline("mine, canonicalize").expect("known passes");
        let names: Vec<_> = pipeline.names().collect();
        assert_eq!(names, ["canonicalize", "dead-code", "canonicalize"]);
    }
}
