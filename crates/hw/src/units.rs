//! Quantities as types: a MAC is not a FLOP, a byte is not a cycle.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty), $unit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The unit as it is printed.
            pub const UNIT: &'static str = $unit;
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Mul<$inner> for $name {
            type Output = Self;
            fn mul(self, factor: $inner) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::default(), Add::add)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0, $unit)
            }
        }
    };
}

quantity!(
    /// Multiply-accumulate operations.
    Macs(u64), "MAC");
quantity!(
    /// Bytes of memory, code or constants.
    Bytes(u64), "B");
quantity!(
    /// Clock cycles of the target.
    Cycles(u64), "cycles");
quantity!(
    /// Executed instructions.
    Instructions(u64), "instructions");
quantity!(
    /// Energy.
    Picojoules(f64), "pJ");
quantity!(
    /// Wall time on the target.
    Seconds(f64), "s");

macro_rules! countable {
    ($($name:ident),*) => {$(
        impl Eq for $name {}
        impl PartialOrd<u64> for $name {
            fn partial_cmp(&self, other: &u64) -> Option<std::cmp::Ordering> {
                self.0.partial_cmp(other)
            }
        }
        impl PartialEq<u64> for $name {
            fn eq(&self, other: &u64) -> bool {
                self.0 == *other
            }
        }
    )*};
}
countable!(Macs, Bytes, Cycles, Instructions);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_one_kind_add_up_and_print_their_unit() {
        let total: Macs = [Macs(3), Macs(4)].into_iter().sum();
        assert_eq!(total, 7);
        assert_eq!((Bytes(8) * 2).to_string(), "16 B");
    }
}
