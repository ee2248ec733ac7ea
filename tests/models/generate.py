"""Makes the small models under `made/`, with the outputs onnxruntime and LiteRT give for a fixed input.

    python tests/models/generate.py

needs numpy, onnx, onnxruntime and ai-edge-litert (versions in SOURCE.md). Every number comes from one seeded generator per model,
so a second run gives the same files. `NAME.npz` holds `in.INPUT` and `out.OUTPUT` arrays.
"""

import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "made")


class Net:
    """A graph being written, node by node."""

    def __init__(self, name, opset, seed):
        self.name, self.opset = name, opset
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []
        self.count = 0

    def input(self, name, shape, kind=T.FLOAT):
        self.inputs.append(h.make_tensor_value_info(name, kind, shape))
        return name

    def weight(self, *shape, scale=None, name=None):
        fan = int(np.prod(shape[1:])) or 1
        data = self.rng.normal(0, scale or fan**-0.5, shape).astype(np.float32)
        return self.const(data, name)

    def const(self, data, name=None):
        self.count += 1
        name = name or f"w{self.count}"
        self.weights.append(nh.from_array(np.asarray(data), name))
        return name

    def ints(self, *values):
        return self.const(np.array(values, np.int64))

    def op(self, kind, *inputs, outputs=1, name=None, **attrs):
        self.count += 1
        names = [name or f"{kind.lower()}{self.count}"] if outputs == 1 else [f"{kind.lower()}{self.count}.{i}" for i in range(outputs)]
        self.nodes.append(h.make_node(kind, list(inputs), names, name=f"n{self.count}_{kind}", **attrs))
        return names[0] if outputs == 1 else names

    def conv(self, x, c_in, c_out, k, stride=1, group=1, bias=True, **attrs):
        w = self.weight(c_out, c_in // group, k, k)
        b = [self.weight(c_out, scale=0.1)] if bias else []
        if "auto_pad" not in attrs:
            attrs["pads"] = [k // 2] * 4
        return self.op("Conv", x, w, *b, kernel_shape=[k, k], strides=[stride] * 2, group=group, **attrs)

    def norm(self, x, c):
        gamma = self.const(self.rng.uniform(0.5, 1.5, c).astype(np.float32))
        beta, mean = self.weight(c, scale=0.2), self.weight(c, scale=0.2)
        var = self.const(self.rng.uniform(0.5, 1.5, c).astype(np.float32))
        return self.op("BatchNormalization", x, gamma, beta, mean, var, epsilon=1e-5)

    def model(self, *outputs):
        infos = [h.make_tensor_value_info(name, T.FLOAT, None) for name in outputs]
        graph = h.make_graph(self.nodes, self.name, self.inputs, infos, self.weights)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", self.opset)], producer_name="generate.py")
        model.ir_version = 10 if self.opset >= 21 else 8
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        del model.graph.value_info[:]
        onnx.checker.check_model(model)
        return model


def feed(model, rng, fixed=None):
    """Random inputs; a dynamic extent is `fixed`, or 1 for the batch."""
    out = {}
    for info in model.graph.input:
        tensor = info.type.tensor_type
        shape = [d.dim_value or (fixed or {}).get(d.dim_param, 1) for d in tensor.shape.dim]
        if tensor.elem_type == T.FLOAT:
            out[info.name] = rng.normal(0, 1, shape).astype(np.float32)
        elif tensor.elem_type == T.INT64:
            out[info.name] = rng.integers(0, 5, shape)
        else:
            kind = h.tensor_dtype_to_np_dtype(tensor.elem_type)
            low, high = np.iinfo(kind).min, np.iinfo(kind).max
            out[info.name] = rng.integers(low, high + 1, shape).astype(kind)
    return out


def save(model, seed, fixed=None, external=False):
    name = model.graph.name
    path = os.path.join(HERE, f"{name}.onnx")
    if external:
        data = os.path.join(HERE, f"{name}.data")
        if os.path.exists(data):
            os.remove(data)
        onnx.save(model, path, save_as_external_data=True, location=f"{name}.data", size_threshold=64)
    else:
        onnx.save(model, path)
    options = ort.SessionOptions()
    # As the graph says, node by node.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = feed(model, np.random.default_rng(seed + 1000), fixed)
    outputs = [o.name for o in session.get_outputs()]
    found = session.run(outputs, given)
    arrays = {f"in.{k}": v for k, v in given.items()} | {f"out.{k}": v for k, v in zip(outputs, found)}
    np.savez_compressed(os.path.join(HERE, f"{name}.npz"), **arrays)
    print(f"{name:24} {os.path.getsize(path):7} bytes, outputs {[list(v.shape) for v in found]}")


def nasbench201_cell():
    """A cell of NAS-Bench-201: |nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|."""
    n = Net("nasbench201_cell", 13, 1)
    c = 8
    x = n.input("x", ["batch", c, 8, 8])

    def relu_conv_bn(x, k):
        return n.norm(n.conv(n.op("Relu", x), c, c, k, bias=False), c)

    one = relu_conv_bn(x, 3)
    none = n.op("Mul", x, n.const(np.float32(0)))
    two = n.op("Add", none, n.op("Identity", one))
    pool = n.op("AveragePool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4, count_include_pad=0)
    three = n.op("Add", n.op("Add", pool, relu_conv_bn(one, 1)), relu_conv_bn(two, 3))
    flat = n.op("Flatten", n.op("GlobalAveragePool", n.op("Relu", n.norm(three, c))))
    y = n.op("Gemm", flat, n.weight(10, c), n.weight(10), transB=1)
    save(n.model(y), 1)


def mobilenet_v3_block():
    """Inverted residual with squeeze-and-excitation; hard-swish once as an operator and once as exporters of old decompose it."""
    n = Net("mobilenet_v3_block", 14, 2)
    x = n.input("x", [1, 8, 10, 10])
    y = n.op("HardSwish", n.norm(n.conv(x, 8, 24, 1, bias=False), 24))
    y = n.norm(n.conv(y, 24, 24, 5, stride=1, group=24, bias=False), 24)
    clipped = n.op("Clip", n.op("Add", y, n.const(np.float32(3))), n.const(np.float32(0)), n.const(np.float32(6)))
    y = n.op("Div", n.op("Mul", y, clipped), n.const(np.float32(6)))
    s = n.op("Relu", n.conv(n.op("GlobalAveragePool", y), 24, 8, 1))
    s = n.op("HardSigmoid", n.conv(s, 8, 24, 1), alpha=1 / 6, beta=0.5)
    y = n.norm(n.conv(n.op("Mul", y, s), 24, 8, 1, bias=False), 8)
    save(n.model(n.op("Add", x, y)), 2)


def efficientnet_mbconv():
    """MBConv: swish, squeeze-and-excitation by ReduceMean, padding as TensorFlow has it."""
    n = Net("efficientnet_mbconv", 17, 3)
    x = n.input("x", [1, 6, 9, 12])

    def swish(x):
        return n.op("Mul", x, n.op("Sigmoid", x))

    y = swish(n.norm(n.conv(x, 6, 24, 1, bias=False), 24))
    y = swish(n.norm(n.conv(y, 24, 24, 3, stride=2, group=24, bias=False, auto_pad="SAME_UPPER"), 24))
    s = n.op("ReduceMean", y, axes=[2, 3], keepdims=1)
    s = n.op("Sigmoid", n.conv(swish(n.conv(s, 24, 6, 1)), 6, 24, 1))
    y = n.norm(n.conv(n.op("Mul", y, s), 24, 10, 1, bias=False), 10)
    save(n.model(y), 3)


def resnet_block():
    """Stem with max pooling rounded up, a basic block with a projection, operator set 11 softmax over several axes."""
    n = Net("resnet_block", 11, 4)
    x = n.input("x", ["N", 3, 16, 16])
    y = n.op("Relu", n.conv(x, 3, 8, 7, stride=2))
    y = n.op("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    z = n.op("Relu", n.conv(y, 8, 12, 3, stride=2))
    z = n.op("Add", n.conv(z, 12, 12, 3), n.conv(y, 8, 12, 1, stride=2))
    z = n.op("LeakyRelu", z, alpha=0.1)
    z = n.op("AveragePool", z, kernel_shape=[2, 2], strides=[1, 1], count_include_pad=1, pads=[1, 0, 0, 1])
    z = n.op("Reshape", z, n.ints(0, -1, 2))
    save(n.model(n.op("Softmax", z, axis=1)), 4)


def tcn():
    """Temporal convolutions, causal by padding in front, dilated, with a residual; the last step is classified."""
    n = Net("tcn", 13, 5)
    x = n.input("x", ["batch", 5, 20])
    y = x
    for i, (c_in, c_out) in enumerate([(5, 8), (8, 8)]):
        d = 2**i
        pads = n.ints(0, 0, 2 * d, 0, 0, 0)
        padded = n.op("Pad", y, pads, n.const(np.float32(0)))
        z = n.op("Conv", padded, n.weight(c_out, c_in, 3), n.weight(c_out), kernel_shape=[3], dilations=[d])
        z = n.op("Elu", z, alpha=0.5)
        skip = y if c_in == c_out else n.op("Conv", y, n.weight(c_out, c_in, 1), kernel_shape=[1])
        y = n.op("Add", z, skip)
    y = n.op("MaxPool", y, kernel_shape=[2], strides=[2])
    last = n.op("Gather", y, n.const(np.int64(-1)), axis=2)
    save(n.model(n.op("Gemm", last, n.weight(8, 4), n.weight(1, 4), alpha=0.5, beta=2.0)), 5)


def shape_of(n, x, at):
    return n.op("Gather", n.op("Shape", x), n.const(np.int64(at)), axis=0)


def vit_block():
    """Patches, class token, attention from primitive operators with shapes computed as exporters do, both forms of layer
    normalization, GELU by erf."""
    n = Net("vit_block", 17, 6)
    d, heads = 12, 3
    x = n.input("x", ["batch", 3, 8, 8])
    p = n.op("Conv", x, n.weight(d, 3, 4, 4), n.weight(d), kernel_shape=[4, 4], strides=[4, 4])
    batch = n.op("Unsqueeze", shape_of(n, p, 0), n.ints(0))
    p = n.op("Reshape", p, n.op("Concat", batch, n.ints(d), n.ints(-1), axis=0))
    p = n.op("Transpose", p, perm=[0, 2, 1])
    token = n.op("Expand", n.weight(1, 1, d), n.op("Concat", batch, n.ints(1), n.ints(1), axis=0))
    y = n.op("Add", n.op("Concat", token, p, axis=1), n.weight(1, 5, d, scale=0.2))

    def layer_norm(y):
        return n.op("LayerNormalization", y, n.weight(d, scale=1), n.weight(d, scale=0.1), axis=-1, epsilon=1e-6)

    def decomposed(y):
        centred = n.op("Sub", y, n.op("ReduceMean", y, axes=[-1], keepdims=1))
        var = n.op("ReduceMean", n.op("Pow", centred, n.const(np.float32(2))), axes=[-1], keepdims=1)
        root = n.op("Sqrt", n.op("Add", var, n.const(np.float32(1e-6))))
        return n.op("Add", n.op("Mul", n.op("Div", centred, root), n.weight(d, scale=1)), n.weight(d, scale=0.1))

    z = layer_norm(y)
    qkv = n.op("Add", n.op("MatMul", z, n.weight(d, 3 * d, scale=d**-0.5)), n.weight(3 * d, scale=0.1))
    steps = n.op("Unsqueeze", shape_of(n, z, 1), n.ints(0))
    split = n.op("Concat", batch, steps, n.ints(3, heads, d // heads), axis=0)
    qkv = n.op("Transpose", n.op("Reshape", qkv, split), perm=[2, 0, 3, 1, 4])
    q, k, v = (n.op("Gather", qkv, n.const(np.int64(i)), axis=0) for i in range(3))
    scores = n.op("MatMul", q, n.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = n.op("Mul", scores, n.op("Div", n.const(np.float32(1)), n.op("Sqrt", n.const(np.float32(d // heads)))))
    mixed = n.op("Transpose", n.op("MatMul", n.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    mixed = n.op("Reshape", mixed, n.op("Concat", batch, steps, n.ints(d), axis=0))
    y = n.op("Add", y, n.op("Add", n.op("MatMul", mixed, n.weight(d, d)), n.weight(d, scale=0.1)))
    z = n.op("Add", n.op("MatMul", decomposed(y), n.weight(d, 24, scale=d**-0.5)), n.weight(24, scale=0.1))
    erf = n.op("Erf", n.op("Div", z, n.const(np.float32(2**0.5))))
    z = n.op("Mul", n.op("Mul", z, n.op("Add", erf, n.const(np.float32(1)))), n.const(np.float32(0.5)))
    y = n.op("Add", y, n.op("Add", n.op("MatMul", z, n.weight(24, d, scale=0.2)), n.weight(d, scale=0.1)))
    head = n.op("Gather", layer_norm(y), n.const(np.int64(0)), axis=1)
    save(n.model(n.op("Gemm", head, n.weight(4, d), n.weight(4), transB=1)), 6)


def modern_ops():
    """Operators of sets 18 to 21: Gelu, reductions with axes as operand, Split by number, Clip with one end, Resize."""
    n = Net("modern_ops", 21, 7)
    x = n.input("x", [1, 6, 4, 4])
    a, b = n.op("Split", x, outputs=2, axis=1, num_outputs=2)
    a = n.op("Gelu", a, approximate="tanh")
    b = n.op("Clip", n.op("Gelu", b), n.const(np.float32(-0.1)))
    y = n.op("Max", n.op("Concat", a, b, axis=-3), n.op("Neg", x), n.op("Abs", n.const(np.float32(-0.5))))
    up = n.op("Resize", y, "", n.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    up = n.op("PRelu", up, n.weight(6, 1, 1))
    cut = n.op("Slice", up, n.ints(1, -6), n.ints(7, 2**62), n.ints(2, 3), n.ints(2, 1))
    low = n.op("ReduceMin", cut, n.ints(2), keepdims=0)
    mean = n.op("ReduceMean", cut, n.ints(-1, -2), keepdims=0)
    tiled = n.op("Tile", n.op("Unsqueeze", mean, n.ints(-1)), n.ints(1, 1, 3))
    d = n.op("DepthToSpace", n.op("Concat", x, n.op("Tanh", x), axis=1), blocksize=2, mode="CRD")
    s = n.op("SpaceToDepth", d, blocksize=4)
    save(n.model(low, tiled, n.op("LogSoftmax", s, axis=1)), 7)


def autoencoder():
    """Fully connected layers with batch normalization behind, as anomaly detectors have; weights in another file."""
    n = Net("autoencoder", 15, 8)
    x = n.input("x", ["batch", 40])
    y = x
    for c_in, c_out in [(40, 16), (16, 4), (4, 16)]:
        y = n.op("Gemm", y, n.weight(c_out, c_in), n.weight(c_out), transB=1)
        y = n.op("Relu", n.norm(y, c_out))
    y = n.op("Gemm", y, n.weight(16, 40, scale=0.2), n.weight(40))
    save(n.model(y), 8, external=True)


def embedding():
    """Token numbers in, a mask by Where and Equal on constants, a dynamic axis that is not the batch."""
    n = Net("embedding", 16, 9)
    x = n.input("tokens", ["batch", "seq"], T.INT64)
    e = n.op("Gather", n.weight(5, 6, scale=1), x, axis=0)
    length = shape_of(n, x, 1)
    steps = n.op("Range", n.const(np.int64(0)), length, n.const(np.int64(1)))
    later = n.op("Less", n.op("Unsqueeze", steps, n.ints(1)), n.op("Unsqueeze", steps, n.ints(0)))
    shape = n.op("Concat", n.op("Unsqueeze", length, n.ints(0)), n.op("Unsqueeze", length, n.ints(0)), axis=0)
    zeros = n.op("ConstantOfShape", shape, value=nh.from_array(np.zeros(1, np.float32)))
    mask = n.op("Where", later, n.const(np.float32(-1e4)), zeros)
    scores = n.op("Add", n.op("MatMul", e, n.op("Transpose", e, perm=[0, 2, 1])), mask)
    y = n.op("MatMul", n.op("Softmax", scores, axis=-1), e)
    save(n.model(n.op("ReduceSum", y, n.ints(1), keepdims=0)), 9, fixed={"seq": 7})


def quantizable(name, seed):
    n = Net(name, 17, seed)
    x = n.input("x", ["batch", 3, 8, 8])
    y = n.op("Relu", n.conv(x, 3, 8, 3, stride=2))
    z = n.op("Clip", n.conv(y, 8, 8, 3, group=8), n.const(np.float32(0)), n.const(np.float32(6)))
    y = n.op("Add", y, n.conv(z, 8, 8, 1))
    y = n.op("Flatten", n.op("GlobalAveragePool", y))
    return n.model(n.op("Gemm", y, n.weight(5, 8), n.weight(5), transB=1))


def qdq(name, seed, **options):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            rng = np.random.default_rng(seed)
            self.left = [{"x": rng.normal(0, 1, (1, 3, 8, 8)).astype(np.float32)} for _ in range(8)]

        def get_next(self):
            return self.left.pop() if self.left else None

    path = os.path.join(HERE, "float.tmp.onnx")
    onnx.save(quantizable(name, seed), path)
    out = os.path.join(HERE, f"{name}.onnx")
    quantize_static(path, out, Reader(), quant_format=QuantFormat.QDQ, **options)
    os.remove(path)
    model = onnx.load(out)
    model.graph.name = name
    save(model, seed)


def qdq_models():
    from onnxruntime.quantization import QuantType

    u8, i8, i16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QInt16
    qdq("qdq_per_tensor", 10, per_channel=False, activation_type=u8, weight_type=i8)
    qdq("qdq_per_channel", 11, per_channel=True, activation_type=i8, weight_type=i8)
    qdq("qdq_uint8_weights", 12, per_channel=False, activation_type=u8, weight_type=u8)
    qdq("qdq_int16", 13, per_channel=True, activation_type=i16, weight_type=i8, extra_options={"UseQDQContribOps": False})


def qdq_int4_blocks():
    """Weights of 4 bits with one scale for each block of 8 inputs; integers at the interface; weights quantized in the graph."""
    n = Net("qdq_int4_blocks", 21, 14)
    x = n.input("x", [2, 16], T.INT8)
    scale, zero = n.const(np.float32(0.05)), n.const(np.int8(3))
    y = n.op("DequantizeLinear", x, scale, zero)
    w = n.rng.integers(-8, 8, (16, 6))
    w = h.make_tensor("w", T.INT4, [16, 6], w.flatten().tolist())
    n.weights.append(w)
    scales = n.const(n.rng.uniform(0.05, 0.2, (2, 6)).astype(np.float32))
    y = n.op("MatMul", y, n.op("DequantizeLinear", "w", scales, axis=0, block_size=8))
    v = n.op("QuantizeLinear", n.weight(6, 4), n.const(np.full(4, 0.02, np.float32)), n.const(np.zeros(4, np.int8)), axis=1)
    y = n.op("MatMul", y, n.op("DequantizeLinear", v, n.const(np.full(4, 0.02, np.float32)), n.const(np.zeros(4, np.int8)), axis=1))
    y = n.op("QuantizeLinear", y, n.const(np.float32(0.1)), output_dtype=T.UINT8)
    y = n.op("DequantizeLinear", y, n.const(np.float32(0.1)))
    save(n.model(y), 14)


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    nasbench201_cell()
    mobilenet_v3_block()
    efficientnet_mbconv()
    resnet_block()
    tcn()
    vit_block()
    modern_ops()
    autoencoder()
    embedding()
    qdq_models()
    qdq_int4_blocks()
