"""Which ops of ONNX a CNN uses, and how each is said in netspec."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.conformance.onnx_nodes import attention, layout, norm, pointwise, reduce, window
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use

FAMILIES = (pointwise, window, attention, norm, layout, reduce)

TABLE: Mapping[str, Callable[[Node], Use]] = {
    op: say for family in FAMILIES for op, say in family.TABLE.items()
}


FAMILIES_OF_ONNX: Mapping[str, str] = {
    "activations": """
        Celu Clip Dropout Elu Erf Gelu HardSigmoid HardSwish Hardmax Identity LeakyRelu LogSoftmax Mish PRelu Relu Selu
        Shrink Sigmoid Softmax Softplus Softsign Swish Tanh ThresholdedRelu""",
    "arithmetic and comparisons": """
        Abs Add And Div Equal Exp Gemm Greater GreaterOrEqual Less LessOrEqual Log MatMul Max Mean Min Mul Neg Not Or
        Pow Reciprocal Sqrt Sub Sum Where Xor""",
    "convolutions, pools and attention": """
        Attention AveragePool Conv ConvTranspose DeformConv GlobalAveragePool GlobalMaxPool LpPool MaxPool MaxUnpool""",
    "norms": """
        BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
        MeanVarianceNormalization RMSNormalization""",
    "axes and places": """
        CenterCropPad Concat DepthToSpace Expand Flatten GridSample Pad Reshape Resize Slice SpaceToDepth Split Squeeze
        Tile Transpose Unsqueeze Upsample""",
    "reductions": """
        ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
        ReduceSum ReduceSumSquare""",
    "losses": "NegativeLogLikelihoodLoss OneHot SoftmaxCrossEntropyLoss",
    "update rules": "Adagrad Adam Momentum",
}
"""The ops of ONNX that CNNs, their losses and their training are made of, whether netspec has them or not."""

RELEVANT = frozenset(op for ops in FAMILIES_OF_ONNX.values() for op in ops.split())

ELSEWHERE: Mapping[str, str] = {
    "quantised numbers": """
        ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear""",
    "types of numbers": "BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike",
    "control flow, sequences and optional values": """
        If Loop OptionalGetElement OptionalHasElement Scan SequenceInsert SequenceMap SplitToSequence""",
    "text, trees and tables": """
        ArrayFeatureExtractor Binarizer LabelEncoder RegexFullMatch StringConcat StringNormalizer StringSplit
        TfIdfVectorizer TreeEnsemble""",
    "networks that run along a sequence, and language models": """
        CausalConvWithState FlexAttention GRU LSTM LinearAttention RNN ReverseSequence RotaryEmbedding TensorScatter""",
    "signals": "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT",
    "boxes and files of images": "ImageDecoder NonMaxSuppression RoiAlign",
    "places given as values": """
        Compress Gather GatherElements GatherND NonZero Scatter ScatterElements ScatterND TopK Unique""",
    "sizes as values, and constants": "Constant ConstantOfShape EyeLike Range Shape Size",
    "chance": "Bernoulli",
    "functions that no activation is made of": """
        Acos Acosh AffineGrid Asin Asinh Atan Atanh Ceil Col2Im Cos Cosh CumProd Det Einsum Floor IsInf IsNaN Mod Round
        Sign Sin Sinh Tan Trilu""",
}
"""All other ops of ONNX's tests, by what they are about."""


def say(node: Node) -> Use:
    """The node as a use of an op of netspec; Unsaid, Problem or ValidationError where there is none."""
    if node.op not in TABLE:
        raise Unsaid(f"netspec has no op that does what {node.op} does")
    return TABLE[node.op](node)
