"""Writes the `.case` files beside it: single ops, their inputs, and what LiteRT gives under its three resolvers.

Not needed to build or test. Run with Python 3, numpy, flatbuffers and ai-edge-litert 2.3.0 on x86-64:

    python crates/interp/tests/litert/generate.py

`networks.txt` has what the carried networks give. A case is a graph in the text form, then lines of hexadecimal bytes: `weight NAME`, `in NAME`, `out PROFILE`.
"""

import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import interpreter as litert

HERE = pathlib.Path(__file__).parent
TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "int16": 7, "int8": 9}
NAMES = {"float32": "f32", "int32": "i32", "uint8": "u8", "int64": "i64", "int16": "i16", "int8": "i8"}
RESOLVERS = {
    "tflite-ref": litert.OpResolverType.BUILTIN_REF,
    "tflite-builtin": litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": litert.OpResolverType.AUTO,
}
VALID, SAME = 1, 0


class T:
    """A tensor: NHWC or plain shape, element, quantization, and data where constant."""

    def __init__(self, shape, dtype="int8", scale=None, zero=0, axis=None, data=None):
        self.shape, self.dtype, self.axis = list(shape), dtype, axis
        self.scale = None if scale is None else np.atleast_1d(np.float32(scale))
        self.zero = np.broadcast_to(zero, (1 if self.scale is None else len(self.scale),))
        self.data = data

    def text(self, shape=None):
        shape = shape or (self.shape if len(self.shape) != 4 else [self.shape[i] for i in (0, 3, 1, 2)])
        out = f"{NAMES[self.dtype]}[{', '.join(map(str, shape))}]"
        if self.scale is None:
            return out
        if len(self.scale) == 1:
            return out + f" {{scale = {float(self.scale[0])!r}, zero = {self.zero[0]}}}"
        scales = ", ".join(repr(float(s)) for s in self.scale)
        return out + f" {{scale = [{scales}], zero = 0, axis = 0}}"


def table(b, slots, fields):
    b.StartObject(slots)
    for slot, kind, value in fields:
        # A default that differs from the value, so that every field is written.
        default = {"Float32": float("nan"), "UOffsetTRelative": 0, "Bool": not value}.get(kind, 99)
        getattr(b, f"Prepend{kind}Slot")(slot, value, default)
    return b.EndObject()


def vector(b, kind, size, values):
    b.StartVector(size, len(values), size)
    for value in reversed(values):
        getattr(b, f"Prepend{kind}")(value)
    return b.EndVector()


def model(code, options, tensors, inputs, output, operands, version):
    b = flatbuffers.Builder(4096)
    buffers, made = [table(b, 3, [])], []
    for i, t in enumerate(tensors):
        buffer = 0
        if t.data is not None:
            raw = np.ascontiguousarray(t.data).tobytes()
            b.StartVector(1, len(raw), 16)
            b.head -= len(raw)
            b.Bytes[b.head : b.head + len(raw)] = raw
            end = b.EndVector()
            buffer = len(buffers)
            buffers.append(table(b, 3, [(0, "UOffsetTRelative", end)]))
        shape, name = vector(b, "Int32", 4, t.shape), b.CreateString(f"t{i}")
        fields = [(0, "UOffsetTRelative", shape), (1, "Int8", TYPES[t.dtype]), (2, "Uint32", buffer), (3, "UOffsetTRelative", name)]
        if t.scale is not None:
            scale = vector(b, "Float32", 4, [float(s) for s in t.scale])
            zero = vector(b, "Int64", 8, [int(z) for z in t.zero])
            quant = table(b, 7, [(2, "UOffsetTRelative", scale), (3, "UOffsetTRelative", zero), (6, "Int32", t.axis or 0)])
            fields.append((4, "UOffsetTRelative", quant))
        made.append(table(b, 10, fields))
    opcode = table(b, 4, [(0, "Int8", min(code, 127)), (2, "Int32", version), (3, "Int32", code)])
    opcodes = vector(b, "UOffsetTRelative", 4, [opcode])
    kind, slots, fields = options
    chosen = table(b, slots, fields)
    ins, outs = vector(b, "Int32", 4, operands), vector(b, "Int32", 4, [output])
    fields = [(0, "Uint32", 0), (1, "UOffsetTRelative", ins), (2, "UOffsetTRelative", outs)]
    if kind:
        fields += [(3, "Uint8", kind), (4, "UOffsetTRelative", chosen)]
    ops = vector(b, "UOffsetTRelative", 4, [table(b, 9, fields)])
    all_tensors = vector(b, "UOffsetTRelative", 4, made)
    gin, gout = vector(b, "Int32", 4, inputs), vector(b, "Int32", 4, [output])
    graph = table(b, 5, [(0, "UOffsetTRelative", all_tensors), (1, "UOffsetTRelative", gin), (2, "UOffsetTRelative", gout), (3, "UOffsetTRelative", ops)])
    graphs, all_buffers = vector(b, "UOffsetTRelative", 4, [graph]), vector(b, "UOffsetTRelative", 4, buffers)
    b.Finish(table(b, 8, [(0, "Uint32", 3), (1, "UOffsetTRelative", opcodes), (2, "UOffsetTRelative", graphs), (4, "UOffsetTRelative", all_buffers)]), b"TFL3")
    return bytes(b.Output())


