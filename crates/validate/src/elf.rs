//! What the linked file's symbol table says: sizes, addresses, functions.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

use crate::error::Error;

/// Whose symbols are counted.
pub(crate) enum Owned {
    /// All but those of these objects: for a file that holds nothing else, as on bare metal.
    AllBut(HashSet<String>),
    /// Those of these objects: for a file that holds the system's start-up and libraries too.
    Only(HashSet<String>),
}

impl Owned {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::AllBut(names) => !names.contains(name),
            Self::Only(names) => names.contains(name),
        }
    }
}

/// Bytes by the kind of section they lie in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) code: u64,
    pub(crate) constants: u64,
    pub(crate) writable: u64,
}

/// One symbol with a size, in memory.
#[derive(Debug, Clone)]
struct Symbol {
    name: String,
    size: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Constant,
    Writable,
}

/// A linked file's symbols by address.
pub(crate) struct Symbols {
    at: BTreeMap<u64, Symbol>,
    addresses: BTreeMap<String, u64>,
}

impl Symbols {
    /// Reads the symbol table of a linked file. Of several names for one place the first is kept.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(Error::file(path))?;
        let file = object::File::parse(&*bytes)?;
        // The lowest bit of an Arm function's address says that it is Thumb code.
        let mask = if file.architecture() == Architecture::Arm { !1 } else { !0 };
        let (mut at, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for symbol in file.symbols().filter(|symbol| symbol.is_definition()) {
            let Some(section) = symbol.section_index() else { continue };
            let section = file.section_by_index(section)?;
            let Some(mut kind) = kind_of(section.flags()) else { continue };
            // Constants that hold addresses, in position-independent programs: writable only for the loader.
            if section.name()?.starts_with(".data.rel.ro") {
                kind = Kind::Constant;
            }
            let name = symbol.name()?.to_owned();
            let address = symbol.address() & if kind == Kind::Code { mask } else { !0 };
            addresses.entry(name.clone()).or_insert(address);
            if symbol.size() > 0 {
                at.entry(address).or_insert(Symbol { name, size: symbol.size(), kind });
            }
        }
        Ok(Self { at, addresses })
    }

    /// Where a symbol is.
    pub(crate) fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied()
    }

    /// The symbol that covers an address, and how far into it the address is.
    pub(crate) fn covering(&self, address: u64) -> Option<(&str, u64)> {
        let (start, symbol) = self.at.range(..=address).next_back()?;
        let into = address - start;
        (into < symbol.size).then_some((symbol.name.as_str(), into))
    }

    /// Bytes of the symbols that are owned.
    pub(crate) fn sizes(&self, owned: &Owned) -> Sizes {
        let mut sizes = Sizes::default();
        for symbol in self.at.values().filter(|symbol| owned.has(&symbol.name)) {
            match symbol.kind {
                Kind::Code => sizes.code += symbol.size,
                Kind::Constant => sizes.constants += symbol.size,
                Kind::Writable => sizes.writable += symbol.size,
            }
        }
        sizes
    }
}

fn kind_of(flags: SectionFlags) -> Option<Kind> {
    let SectionFlags::Elf { sh_flags, .. } = flags else { return None };
    let has = |flag: elf::SectionFlags| sh_flags.0 & flag.0 != 0;
    match (has(elf::SHF_ALLOC), has(elf::SHF_EXECINSTR), has(elf::SHF_WRITE)) {
        (false, _, _) => None,
        (true, true, _) => Some(Kind::Code),
        (true, false, true) => Some(Kind::Writable),
        (true, false, false) => Some(Kind::Constant),
    }
}

/// Names of the symbols that object files define.
pub(crate) fn defined_in(objects: &[PathBuf]) -> Result<HashSet<String>, Error> {
    let mut names = HashSet::new();
    for path in objects {
        let bytes = fs::read(path).map_err(Error::file(path))?;
        let file = object::File::parse(&*bytes)?;
        for symbol in file.symbols().filter(|symbol| symbol.is_definition()) {
            names.insert(symbol.name()?.to_owned());
        }
    }
    Ok(names)
}
