//! ONNX, TFLite, safetensors and npy, in and out.

mod file;
pub mod npy;
pub mod onnx;
pub mod tflite;
