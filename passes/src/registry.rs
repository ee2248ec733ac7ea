//! Passes and pipelines by name.

use crate::pass::{AnyPass, Pass, Relation};
use crate::passes;
use crate::pipeline::{self, Pipeline};
use ir::{Attr, AttrDef, Attrs, Diagnostic};
use std::collections::BTreeMap;

type Build = fn(Vec<(String, Attr)>) -> Result<Box<dyn AnyPass>, String>;

/// A registered pass, as `nasc passes` lists it.
#[derive(Clone)]
pub struct Entry {
    /// As pipelines call it.
    pub name: &'static str,
    /// What it does, one line.
    pub summary: &'static str,
    /// What it promises.
    pub relation: Relation,
    /// Options, with their defaults.
    pub options: &'static [AttrDef],
    build: Build,
}

impl Entry {
    fn of<P: Pass>() -> Self {
        let build: Build = |given| {
            if let (Some((name, _)), []) = (given.first(), P::OPTIONS) {
                return Err(format!("option `{name}` is unknown: the pass takes none"));
            }
            let options = Attrs::complete(P::OPTIONS, given)
                .map_err(|error| error.to_string().replacen("attribute", "option", 1))?;
            Ok(Box::new(P::from_options(&options)?))
        };
        Self { name: P::NAME, summary: P::SUMMARY, relation: P::RELATION, options: P::OPTIONS, build }
    }

    /// The rules of the pass with default options; none where it is a function or has an option without default.
    pub fn rules(&self, target: &hw::Capabilities) -> crate::Rules {
        self.build(Vec::new()).map_or_else(|_| crate::Rules::none(), |pass| pass.rules(target))
    }

    pub(crate) fn build(&self, options: Vec<(String, Attr)>) -> Result<Box<dyn AnyPass>, String> {
        (self.build)(options)
    }
}

/// Passes by name, and named pipelines that may stand where a pass stands.
#[derive(Clone, Default)]
pub struct Registry {
    passes: BTreeMap<&'static str, Entry>,
    pipelines: BTreeMap<String, String>,
}

impl Registry {
    /// Every pass and pipeline of this crate.
    pub fn standard() -> Self {
        passes::register(Self::default())
    }

    /// Adds a pass, or replaces the one of that name.
    #[must_use]
    pub fn with<P: Pass>(mut self) -> Self {
        self.passes.insert(P::NAME, Entry::of::<P>());
        self
    }

    /// Names a pipeline, so that others may use it as if it were a pass.
    #[must_use]
    pub fn with_pipeline(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.pipelines.insert(name.into(), text.into());
        self
    }

    /// All passes by name.
    pub fn passes(&self) -> impl Iterator<Item = &Entry> {
        self.passes.values()
    }

    /// All named pipelines with their text.
    pub fn pipelines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pipelines.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    pub(crate) fn pass(&self, name: &str) -> Option<&Entry> {
        self.passes.get(name)
    }

    pub(crate) fn named_pipeline(&self, name: &str) -> Option<&str> {
        self.pipelines.get(name).map(String::as_str)
    }

    /// Reads a pipeline such as `canonicalize, fuse, quantize{bits = 8}`.
    ///
    /// # Errors
    /// Everything wrong with the text: unknown passes, unknown or ill-valued options, each at its place.
    pub fn pipeline(&self, text: &str) -> Result<Pipeline, Vec<Diagnostic>> {
        pipeline::parse(self, text)
    }
}
