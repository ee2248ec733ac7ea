//! The machines that come with the library, as the hardware files they are.

use super::{Machine, MachineError};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Names of the machines that come with the library.
        pub const SHIPPED: &[&str] = &[$($name),*];

        /// The hardware file of a machine that comes with the library.
        pub fn text(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../../machines/", $name, ".toml"))),)*
                _ => None,
            }
        }
    };
}

shipped!("e168", "w1024");

/// A machine that comes with the library; `None` where there is none of that name.
pub fn shipped(name: &str) -> Option<Result<Machine, MachineError>> {
    text(name).map(|text| Machine::parse(text, &format!("{name}.toml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_machine_reads_and_bears_its_file_name() {
        for name in SHIPPED {
            let machine = shipped(name).expect("listed").unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(machine.name, *name);
            assert!(!machine.sources.is_empty(), "{name} states no source");
        }
        assert!(shipped("e169").is_none());
    }
}
