"""Runs TFLite models in LiteRT with its reference kernels: `run_tflite.py MODEL IN.npz OUT.npz ...`, three arguments for each model.

Inputs and outputs are arrays by name, outputs numbered since names need not be distinct.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

for model, given, out in zip(*[iter(sys.argv[1:])] * 3):
    interpreter = Interpreter(model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    arrays = np.load(given)
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], arrays[detail["name"]])
    interpreter.invoke()
    found = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
    np.savez(out, **{f"{i}": array for i, array in enumerate(found)})
