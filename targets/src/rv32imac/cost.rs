//! The description behind the costs.

use crate::Hardware;
use std::sync::LazyLock;

static HARDWARE: LazyLock<Hardware> = LazyLock::new(|| {
    Hardware::parse(include_str!("hardware.toml")).expect("a carried description is well-formed")
});

/// `hardware.toml`.
pub(super) fn hardware() -> &'static Hardware {
    &HARDWARE
}
