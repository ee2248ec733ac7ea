"""Runs ONNX models in onnxruntime: `run_onnx.py MODEL IN.npz OUT.npz ...`, three arguments for each model.

Inputs and outputs are arrays by name. The graph runs node by node as it is written: what is checked is what the file says, not what
an optimizer makes of it.
"""

import sys

import numpy as np
import onnx
import onnxruntime as ort

for model, given, out in zip(*[iter(sys.argv[1:])] * 3):
    onnx.checker.check_model(onnx.load(model), full_check=True)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    np.savez(out, **dict(zip(names, session.run(names, dict(np.load(given))))))
