//! Arm Cortex-M4 (Armv7E-M with the DSP extension).

pub mod kernels;
