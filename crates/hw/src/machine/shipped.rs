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

shipped!(
    "e168",
    "w1024",
    "eyeriss-v1",
    "tpu-v1-like",
    "nvdla-64",
    "nvdla-128",
    "nvdla-256",
    "nvdla-512",
    "nvdla-1024",
    "nvdla-2048",
    "gemmini-like",
    "edge-tpu-like",
    "ethos-u55-32",
    "ethos-u55-64",
    "ethos-u55-128",
    "ethos-u55-256",
    "output-stationary",
    "cortex-m0plus",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "rv32imac",
    "cortex-a72",
    "cortex-a76",
    "sapphire-rapids-core",
    "adreno-640-like",
    "mali-g77-like",
    "ampere-sm",
    "hopper-sm",
);

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
