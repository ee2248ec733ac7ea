//! What every op means: one plain kernel each, exact integers.
