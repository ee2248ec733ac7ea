//! The tables of the TFLite schema that are read and written here, by field number.
//!
//! Source: `tensorflow/compiler/mlir/lite/schema/schema.fbs`, schema version 3, file identifier `TFL3`. Fields never looked at
//! (metadata, signatures, sparsity, variables) are left out; a reader skips them.

use bytes::Bytes;

use super::table::{Tables, options, tables};

tables! {
    /// The root of a file.
    Model {
        /// 3 in every file of this format.
        0 version: u32,
        /// The operators used, each once.
        1 operator_codes: Tables<OperatorCode>,
        /// The first is the entry.
        2 subgraphs: Tables<SubGraph>,
        /// Free text.
        3 description: String,
        /// Constant data; buffer 0 is empty by convention.
        4 buffers: Tables<Buffer>,
    }

    /// A kind of operator.
    OperatorCode {
        /// The code while there were fewer than 128 of them.
        0 deprecated_builtin_code: i8,
        /// Name of a custom operator.
        1 custom_code: String,
        /// Version of the operator.
        2 version: i32 = 1,
        /// The code; the greater of the two counts, since older files have only the other.
        3 builtin_code: i32,
    }

    /// A graph: tensors and, in execution order, operators.
    SubGraph {
        /// All values.
        0 tensors: Tables<Tensor>,
        /// Tensor numbers.
        1 inputs: Vec<i32>,
        /// Tensor numbers.
        2 outputs: Vec<i32>,
        /// In execution order.
        3 operators: Tables<Operator>,
        /// May be empty.
        4 name: String,
    }

    /// A value, constant when its buffer has data.
    Tensor {
        /// Empty for a scalar or an unknown rank.
        0 shape: Vec<i32>,
        /// Element type, see [`element`].
        1 element: i8,
        /// Number of its buffer.
        2 buffer: u32,
        /// May be empty.
        3 name: String,
        /// Scale and zero point.
        4 quantization: Option<Quantization>,
        /// A variable keeps its value between runs.
        5 is_variable: bool,
        /// The shape with -1 where a dimension is dynamic.
        7 shape_signature: Vec<i32>,
    }

    /// Scale and zero point, per tensor or along one axis: `real = scale * (stored - zero_point)`.
    Quantization {
        /// Smallest value seen.
        0 min: Vec<f32>,
        /// Largest value seen.
        1 max: Vec<f32>,
        /// One, or one per index of the axis.
        2 scale: Vec<f32>,
        /// As many as scales.
        3 zero_point: Vec<i64>,
        /// 0 unless quantized by a custom scheme.
        4 details_type: u8,
        /// The axis when there are several scales.
        6 axis: i32,
    }

    /// A use of an operator.
    Operator {
        /// Number of its code.
        0 opcode_index: u32,
        /// Tensor numbers, -1 for an optional one that is absent.
        1 inputs: Vec<i32>,
        /// Tensor numbers.
        2 outputs: Vec<i32>,
        /// Its attributes.
        3 options: Options,
    }

    /// Constant data, in the file or (`offset`, `size`) behind its flatbuffer part.
    Buffer {
        /// The bytes, little-endian.
        0 data: Bytes,
        /// Bytes from the beginning of the file; 0 and 1 mean "not used".
        1 offset: u64,
        /// Bytes at `offset`.
        2 size: u64,
    }

    /// Options of `CONV_2D`.
    Conv2dOptions {
        /// See [`padding`].
        0 padding: i8,
        /// Columns per step.
        1 stride_w: i32,
        /// Rows per step.
        2 stride_h: i32,
        /// See [`activation`].
        3 activation: i8,
        /// Distance of the kernel's columns.
        4 dilation_w: i32 = 1,
        /// Distance of the kernel's rows.
        5 dilation_h: i32 = 1,
    }

    /// Options of `DEPTHWISE_CONV_2D`.
    DepthwiseConv2dOptions {
        /// See [`padding`].
        0 padding: i8,
        /// Columns per step.
        1 stride_w: i32,
        /// Rows per step.
        2 stride_h: i32,
        /// Output channels per input channel.
        3 depth_multiplier: i32,
        /// See [`activation`].
        4 activation: i8,
        /// Distance of the kernel's columns.
        5 dilation_w: i32 = 1,
        /// Distance of the kernel's rows.
        6 dilation_h: i32 = 1,
    }

    /// Options of `AVERAGE_POOL_2D` and `MAX_POOL_2D`.
    Pool2dOptions {
        /// See [`padding`].
        0 padding: i8,
        /// Columns per step.
        1 stride_w: i32,
        /// Rows per step.
        2 stride_h: i32,
        /// Columns of the window.
        3 filter_w: i32,
        /// Rows of the window.
        4 filter_h: i32,
        /// See [`activation`].
        5 activation: i8,
    }

    /// Options of `FULLY_CONNECTED`.
    FullyConnectedOptions {
        /// See [`activation`].
        0 activation: i8,
        /// 0 unless the weights are shuffled.
        1 weights_format: i8,
        /// Whether the input's leading dimensions are kept.
        2 keep_num_dims: bool,
        /// Dynamic range: whether the input is quantized with a zero point.
        3 asymmetric_quantize_inputs: bool,
    }

    /// Options of `SOFTMAX`.
    SoftmaxOptions {
        /// Factor of the exponent.
        0 beta: f32,
    }

    /// Options of `CONCATENATION`.
    ConcatenationOptions {
        /// May count from the end.
        0 axis: i32,
        /// See [`activation`].
        1 activation: i8,
    }

    /// Options of `ADD`.
    AddOptions {
        /// See [`activation`].
        0 activation: i8,
        /// int16: whether scales are powers of two.
        1 pot_scale_int16: bool = true,
    }

    /// Options of `SUB`.
    SubOptions {
        /// See [`activation`].
        0 activation: i8,
        /// int16: whether scales are powers of two.
        1 pot_scale_int16: bool = true,
    }

    /// Options of `MUL`.
    MulOptions {
        /// See [`activation`].
        0 activation: i8,
    }

    /// Options of `DIV`.
    DivOptions {
        /// See [`activation`].
        0 activation: i8,
    }

    /// Options of `RESHAPE`.
    ReshapeOptions {
        /// The shape, unless it is the second input.
        0 new_shape: Vec<i32>,
    }

    /// Options of `MEAN`, `SUM`, `REDUCE_MAX` and `REDUCE_MIN`.
    ReducerOptions {
        /// Whether reduced axes stay, with length 1.
        0 keep_dims: bool,
    }

    /// Options of `LEAKY_RELU`.
    LeakyReluOptions {
        /// Slope below zero.
        0 alpha: f32,
    }

    /// Options of `RESIZE_BILINEAR`.
    ResizeBilinearOptions {
        /// Corner pixels' centres coincide.
        2 align_corners: bool,
        /// Pixels are areas, not points.
        3 half_pixel_centers: bool,
    }

    /// Options of `RESIZE_NEAREST_NEIGHBOR`.
    ResizeNearestOptions {
        /// Corner pixels' centres coincide.
        0 align_corners: bool,
        /// Pixels are areas, not points.
        1 half_pixel_centers: bool,
    }

    /// Options of `SQUEEZE`.
    SqueezeOptions {
        /// Axes to remove; empty for all of length 1.
        0 axes: Vec<i32>,
    }

    /// Options of `STRIDED_SLICE`.
    StridedSliceOptions {
        /// Axes whose begin is ignored.
        0 begin_mask: i32,
        /// Axes whose end is ignored.
        1 end_mask: i32,
        /// Position of an ellipsis.
        2 ellipsis_mask: i32,
        /// Positions of new axes.
        3 new_axis_mask: i32,
        /// Axes to take one index of and remove.
        4 shrink_axis_mask: i32,
    }

    /// Options of `SPLIT`.
    SplitOptions {
        /// Number of equal parts.
        0 num_splits: i32,
    }

    /// Options of `PACK`.
    PackOptions {
        /// Number of operands.
        0 values_count: i32,
        /// Where the new axis goes.
        1 axis: i32,
    }

    /// Options of `SPACE_TO_DEPTH`.
    SpaceToDepthOptions {
        /// Rows and columns of a block.
        0 block_size: i32,
    }

    /// Options of `DEPTH_TO_SPACE`.
    DepthToSpaceOptions {
        /// Rows and columns of a block.
        0 block_size: i32,
    }

    /// Options of `UNPACK`.
    UnpackOptions {
        /// Number of results.
        0 num: i32,
        /// The axis that goes.
        1 axis: i32,
    }

    /// Options of `MIRROR_PAD`.
    MirrorPadOptions {
        /// 0 reflects without repeating the border (REFLECT), 1 with (SYMMETRIC).
        0 mode: i8,
    }

    /// Options of `GATHER`.
    GatherOptions {
        /// The axis indexed.
        0 axis: i32,
        /// Leading axes shared.
        1 batch_dims: i32,
    }

    /// Options of `BATCH_MATMUL`.
    BatchMatMulOptions {
        /// Whether the first operand is transposed.
        0 adj_x: bool,
        /// Whether the second operand is transposed.
        1 adj_y: bool,
        /// Dynamic range: whether the input is quantized with a zero point.
        2 asymmetric_quantize_inputs: bool,
    }

    /// Options of `GELU`.
    GeluOptions {
        /// Whether the tanh form is meant.
        0 approximate: bool,
    }

    /// Options of `TRANSPOSE_CONV`.
    TransposeConvOptions {
        /// See [`padding`].
        0 padding: i8,
        /// Columns per step.
        1 stride_w: i32,
        /// Rows per step.
        2 stride_h: i32,
        /// See [`activation`].
        3 activation: i8,
    }

    /// Options of operators that have none (`PAD`, `TRANSPOSE`, `MAXIMUM` and others): the table is there, and empty.
    NoOptions {}
}