def known_version(build):
    """The newest version of the op LiteRT knows: which one a kernel wants differs from op to op."""
    for version in (3, 2, 1):
        content = build(version)
        try:
            litert.Interpreter(model_content=content, experimental_op_resolver_type=RESOLVERS["tflite-builtin"])
            return content
        except ValueError as error:
            if "version" not in str(error):
                raise
    raise ValueError("no version is known")


def run(content, values, resolver):
    it = litert.Interpreter(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    it.allocate_tensors()
    for detail, value in zip(it.get_input_details(), values):
        it.set_tensor(detail["index"], value)
    it.invoke()
    return it.get_tensor(it.get_output_details()[0]["index"]).copy()


def case(name, code, options, tensors, operands, line, weights=(), layout="nhwc", skip=()):
    """`tensors`: data or constants first, the result last; `line`: the node with %0, %1.. for tensors and $ROUND."""
    inputs = [i for i in operands if tensors[i].data is None]
    output = len(tensors) - 1
    values = [tensors[i].values for i in inputs]
    content = known_version(lambda version: model(code, options, tensors, inputs, output, operands, version))
    header = ", ".join(f"%x{i}: {tensors[i].text()}" for i in inputs)
    text = [f"graph @{name}({header}, layout = {layout}) {{"]
    for i, (shape, data) in dict(weights).items():
        text.append(f"  const %x{i} = @w{i} : {tensors[i].text(shape)}")
    for i in range(len(tensors)):
        line = line.replace(f"%{i}", f"%x{i}")
    text += [f"  %y = {line} : {tensors[output].text()}", "  return %y", "}"]
    for i, (shape, data) in dict(weights).items():
        text.append(f"weight w{i} {np.ascontiguousarray(data).tobytes().hex()}")
    for i, value in zip(inputs, values):
        text.append(f"in x{i} {np.ascontiguousarray(value).tobytes().hex()}")
    for profile, resolver in RESOLVERS.items():
        if profile not in skip:
            text.append(f"out {profile} {run(content, values, resolver).tobytes().hex()}")
    (HERE / f"{name}.case").write_text("\n".join(text) + "\n")


def filled(t, values):
    t.values = np.ascontiguousarray(values).reshape(t.shape)
    return t


def every(dtype):
    low = 0 if dtype == "uint8" else -128
    return np.arange(low, low + 256).astype(dtype)


def random(rng, shape, dtype="int8", low=None):
    info = np.iinfo(dtype)
    return rng.integers(info.min if low is None else low, info.max + 1, shape).astype(dtype)


def convolutions(rng):
    for n, (stride, pad, k, ci, co, scales) in enumerate([
        (1, VALID, 1, 13, 5, "random"), (2, SAME, 3, 3, 8, "random"), (1, SAME, 3, 4, 4, "powers"),
    ]):
        h, w = 11, 10
        sx, sy, zx, zy = (0.07, 0.11, 12, -9) if scales == "random" else (0.125, 0.5, -128, 3)
        sw = rng.uniform(0.002, 0.03, co) if scales == "random" else 2.0 ** -rng.integers(4, 7, co)
        oh, ow = (-(-h // stride), -(-w // stride)) if pad == SAME else ((h - k) // stride + 1, (w - k) // stride + 1)
        x = filled(T([1, h, w, ci], scale=sx, zero=zx), random(rng, (h * w * ci)))
        data, bias = random(rng, (co, k, k, ci), low=-127), rng.integers(-900, 900, co).astype("int32")
        weights = T([co, k, k, ci], scale=sw, axis=0, data=data)
        b = T([co], "int32", scale=np.float32(sx) * np.float32(sw), axis=0, data=bias)
        y = T([1, oh, ow, co], scale=sy, zero=zy)
        total = lambda extent, o: max((o - 1) * stride + k - extent, 0)
        ph, pw = (total(h, oh), total(w, ow)) if pad == SAME else (0, 0)
        pads = [ph // 2, pw // 2, ph - ph // 2, pw - pw // 2]
        act, word = [(0, "none"), (1, "relu"), (3, "relu6")][n]
        line = f"conv2d %0, %1, %2 {{stride = [{stride}, {stride}], pad = {pads}, act = {word}, round = $ROUND}}"
        plain = T([co], "int32")
        options = (1, 7, [(0, "Int8", pad), (1, "Int32", stride), (2, "Int32", stride), (3, "Int8", act)])
        ts = [x, weights, b, y]
        case_with_plain_bias(f"conv2d_{n}", 3, options, ts, line, {1: ([co, ci, k, k], data.transpose(0, 3, 1, 2)), 2: ([co], bias)}, plain)
        data = random(rng, (1, 3, 3, ci), low=-127)
        sw = sw[:1].repeat(ci) * rng.uniform(0.9, 1.1, ci) if scales == "random" else sw[:1].repeat(ci)
        bias = rng.integers(-900, 900, ci).astype("int32")
        weights = T([1, 3, 3, ci], scale=sw, axis=3, data=data)
        b = T([ci], "int32", scale=np.float32(sx) * np.float32(sw), axis=0, data=bias)
        y = T([1, 9, 8, ci], scale=sy, zero=zy)
        line = f"conv2d %0, %1, %2 {{groups = {ci}, act = {word}, round = $ROUND}}"
        options = (2, 7, [(0, "Int8", VALID), (1, "Int32", 1), (2, "Int32", 1), (3, "Int32", 1), (4, "Int8", act)])
        case_with_plain_bias(f"depthwise_{n}", 4, options, [x, weights, b, y], line, {1: ([ci, 1, 3, 3], data.transpose(3, 0, 1, 2)), 2: ([ci], bias)}, plain)


def case_with_plain_bias(name, code, options, tensors, line, weights, plain, skip=()):
    """The bias has a scale in the file and none in the text: it is on the scale of the accumulator."""
    text = tensors[2].text
    tensors[2].text = lambda shape=None: T(tensors[2].shape, plain.dtype).text(shape)
    case(name, code, options, tensors, [0, 1, 2], line, weights, skip=skip)
    tensors[2].text = text


def dense(rng):
    for n, (sx, sw, sy) in enumerate([(0.05, 0.011, 0.23), (0.25, 0.125, 2.0), (0.03, 0.02, 0.1)]):
        k, c = 64, 40
        x = filled(T([12, k], scale=sx, zero=-7), random(rng, 12 * k))
        data, bias = random(rng, (c, k), low=-127), rng.integers(-3000, 3000, c).astype("int32")
        per = rng.uniform(0.5, 1, c) * sw if n == 2 else sw
        ts = [x, T([c, k], scale=per, axis=0, data=data), T([c], "int32", scale=np.float32(sx) * np.float32(per), axis=0, data=bias), T([12, c], scale=sy, zero=5)]
        case_with_plain_bias(f"dense_{n}", 9, (8, 6, [(0, "Int8", 0)]), ts, "dense %0, %1, %2 {round = $ROUND}", {1: ([c, k], data), 2: ([c], bias)}, T([c], "int32"))
    a = filled(T([2, 9, 16], scale=0.04, zero=3), random(rng, 2 * 9 * 16))
    b = filled(T([2, 16, 11], scale=0.03, zero=-5), random(rng, 2 * 16 * 11))
    y = T([2, 9, 11], scale=0.25, zero=1)
    case("matmul", 126, (101, 3, [(0, "Bool", False), (1, "Bool", False)]), [a, b, y], [0, 1], "matmul %0, %1 {round = $ROUND}")


def pairs(rng):
    configs = [((0.05, 3), (0.031, -20), (0.07, -5)), ((0.25, 0), (0.25, 0), (0.5, 0)), ((0.002, 100), (0.4, -128), (0.3, 127))]
    for n, ((sa, za), (sb, zb), (sy, zy)) in enumerate(configs):
        shape = [1, 24, 24, 1]
        def three():
            return [filled(T(shape, scale=sa, zero=za), random(rng, 576)), filled(T(shape, scale=sb, zero=zb), random(rng, 576)), T(shape, scale=sy, zero=zy)]
        case(f"add_{n}", 0, (11, 2, [(0, "Int8", n % 2)]), three(), [0, 1], f"add %0, %1 {{act = {['none', 'relu'][n % 2]}, round = $ROUND}}")
        case(f"sub_{n}", 41, (28, 2, [(0, "Int8", 0)]), three(), [0, 1], "sub %0, %1 {round = $ROUND}")
        case(f"mul_{n}", 18, (21, 1, [(0, "Int8", 0)]), three(), [0, 1], "mul %0, %1 {round = $ROUND}")
        if n < 2:
            # Divisors other than 0, numerators large enough for LiteRT's shift to stay within 31 bits.
            a, b = three()[:2]
            positive, a.values = b.values.copy(), a.values.copy()
            positive[positive == zb] += 1
            a.values[abs(a.values.astype(int) - za) < 16] = za + 33
            case(f"div_{n}", 42, (29, 1, [(0, "Int8", 0)]), [filled(T(shape, "uint8", sa, 128 + za), (a.values.astype(int) + 128).astype("uint8")), filled(T(shape, "uint8", sb, 128 + zb), (positive.astype(int) + 128).astype("uint8")), T(shape, "uint8", sy, 128 + zy)], [0, 1], "div %0, %1 {round = $ROUND}")
        a, b, y = three()
        case(f"maximum_{n}", 55, (39, 0, []), [filled(T(shape, scale=sa, zero=za), a.values), filled(T(shape, scale=sa, zero=za), b.values), T(shape, scale=sa, zero=za)], [0, 1], "maximum %0, %1 {round = $ROUND}")
        slope = random(rng, 1)
        al = T([1, 1, 1], scale=sb, zero=zb, data=slope.reshape(1, 1, 1))
        case(f"prelu_{n}", 54, (0, 0, []), [a, al, y], [0, 1], "prelu %0, %1 {round = $ROUND}", {1: ([1, 1, 1], slope)})


def functions(rng):
    square = lambda scale, zero, dtype="int8": filled(T([1, 256], dtype, scale, zero), every(dtype))
    y = lambda scale, zero, dtype="int8": T([1, 256], dtype, scale, zero)
    configs = [((0.05, 3), (0.07, -5)), ((0.25, -128), (0.125, -128)), ((0.11, 40), (0.021, 0))]
    for n, ((sx, zx), (sy, zy)) in enumerate(configs):
        def go(name, code, options, out, line, skip=()):
            case(f"{name}_{n}", code, options, [square(sx, zx), out], [0], line, skip=skip)

        go("relu", 19, (0, 0, []), y(sy, zy), "relu %0 {round = $ROUND}")
        go("relu6", 21, (0, 0, []), y(sy, zy), "relu6 %0 {round = $ROUND}")
        go("leaky_relu", 98, (75, 1, [(0, "Float32", 0.1)]), y(sy, zy), "leaky_relu %0 {alpha = 0.1, round = $ROUND}")
        go("requantize", 114, (0, 0, []), y(sy, zy), "requantize %0 {round = $ROUND}")
        go("abs", 101, (78, 0, []), y(sy, zy), "abs %0 {round = $ROUND}")
        go("sigmoid", 14, (0, 0, []), y(1 / 256, -128), "sigmoid %0 {round = $ROUND}")
        go("tanh", 28, (0, 0, []), y(1 / 128, 0), "tanh %0 {round = $ROUND}")
        go("hard_swish", 117, (0, 0, []), y(sy, zy), "hard_swish %0 {round = $ROUND}")
        go("elu", 111, (0, 0, []), y(sy, zy), "elu %0 {round = $ROUND}", skip=("tflite-ref",))
        go("gelu", 150, (0, 0, []), y(sy, zy), "gelu %0 {round = $ROUND}", skip=("tflite-ref",))
        go("exp", 47, (33, 0, []), y(sy, zy), "exp %0 {round = $ROUND}")
        go("log", 73, (0, 0, []), y(sy, zy), "log %0 {round = $ROUND}")
        case(f"relu_u8_{n}", 19, (0, 0, []), [square(sx, zx + 128, "uint8"), y(sy, zy + 128, "uint8")], [0], "relu %0 {round = $ROUND}")
        case(f"requantize_u8_{n}", 114, (0, 0, []), [square(sx, zx + 128, "uint8"), y(sy, zy)], [0], "requantize %0 {round = $ROUND}")
        rows = [filled(T([8, 12], scale=sx * (1 + n), zero=zx), random(rng, 96)), T([8, 12], scale=1 / 256, zero=-128)]
        case(f"softmax_{n}", 25, (9, 1, [(0, "Float32", 1.0)]), rows, [0], "softmax %0 {round = $ROUND}")
        reals = filled(T([1, 256], "float32"), (rng.normal(0, 5, 256)).astype("float32"))
        case(f"quantize_{n}", 114, (0, 0, []), [reals, y(sy, zy)], [0], "quantize %0 {ties = away}", skip=("xnnpack",))
        case(f"dequantize_{n}", 6, (0, 0, []), [square(sx, zx), T([1, 256], "float32")], [0], "dequantize %0", skip=("tflite-builtin",))


def windows(rng):
    for n, (dtype, k, zero, act) in enumerate([("int8", 3, 17, 0), ("int8", 2, -128, 0), ("uint8", 2, 100, 0)]):
        x = filled(T([1, 9, 9, 7], dtype, 0.05, zero), random(rng, 567, dtype))
        out = (9 - k) // 2 + 1
        line = f"{{kernel = [{k}, {k}], stride = [2, 2]"
        options = (5, 6, [(0, "Int8", VALID), (1, "Int32", 2), (2, "Int32", 2), (3, "Int32", k), (4, "Int32", k), (5, "Int8", act)])
        y = T([1, out, out, 7], dtype, 0.05, zero)
        case(f"avg_pool2d_{n}", 1, options, [x, y], [0], f"avg_pool2d %0 {line}, round = $ROUND}}")
        case(f"max_pool2d_{n}", 17, options, [x, y], [0], f"max_pool2d %0 {line}}}")
    for n, (h, keep, out) in enumerate([(5, True, (0.05, 17)), (5, False, (0.05, 17)), (8, True, (0.031, -9)), (8, False, (0.031, -9)), (3, True, (0.02, 60))]):
        x = filled(T([1, h, h, 200], scale=0.05, zero=17), random(rng, h * h * 200))
        axes = T([2], "int32", data=np.array([1, 2], "int32"))
        y = T([1, 1, 1, 200] if keep else [1, 200], scale=out[0], zero=out[1])
        case(f"mean_{n}", 40, (27, 1, [(0, "Bool", keep)]), [x, axes, y], [0, 1], f"mean %0 {{axes = [2, 3], keep = {int(keep)}, round = $ROUND}}")
        y = T(y.shape, scale=out[0] * 9, zero=out[1])
        case(f"sum_{n}", 74, (27, 1, [(0, "Bool", keep)]), [x, axes, y], [0, 1], f"sum %0 {{axes = [2, 3], keep = {int(keep)}, round = $ROUND}}", skip=("tflite-ref",))


def sixteen(rng):
    """16-bit activations: symmetric, 8-bit weights, 64-bit or 32-bit bias."""
    x = filled(T([1, 7, 6, 4], "int16", 0.0004), random(rng, 168, "int16"))
    for n, bias_type in enumerate(("int64", "int32")):
        data, bias = random(rng, (5, 3, 3, 4), low=-127), rng.integers(-90000, 90000, 5).astype(bias_type)
        sw = rng.uniform(0.002, 0.03, 5)
        b = T([5], bias_type, scale=np.float32(0.0004) * np.float32(sw), axis=0, data=bias)
        ts = [x, T([5, 3, 3, 4], scale=sw, axis=0, data=data), b, T([1, 5, 4, 5], "int16", 0.001)]
        options = (1, 7, [(0, "Int8", VALID), (1, "Int32", 1), (2, "Int32", 1), (6, "Int8", TYPES[bias_type])])
        case_with_plain_bias(f"conv2d_i16_{n}", 3, options, ts, "conv2d %0, %1, %2 {round = $ROUND}", {1: ([5, 4, 3, 3], data.transpose(0, 3, 1, 2)), 2: ([5], bias)}, T([5], bias_type))
    rows = filled(T([6, 32], "int16", 0.0004), random(rng, 192, "int16"))
    data, bias = random(rng, (9, 32), low=-127), rng.integers(-90000, 90000, 9).astype("int64")
    b = T([9], "int64", scale=np.float32(0.0004) * np.float32(0.011), data=bias)
    ts = [rows, T([9, 32], scale=0.011, data=data), b, T([6, 9], "int16", 0.002)]
    case_with_plain_bias("dense_i16", 9, (8, 6, [(0, "Int8", 0)]), ts, "dense %0, %1, %2 {round = $ROUND}", {1: ([9, 32], data), 2: ([9], bias)}, T([9], "int64"))
    def two():
        return [filled(T([1, 12, 12, 1], "int16", scale), random(rng, 144, "int16")) for scale in (0.0003, 0.0002)]
    y = T([1, 12, 12, 1], "int16", 0.0004)
    case("add_i16", 0, (11, 2, [(0, "Int8", 0)]), [*two(), y], [0, 1], "add %0, %1 {round = $ROUND}")
    case("sub_i16", 41, (28, 2, [(0, "Int8", 0)]), [*two(), y], [0, 1], "sub %0, %1 {round = $ROUND}")
    case("mul_i16", 18, (21, 1, [(0, "Int8", 0)]), [*two(), T([1, 12, 12, 1], "int16", 0.002)], [0, 1], "mul %0, %1 {round = $ROUND}")
    options = (5, 6, [(0, "Int8", VALID), (1, "Int32", 2), (2, "Int32", 2), (3, "Int32", 2), (4, "Int32", 2)])
    case("avg_pool2d_i16", 1, options, [x, T([1, 3, 3, 4], "int16", 0.0004)], [0], "avg_pool2d %0 {kernel = [2, 2], stride = [2, 2], round = $ROUND}")
    axes = T([2], "int32", data=np.array([1, 2], "int32"))
    case("mean_i16", 40, (27, 1, [(0, "Bool", True)]), [x, axes, T([1, 1, 1, 4], "int16", 0.0003)], [0, 1], "mean %0 {axes = [2, 3], round = $ROUND}")
    case("leaky_relu_i16", 98, (75, 1, [(0, "Float32", 0.1)]), [rows, T([6, 32], "int16", 0.0005)], [0], "leaky_relu %0 {alpha = 0.1, round = $ROUND}")
    case("requantize_i16", 114, (0, 0, []), [rows, T([6, 32], "int8", 0.1, 3)], [0], "requantize %0 {round = $ROUND}")


def networks():
    """Outputs of the carried networks for their golden inputs, under the resolvers the golden vectors do not have."""
    models, lines = HERE.parents[3] / "tests" / "models", []
    for name in ("ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8"):
        content = (models / f"{name}.tflite").read_bytes()
        shape = litert.Interpreter(model_content=content).get_input_details()[0]["shape"]
        for profile in ("tflite-builtin", "xnnpack"):
            for x in np.load(models / f"golden_{name}.npz")["x"]:
                lines.append(f"{name} {profile} {run(content, [x.reshape(shape)], RESOLVERS[profile]).tobytes().hex()}")
    (HERE / "networks.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for part in (convolutions, dense, pairs, functions, windows, sixteen):
        part(np.random.default_rng(11))
    networks()
