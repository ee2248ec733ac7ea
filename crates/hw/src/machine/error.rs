//! Why a hardware file is refused, and where.

/// A hardware file that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct MachineError {
    /// The file at fault; an inherited one where the fault is there.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong in a hardware file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Not TOML.
    #[error("{message}")]
    Syntax {
        /// The parser's words.
        message: String,
    },
    /// A key the schema does not have.
    #[error("unknown key `{key}` in {table}; the nearest known one is `{nearest}`")]
    UnknownKey {
        /// As written.
        key: String,
        /// Where.
        table: &'static str,
        /// The known key with the smallest edit distance.
        nearest: String,
    },
    /// A key the schema has with another unit.
    #[error("unknown unit `{unit}` in `{key}` of {table}, `{nearest}` expected")]
    Unit {
        /// As written.
        key: String,
        /// Where.
        table: &'static str,
        /// The unit as written.
        unit: String,
        /// The key with its unit.
        nearest: String,
    },
    /// A memory that cannot take one word of each tensor it holds.
    #[error(
        "`{memory}` holds {capacity} words{doubled}, {missing} too few for one of each of its tensors: no tile of {tensor} fits"
    )]
    Capacity {
        /// Which memory.
        memory: String,
        /// Words a mapping can use.
        capacity: u64,
        /// Says so where only half can be used.
        doubled: &'static str,
        /// Words missing.
        missing: u64,
        /// The tensors left without room.
        tensor: String,
    },
    /// A key that must be there.
    #[error("{table} has no `{key}`")]
    Missing {
        /// What is missing.
        key: &'static str,
        /// Where.
        table: &'static str,
    },
    /// The wrong kind of value.
    #[error("`{key}` is {found}, {expected} expected")]
    Type {
        /// Which key.
        key: String,
        /// What can stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A number outside its range.
    #[error("`{key}` is {found}, {expected} expected")]
    Range {
        /// Which key.
        key: String,
        /// The range in words.
        expected: String,
        /// The number.
        found: f64,
    },
    /// A word outside its list.
    #[error("`{key}` is `{found}`, one of {expected} expected")]
    Word {
        /// Which key.
        key: String,
        /// The words there are.
        expected: String,
        /// As written.
        found: String,
    },
    /// `inherits` or `parent` leads back to where it came from.
    #[error("`{key}` leads back to `{name}`")]
    Cycle {
        /// `inherits` or `parent`.
        key: &'static str,
        /// The file or memory met twice.
        name: String,
    },
    /// `inherits` or `$name` names nothing.
    #[error("no {what} named `{name}`")]
    Unknown {
        /// `machine` or `parameter`.
        what: &'static str,
        /// As written.
        name: String,
    },
    /// The memories do not make a machine.
    #[error("{message}")]
    Structure {
        /// What is expected of them.
        message: String,
    },
}