options! {
    /// The attributes of an operator.
    Options {
        1 => Conv2d(Conv2dOptions),
        2 => DepthwiseConv2d(DepthwiseConv2dOptions),
        5 => Pool2d(Pool2dOptions),
        8 => FullyConnected(FullyConnectedOptions),
        9 => Softmax(SoftmaxOptions),
        10 => Concatenation(ConcatenationOptions),
        11 => Add(AddOptions),
        15 => ResizeBilinear(ResizeBilinearOptions),
        17 => Reshape(ReshapeOptions),
        19 => SpaceToDepth(SpaceToDepthOptions),
        21 => Mul(MulOptions),
        22 => Pad(NoOptions),
        23 => Gather(GatherOptions),
        26 => Transpose(NoOptions),
        27 => Reducer(ReducerOptions),
        28 => Sub(SubOptions),
        29 => Div(DivOptions),
        30 => Squeeze(SqueezeOptions),
        32 => StridedSlice(StridedSliceOptions),
        35 => Split(SplitOptions),
        49 => TransposeConv(TransposeConvOptions),
        59 => Pack(PackOptions),
        64 => Unpack(UnpackOptions),
        74 => ResizeNearest(ResizeNearestOptions),
        75 => LeakyRelu(LeakyReluOptions),
        77 => MirrorPad(MirrorPadOptions),
        94 => DepthToSpace(DepthToSpaceOptions),
        101 => BatchMatMul(BatchMatMulOptions),
        116 => Gelu(GeluOptions),
    }
}

