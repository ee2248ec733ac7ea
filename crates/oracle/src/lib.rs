//! A second opinion in float, by tract-core.
