//! `nasc map`, `nasc hardware` and `nasc cost --hardware`: what they say, and what they refuse.

mod command;
mod cost;
mod hardware;
mod layers;