/// Numbers of the element types.
pub mod element {
    /// 32-bit float.
    pub const FLOAT32: i8 = 0;
    /// 16-bit float.
    pub const FLOAT16: i8 = 1;
    /// 32-bit integer.
    pub const INT32: i8 = 2;
    /// Unsigned byte.
    pub const UINT8: i8 = 3;
    /// 64-bit integer.
    pub const INT64: i8 = 4;
    /// Truth value, one byte.
    pub const BOOL: i8 = 6;
    /// 16-bit integer.
    pub const INT16: i8 = 7;
    /// Byte.
    pub const INT8: i8 = 9;
    /// Two to a byte, the lower half first.
    pub const INT4: i8 = 17;

    /// The name the schema gives to an element type, for messages.
    pub fn name(number: i8) -> &'static str {
        const NAMES: [&str; 19] = [
            "FLOAT32",
            "FLOAT16",
            "INT32",
            "UINT8",
            "INT64",
            "STRING",
            "BOOL",
            "INT16",
            "COMPLEX64",
            "INT8",
            "FLOAT64",
            "COMPLEX128",
            "UINT64",
            "RESOURCE",
            "VARIANT",
            "UINT32",
            "UINT16",
            "INT4",
            "BFLOAT16",
        ];
        usize::try_from(number).ok().and_then(|n| NAMES.get(n).copied()).unwrap_or("unknown")
    }
}

/// Numbers of the padding schemes.
pub mod padding {
    /// The output is `ceil(in / stride)`; the padding this takes is split, the odd element at the end.
    pub const SAME: i8 = 0;
    /// No padding.
    pub const VALID: i8 = 1;
}

/// Numbers of the fused activations.
pub mod activation {
    /// None.
    pub const NONE: i8 = 0;
    /// `max(x, 0)`.
    pub const RELU: i8 = 1;
    /// `clamp(x, -1, 1)`.
    pub const RELU_N1_TO_1: i8 = 2;
    /// `clamp(x, 0, 6)`.
    pub const RELU6: i8 = 3;
    /// Hyperbolic tangent.
    pub const TANH: i8 = 4;
}
