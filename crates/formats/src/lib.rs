//! ONNX, TFLite, safetensors and npy, in and out.
