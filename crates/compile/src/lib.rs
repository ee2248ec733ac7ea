//! The one way down: legalise, plan, cost, emit.
