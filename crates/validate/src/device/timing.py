"""Times networks in a Python runtime, one thread.

Standard input: JSON objects, one a line. The first is {"runtime", "threads"}; each other is a visit {"id", "path",
"blocks", "warm_ns", "block_ns"}. Standard output: a first line {"runtime", "version"}, then for each visit {"id", "wall_ns",
"cpu_ns"}, both lists with one number a block: nanoseconds per inference, by the wall clock and by this thread's CPU clock. A
block is as many inferences in a row as fill block_ns. {"id", "error"} says why a network does not run, {"missing", "why"}
in place of the first line that the runtime is not installed.
"""

import json
import sys
import time


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def numbers(shape, dtype, np):
    """Inputs of some variety; what they are does not matter to the time, but that none is denormal."""
    count = int(np.prod(shape))
    steps = np.arange(count, dtype=np.int64) * 7919 % 251 - 125
    if np.issubdtype(dtype, np.floating):
        steps = steps / 64.0
    return steps.astype(dtype).reshape(shape)


class OnnxRuntime:
    package = "onnxruntime"

    def __init__(self, threads):
        import numpy
        import onnxruntime

        self.numpy, self.runtime, self.version = numpy, onnxruntime, onnxruntime.__version__
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        self.options.log_severity_level = 3

    def load(self, path):
        np = self.numpy
        session = self.runtime.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        types = {"tensor(float)": np.float32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8}
        types |= {"tensor(int16)": np.int16, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
        for port in session.get_inputs():
            binding.bind_cpu_input(port.name, numbers(port.shape, types[port.type], np))
        for port in session.get_outputs():
            binding.bind_output(port.name)
        run = session.run_with_iobinding
        return lambda: run(binding)


class LiteRt:
    package = "ai-edge-litert"

    def __init__(self, threads):
        from importlib.metadata import version

        import numpy
        from ai_edge_litert.interpreter import Interpreter

        self.numpy, self.interpreter, self.threads = numpy, Interpreter, threads
        self.version = version(self.package)

    def load(self, path):
        interpreter = self.interpreter(path, num_threads=self.threads)
        interpreter.allocate_tensors()
        for port in interpreter.get_input_details():
            interpreter.set_tensor(port["index"], numbers(port["shape"], port["dtype"], self.numpy))
        return interpreter.invoke


def block(run, count):
    """Nanoseconds per inference over `count` of them, by both clocks."""
    wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
    for _ in range(count):
        run()
    cpu, wall = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
    return wall / count, cpu / count


def visit(runtime, job):
    run = runtime.load(job["path"])
    fastest, warmed, since = float("inf"), 0, time.perf_counter_ns()
    while warmed < 3 or time.perf_counter_ns() - since < job["warm_ns"]:
        fastest = min(fastest, block(run, 1)[0])
        warmed += 1
    count = max(1, round(job["block_ns"] / max(fastest, 1.0)))
    pairs = [block(run, count) for _ in range(job["blocks"])]
    return {"id": job["id"], "wall_ns": [p[0] for p in pairs], "cpu_ns": [p[1] for p in pairs]}


def main():
    head = json.loads(sys.stdin.readline())
    kind = {"onnxruntime": OnnxRuntime, "litert": LiteRt}[head["runtime"]]
    try:
        runtime = kind(head["threads"])
    except ImportError as error:
        say({"missing": kind.package, "why": str(error)})
        return
    say({"runtime": head["runtime"], "version": runtime.version})
    for line in sys.stdin:
        job = json.loads(line)
        try:
            say(visit(runtime, job))
        except Exception as error:  # whatever a runtime raises belongs to this network alone
            say({"id": job["id"], "error": f"{type(error).__name__}: {error}"})


main()
