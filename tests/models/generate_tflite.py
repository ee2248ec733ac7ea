"""Makes the small `.tflite` models under `made/`, with the outputs LiteRT's reference kernels give for a fixed input.

    python tests/models/generate_tflite.py

needs numpy and ai-edge-litert (versions in SOURCE.md). The files are written through the schema's own object interface; scales are
chosen, not calibrated. `NAME.npz` holds `in.INPUT` and `out.OUTPUT` arrays, and as `builtin.OUTPUT` what LiteRT's optimized
kernels give without a delegate; a second run gives the same files.
"""

import os

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "made")
OP, TYPE, OPTIONS, ACT = s.BuiltinOperator, s.TensorType, s.BuiltinOptions, s.ActivationFunctionType
TYPES = {
    np.dtype(np.float32): TYPE.FLOAT32, np.dtype(np.float16): TYPE.FLOAT16, np.dtype(np.int8): TYPE.INT8,
    np.dtype(np.uint8): TYPE.UINT8, np.dtype(np.int16): TYPE.INT16, np.dtype(np.int32): TYPE.INT32, np.dtype(np.int64): TYPE.INT64,
}


class Net:
    """A graph being written. A value is its tensor number; shapes of results are given, LiteRT checks them."""

    def __init__(self, name, seed):
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.tensors, self.buffers, self.codes, self.operators = [], [s.BufferT()], {}, []
        self.inputs = []

    def tensor(self, shape, kind, scale=None, zero=0, axis=0, data=None, name=None):
        t = s.TensorT()
        t.shape, t.type, t.name = list(shape), TYPES[np.dtype(kind)], name or f"t{len(self.tensors)}"
        t.buffer = 0
        if data is not None:
            buffer = s.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.buffers.append(buffer)
            t.buffer = len(self.buffers) - 1
        if scale is not None:
            q = s.QuantizationParametersT()
            q.scale = np.atleast_1d(np.asarray(scale, np.float32)).tolist()
            q.zeroPoint = np.broadcast_to(np.asarray(zero), len(q.scale)).tolist()
            q.quantizedDimension = axis
            t.quantization = q
        self.tensors.append(t)
        return len(self.tensors) - 1

    def input(self, shape, kind, scale=None, zero=0, name="x"):
        self.inputs.append(self.tensor(shape, kind, scale, zero, name=name))
        return self.inputs[-1]

    def const(self, data, scale=None, zero=0, axis=0):
        return self.tensor(data.shape, data.dtype, scale, zero, axis, data)

    def ints(self, values):
        return self.const(np.asarray(values, np.int32))

    def op(self, code, inputs, outputs, options=None, kind=0):
        """`outputs`: (shape, dtype[, scale, zero]) each."""
        index = self.codes.setdefault(code, len(self.codes))
        results = [self.tensor(*o[:2], *o[2:]) for o in outputs]
        operator = s.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = index, list(inputs), results
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.operators.append(operator)
        return results[0] if len(results) == 1 else results

    def shape(self, t):
        return self.tensors[t].shape

    def scale(self, t):
        return self.tensors[t].quantization.scale[0]

    # Layers with integer weights: a bias has the product of the scales.
    def weights(self, shape, per, kind=np.int8):
        zero = 0 if kind == np.int8 else 120
        low, high = (-127, 127) if kind == np.int8 else (0, 255)
        data = self.rng.integers(low, high + 1, shape).astype(kind)
        scale = self.rng.uniform(0.002, 0.006, per).astype(np.float32)
        return data, scale, zero

    def conv(self, x, c_out, k, out, stride=1, padding=0, act=0, depthwise=False, kind=np.int8, bias=np.int32):
        c_in = self.shape(x)[3]
        shape = (1, k, k, c_out) if depthwise else (c_out, k, k, c_in)
        data, scale, zero = self.weights(shape, c_out if kind == np.int8 else 1, kind)
        w = self.const(data, scale, zero, 3 if depthwise else 0)
        b = self.const(self.rng.integers(-2000, 2000, c_out).astype(bias), self.scale(x) * scale)
        if depthwise:
            options, code, union = s.DepthwiseConv2DOptionsT(), OP.DEPTHWISE_CONV_2D, OPTIONS.DepthwiseConv2DOptions
            options.depthMultiplier = c_out // c_in
        else:
            options, code, union = s.Conv2DOptionsT(), OP.CONV_2D, OPTIONS.Conv2DOptions
        options.padding, options.strideW, options.strideH = padding, stride, stride
        options.dilationWFactor = options.dilationHFactor = 1
        options.fusedActivationFunction = act
        return self.op(code, [x, w, b], [out], options, union)

    def dense(self, x, c_out, out, act=0, bias=np.int32):
        data, scale, _ = self.weights((c_out, self.shape(x)[-1]), 1)
        w = self.const(data, scale)
        b = self.const(self.rng.integers(-2000, 2000, c_out).astype(bias), self.scale(x) * scale)
        options = s.FullyConnectedOptionsT()
        options.fusedActivationFunction = act
        return self.op(OP.FULLY_CONNECTED, [x, w, b], [out], options, OPTIONS.FullyConnectedOptions)

    def binary(self, code, a, b, out, act=0):
        names = {OP.ADD: "Add", OP.SUB: "Sub", OP.MUL: "Mul", OP.DIV: "Div"}
        if code not in names:
            return self.op(code, [a, b], [out])
        options = getattr(s, f"{names[code]}OptionsT")()
        options.fusedActivationFunction = act
        if code in (OP.ADD, OP.SUB):
            options.potScaleInt16 = False
        return self.op(code, [a, b], [out], options, getattr(OPTIONS, f"{names[code]}Options"))

    def mean(self, x, axes, out, keep=True, code=OP.MEAN):
        options = s.ReducerOptionsT()
        options.keepDims = keep
        return self.op(code, [x, self.ints(axes)], [out], options, OPTIONS.ReducerOptions)

    def pool(self, code, x, k, stride, out, padding=0, act=0):
        o = s.Pool2DOptionsT()
        o.filterHeight = o.filterWidth = k
        o.strideH = o.strideW = stride
        o.padding, o.fusedActivationFunction = padding, act
        return self.op(code, [x], [out], o, OPTIONS.Pool2DOptions)

    def concat(self, xs, axis, out):
        options = s.ConcatenationOptionsT()
        options.axis = axis
        return self.op(OP.CONCATENATION, xs, [out], options, OPTIONS.ConcatenationOptions)

    def reshape(self, x, out):
        options = s.ReshapeOptionsT()
        options.newShape = list(out[0])
        return self.op(OP.RESHAPE, [x, self.ints(out[0])], [out], options, OPTIONS.ReshapeOptions)

    def softmax(self, x, out, beta=1.0):
        options = s.SoftmaxOptionsT()
        options.beta = beta
        return self.op(OP.SOFTMAX, [x], [out], options, OPTIONS.SoftmaxOptions)

    def save(self, *outputs):
        model, graph = s.ModelT(), s.SubGraphT()
        model.version, model.description = 3, "generate_tflite.py"
        for code in self.codes:
            entry = s.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1  # a version every resolver has
            model.operatorCodes = (model.operatorCodes or []) + [entry]
        graph.tensors, graph.operators, graph.name = self.tensors, self.operators, self.name
        graph.inputs, graph.outputs = self.inputs, list(outputs)
        model.subgraphs, model.buffers = [graph], self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path = os.path.join(HERE, f"{self.name}.tflite")
        with open(path, "wb") as f:
            f.write(bytes(builder.Output()))
        self.run(path, outputs)

    def run(self, path, outputs):
        found = []
        for resolver in (OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
            it = Interpreter(path, experimental_op_resolver_type=resolver, experimental_preserve_all_tensors=True)
            it.allocate_tensors()
            arrays = {}
            rng = np.random.default_rng(1000)
            for detail in it.get_input_details():
                shape, kind = detail["shape"], detail["dtype"]
                if np.issubdtype(kind, np.integer):
                    low, high = np.iinfo(kind).min, np.iinfo(kind).max
                    data = rng.integers(low, high + 1, shape).astype(kind)
                else:
                    data = rng.normal(0, 1, shape).astype(kind)
                arrays[f"in.{detail['name']}"] = data
                it.set_tensor(detail["index"], data)
            it.invoke()
            for index in outputs:
                arrays[f"out.{self.tensors[index].name}"] = it.get_tensor(index)
            found.append(arrays)
        both = found[0] | {k.replace("out.", "builtin.", 1): v for k, v in found[1].items() if k.startswith("out.")}
        np.savez_compressed(os.path.join(HERE, f"{self.name}.npz"), **both)
        apart = sum(int((found[0][k] != found[1][k]).sum()) for k in found[0])
        shapes = [list(found[0][f"out.{self.tensors[i].name}"].shape) for i in outputs]
        print(f"{self.name:24} {os.path.getsize(path):7} bytes, outputs {shapes}, {apart} elements differ between the resolvers")


I8, F32, I16 = np.int8, np.float32, np.int16


def mobilenet_v3_int8():
    """Inverted residual with hard-swish and squeeze-and-excitation."""
    n = Net("tfl_mobilenet_v3_int8", 21)
    x = n.input((1, 8, 8, 8), I8, 0.05, -4)
    y = n.conv(x, 16, 1, ((1, 8, 8, 16), I8, 0.04, 3))
    y = n.op(OP.HARD_SWISH, [y], [((1, 8, 8, 16), I8, 0.03, -110)], s.HardSwishOptionsT(), OPTIONS.HardSwishOptions)
    y = n.conv(y, 16, 3, ((1, 8, 8, 16), I8, 0.0235, -128), act=ACT.RELU6, depthwise=True)
    p = n.mean(y, [1, 2], ((1, 1, 1, 16), I8, 0.02, -128))
    p = n.conv(p, 4, 1, ((1, 1, 1, 4), I8, 0.02, -128), act=ACT.RELU)
    p = n.conv(p, 16, 1, ((1, 1, 1, 16), I8, 0.05, 0))
    p = n.op(OP.LOGISTIC, [p], [((1, 1, 1, 16), I8, 1 / 256, -128)])
    y = n.binary(OP.MUL, y, p, ((1, 8, 8, 16), I8, 0.02, -128))
    y = n.conv(y, 8, 1, ((1, 8, 8, 8), I8, 0.045, 5))
    y = n.binary(OP.ADD, x, y, ((1, 8, 8, 8), I8, 0.06, -2))
    n.save(y)


def ops_int8():
    """Integer operators one after another, with constants broadcast along channels, and the interface to floats."""
    n = Net("tfl_ops_int8", 22)
    x = n.input((1, 6, 5, 4), F32)
    q = n.op(OP.QUANTIZE, [x], [((1, 6, 5, 4), I8, 0.03, 7)], s.QuantizeOptionsT(), OPTIONS.QuantizeOptions)
    channel = n.const(np.array([40, -90, 3, 127], I8), 0.02, -5)
    a = n.binary(OP.SUB, q, channel, ((1, 6, 5, 4), I8, 0.05, -10), act=ACT.RELU_N1_TO_1)
    leaky = s.LeakyReluOptionsT()
    leaky.alpha = 0.3
    b = n.op(OP.LEAKY_RELU, [q], [((1, 6, 5, 4), I8, 0.025, -20)], leaky, OPTIONS.LeakyReluOptions)
    t = n.op(OP.TANH, [q], [((1, 6, 5, 4), I8, 1 / 128, 0)])
    r = n.op(OP.QUANTIZE, [t], [((1, 6, 5, 4), I8, 0.025, -20)], s.QuantizeOptionsT(), OPTIONS.QuantizeOptions)
    c = n.concat([b, r], 3, ((1, 6, 5, 8), I8, 0.025, -20))
    p = n.op(OP.PAD, [c, n.ints([[0, 0], [1, 0], [0, 1], [0, 0]])], [((1, 7, 6, 8), I8, 0.025, -20)], s.PadOptionsT(), OPTIONS.PadOptions)
    m = n.pool(OP.MAX_POOL_2D, p, 3, 2, ((1, 4, 3, 8), I8, 0.025, -20), act=ACT.RELU6)
    v = n.pool(OP.AVERAGE_POOL_2D, c, 3, 2, ((1, 3, 3, 8), I8, 0.025, -20))
    e = n.mean(v, [1, 2], ((1, 8), I8, 0.02, -30), keep=False)
    z = n.softmax(e, ((1, 8), I8, 1 / 256, -128), beta=1.5)
    f = n.op(OP.DEQUANTIZE, [a], [((1, 6, 5, 4), F32)], s.DequantizeOptionsT(), OPTIONS.DequantizeOptions)
    n.save(f, m, z)


def flatten_int8():
    """A convolution whose pixels are flattened before a fully connected layer, and one kept in rows."""
    n = Net("tfl_flatten_int8", 23)
    x = n.input((1, 7, 6, 3), I8, 0.05, -4)
    y = n.conv(x, 5, 3, ((1, 4, 3, 5), I8, 0.03, -128), stride=2, act=ACT.RELU)
    y = n.reshape(y, ((1, 60), I8, 0.03, -128))
    n.save(n.dense(y, 9, ((1, 9), I8, 0.04, 11), act=ACT.RELU6))


def uint8():
    """The asymmetric unsigned integers of old: weights have a zero point."""
    n = Net("tfl_uint8", 24)
    x = n.input((1, 6, 6, 3), np.uint8, 0.05, 130)
    y = n.conv(x, 6, 3, ((1, 6, 6, 6), np.uint8, 0.05, 128), kind=np.uint8, act=ACT.RELU6)
    y = n.conv(y, 6, 3, ((1, 4, 4, 6), np.uint8, 0.06, 100), kind=np.uint8, depthwise=True, padding=1)
    n.save(y)


def int16():
    """Activations of 16 bits, accumulators of 64."""
    n = Net("tfl_int16", 25)
    x = n.input((1, 6, 6, 3), I16, 0.0003, 0)
    y = n.conv(x, 6, 3, ((1, 6, 6, 6), I16, 0.0002, 0), bias=np.int64, act=ACT.RELU)
    y = n.conv(y, 6, 3, ((1, 3, 3, 6), I16, 0.0002, 0), bias=np.int64, depthwise=True, stride=2)
    y = n.reshape(y, ((1, 54), I16, 0.0002, 0))
    n.save(n.dense(y, 4, ((1, 4), I16, 0.0003, 0), bias=np.int64))


def ops_float():
    """Float operators, half-precision weights, and those that move elements."""
    n = Net("tfl_ops_float", 26)
    x = n.input((1, 6, 5, 4), F32)
    w16 = n.const(n.rng.normal(0, 0.3, (8, 3, 3, 4)).astype(np.float16))
    w = n.op(OP.DEQUANTIZE, [w16], [((8, 3, 3, 4), F32)], s.DequantizeOptionsT(), OPTIONS.DequantizeOptions)
    b = n.const(n.rng.normal(0, 0.3, 8).astype(F32))
    o = s.Conv2DOptionsT()
    o.strideH = o.strideW = o.dilationWFactor = o.dilationHFactor = 1
    o.fusedActivationFunction = ACT.RELU_N1_TO_1
    y = n.op(OP.CONV_2D, [x, w, b], [((1, 6, 5, 8), F32)], o, OPTIONS.Conv2DOptions)
    split = s.SplitOptionsT()
    split.numSplits = 2
    a, c = n.op(OP.SPLIT, [n.ints(3), y], [((1, 6, 5, 4), F32)] * 2, split, OPTIONS.SplitOptions)
    d = n.binary(OP.SQUARED_DIFFERENCE, a, c, ((1, 6, 5, 4), F32))
    d = n.binary(OP.ADD, d, n.const(np.float32(0.5)), ((1, 6, 5, 4), F32))
    d = n.op(OP.RSQRT, [d], [((1, 6, 5, 4), F32)])
    d = n.binary(OP.MUL, x, d, ((1, 6, 5, 4), F32))
    d = n.op(OP.PRELU, [d, n.const(np.array([[[0.1, -0.2, 0.3, 0.0]]], F32))], [((1, 6, 5, 4), F32)])
    d = n.binary(OP.MAXIMUM, d, n.const(np.float32([-0.5])), ((1, 6, 5, 4), F32))
    sliced = s.StridedSliceOptionsT()
    sliced.endMask, sliced.shrinkAxisMask = 0b0110, 0b0001
    e = n.op(OP.STRIDED_SLICE, [d, n.ints([0, 1, -4, 0]), n.ints([1, 0, 0, 3]), n.ints([1, 2, 1, 1])],
             [((3, 4, 3), F32)], sliced, OPTIONS.StridedSliceOptions)
    t = n.op(OP.TRANSPOSE, [e, n.ints([0, 2, 1])], [((3, 3, 4), F32)], s.TransposeOptionsT(), OPTIONS.TransposeOptions)
    mm = s.BatchMatMulOptionsT()
    mm.adjY = True
    g = n.op(OP.BATCH_MATMUL, [t, t], [((3, 3, 3), F32)], mm, OPTIONS.BatchMatMulOptions)
    g = n.softmax(g, ((3, 3, 3), F32))
    pack = s.PackOptionsT()
    pack.valuesCount, pack.axis = 2, 1
    g = n.op(OP.PACK, [g, g], [((3, 2, 3, 3), F32)], pack, OPTIONS.PackOptions)
    up = s.ResizeNearestNeighborOptionsT()
    u = n.op(OP.RESIZE_NEAREST_NEIGHBOR, [d, n.ints([12, 10])], [((1, 12, 10, 4), F32)], up, OPTIONS.ResizeNearestNeighborOptions)
    u = n.op(OP.MIRROR_PAD, [u, n.ints([[0, 0], [1, 2], [0, 0], [0, 0]])], [((1, 15, 10, 4), F32)], s.MirrorPadOptionsT(), OPTIONS.MirrorPadOptions)
    gelu = s.GeluOptionsT()
    u = n.op(OP.GELU, [u], [((1, 15, 10, 4), F32)], gelu, OPTIONS.GeluOptions)
    u = n.mean(u, [2], ((1, 15, 4), F32), keep=False, code=OP.REDUCE_MAX)
    n.save(g, u)


def blocks_int8():
    """A dilated convolution as converters of old write it, and blocks of pixels moved into channels and back."""
    n = Net("tfl_blocks_int8", 27)
    q = (I8, 0.05, -4)
    x = n.input((1, 7, 6, 4), *q)
    block, pads = n.ints([2, 3]), n.ints([[1, 2], [2, 1]])
    y = n.op(OP.SPACE_TO_BATCH_ND, [x, block, pads], [((6, 5, 3, 4), *q)], s.SpaceToBatchNDOptionsT(), OPTIONS.SpaceToBatchNDOptions)
    y = n.conv(y, 8, 2, ((6, 4, 2, 8), I8, 0.04, 3), padding=1)
    q = (I8, 0.04, 3)
    crops = n.ints([[0, 1], [1, 1]])
    y = n.op(OP.BATCH_TO_SPACE_ND, [y, block, crops], [((1, 7, 4, 8), *q)], s.BatchToSpaceNDOptionsT(), OPTIONS.BatchToSpaceNDOptions)
    y = n.op(OP.SLICE, [y, n.ints([0, 0, 0, 0]), n.ints([-1, 6, -1, -1])], [((1, 6, 4, 8), *q)], s.SliceOptionsT(), OPTIONS.SliceOptions)
    deep, wide = s.SpaceToDepthOptionsT(), s.DepthToSpaceOptionsT()
    deep.blockSize = wide.blockSize = 2
    a = n.op(OP.SPACE_TO_DEPTH, [y], [((1, 3, 2, 32), *q)], deep, OPTIONS.SpaceToDepthOptions)
    b = n.op(OP.DEPTH_TO_SPACE, [y], [((1, 12, 8, 2), *q)], wide, OPTIONS.DepthToSpaceOptions)
    n.save(a, b)


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    mobilenet_v3_int8()
    ops_int8()
    flatten_int8()
    uint8()
    int16()
    ops_float()
    blocks_int8()
