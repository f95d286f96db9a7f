"""What people write who come from other libraries, and what they are told."""

from __future__ import annotations

import pytest

from netspec.lang.habits import _FORMULAS
from tests.lang.marked import assert_good, assert_told

IMAGE = "inputs: {image: [3, 32, 32]}\n"

OPS = [
    ("«Conv2d»: {out_channels: 8, kernel_size: 3}", "`conv`"),
    ("«nn.ReLU»", "`relu`"),
    ("«nn.BatchNorm2d»", "`batch_norm`"),
    ("«MaxPooling2D»: 2", "`max_pool`"),
    ("«GlobalAveragePooling2D»", "`global_avg_pool`"),
    ("«Flatten»", "`flatten`"),
    ("«LeakyReLU»: 0.1", "`leaky_relu`"),
    ("«Dropout2d»: 0.5", "whole: channel"),
    ("«LayerNorm»: channel", "`layer_norm`"),
    ("«nn.GroupNorm»: 3", "`group_norm`"),
    ("«InstanceNorm2d»", "`instance_norm`"),
    ("«GroupNormalization»: 3", "`group_norm`"),
    ("«RMSNorm»: channel", "`rms_norm`"),
    ("«LRN»: 5", "`local_response_norm`"),
    ("«nn.LocalResponseNorm»: 5", "`local_response_norm`"),
    ("«nn.PReLU»", "`prelu`"),
    ("«RReLU»", "`rrelu`"),
    ("«GLU»: height", "`glu`"),
    ("«Maxout»: 3", "`maxout`"),
    ("«nn.LogSigmoid»", "`logsigmoid`"),
    ("«nn.Hardshrink»", "`hardshrink`"),
    ("«nn.Softmax2d»", "`softmax`"),
    ("«AlphaDropout»: 0.1", "`alpha_dropout`"),
    ("«FeatureAlphaDropout»: 0.1", "`- alpha_dropout: {p: 0.5, whole: channel}`"),
    ("«SpatialDropout2D»: 0.1", "whole: channel"),
    ("«C2f»: [64]", "several layers"),
    ("«SPPF»", "under `blocks`"),
    ("«Detect»", "under `blocks`"),
    ("«Activation»: relu", "`- relu`"),
    ("«DepthwiseConv2D»: 3", "`depthwise_conv`"),
    ("«SeparableConv2D»: {out_channels: 8, kernel_size: 3}", "`separable_conv`"),
    ("«LocallyConnected2D»: {out_channels: 8, kernel_size: 3}", "`locally_connected`"),
    ("«nn.LPPool2d»: 2", "`lp_pool`"),
    ("«BlurPool2d»", "`blur_pool`"),
    ("«Reshape»: {feature: -1}", "`reshape`"),
    ("«view»: {feature: -1}", "`reshape`"),
    ("«torch.permute»: [height, width, channel]", "`permute`"),
    ("«transpose»: [height, width, channel]", "`permute`"),
    ("«swapaxes»: [1, 2]", "`- permute: [height, width, channel]`"),
    ("«unflatten»: {dim: 1}", "`- reshape: {group: 4, channel: -1, width: width}`"),
    ("«slice»: {axis: width, start: 1}", "`narrow`"),
    ("«ExpandDims»: time", "`unsqueeze`"),
    ("«nn.PixelUnshuffle»: 2", "`pixel_unshuffle`"),
    ("«space_to_depth»: 2", "`pixel_unshuffle`"),
    ("{«torch.cat»: channel, from: [image, image]}", "`concat`"),
    ("«SELayer»: 3", "`squeeze_excite`"),
    ("«SqueezeExcitation»: 3", "`squeeze_excite`"),
    ("«CBAM»: 3", "`cbam`"),
    ("«Upsample»: {factor: 2}", "`resize`"),
]


@pytest.mark.parametrize("layer, said", OPS)
def test_an_op_of_another_library_is_told_in_the_words_of_this_one(layer: str, said: str) -> None:
    assert_told(f"{IMAGE}layers:\n  - {layer}\n", "NS101", said)


ARGUMENTS = [
    ("conv: {«filters»: 8, kernel_size: 3}", "`out_channels`"),
    ("conv: {out_channels: 8, «kernel»: 3}", "`kernel_size`"),
    ("conv: {out_channels: 8, kernel_size: 3, «strides»: 2}", "`stride`"),
    ("conv: {out_channels: 8, kernel_size: 3, «use_bias»: true}", "`bias`"),
    ("conv: {«in_channels»: 3, out_channels: 8, kernel_size: 3}", "leave it out"),
    ("conv: {out_channels: 8, kernel_size: 3, «input_shape»: [3, 32, 32]}", "leave it out"),
    (
        "conv: {out_channels: 8, kernel_size: 3, «kernel_initializer»: he_normal}",
        "`init: {weight: kaiming_normal}`",
    ),
    ("max_pool: {«pool_size»: 2}", "`kernel_size`"),
    (
        "max_pool: {kernel_size: 2, padding: 1, «padding_mode»: reflect}",
        "`- pad: {padding: 1, mode: reflect}`",
    ),
    ("depthwise_conv: {kernel_size: 3, «depth_multiplier»: 2}", "`multiplier`"),
    ("blur_pool: {«filt_size»: 4}", "`kernel_size`"),
    ("flatten: {«start_dim»: 2}", "`flatten: [height, width]`"),
    ("split: {«split_size»: 3}", "`sizes`"),
    ("split: {sizes: 1, «dim»: 1}", "`axis: channel`"),
    ("multi_head_attention: {num_heads: 1, «embed_dim»: 3}", "leave it out"),
    ("multi_head_attention: {num_heads: 1, «batch_first»: true}", "leave it out"),
    ("multi_head_attention: {num_heads: 1, «key_padding_mask»: m}", "the opposite"),
    ("conv: {out_channels: 8, kernel_size: 3, «pad_mode»: reflect}", "`padding_mode`"),
    ("relu: {«inplace»: true}", "leave it out"),
    ("batch_norm: {«num_features»: 3}", "leave it out"),
    ("layer_norm: {«normalized_shape»: [3, 32, 32]}", "`- layer_norm: channel`"),
    ("layer_norm: {axis: channel, «affine»: false}", "`elementwise_affine`"),
    ("layer_norm: {axis: channel, «epsilon»: 1e-6}", "`eps`"),
    ("group_norm: {«groups»: 3}", "`num_groups`"),
    ("group_norm: {num_groups: 3, «num_channels»: 3}", "leave it out"),
    ("layer_scale: {«init_values»: 1e-5}", "`init: {weight: {constant: 1e-6}}`"),
    ("dropout: {«keep_prob»: 0.9}", "1 less"),
]


@pytest.mark.parametrize("layer, said", ARGUMENTS)
def test_an_argument_of_another_library_is_told_with_its_cure(layer: str, said: str) -> None:
    assert_told(f"{IMAGE}layers:\n  - {layer}\n", "NS121", said)


TRAINED = "targets: {y: {shape: [4], range: [0, 1]}}\nlayers:\n  - {linear: 4, name: z}\nloss: mse(z, y)\n"


@pytest.mark.parametrize(
    "optimizer, code, said",
    [
        ("«Adam»: 1e-3", "NS113", "`adam`"),
        ("«optim.AdamW»: 1e-3", "NS113", "`adamw`"),
        ("«SGD»: 0.1", "NS113", "`sgd`"),
        ("«RMSprop»: 0.1", "NS113", "`rmsprop`"),
        ("«NAdam»: 0.1", "NS113", "`nadam`"),
        ("«Adamax»: 0.1", "NS113", "use `adam`"),
        ("adam: {lr: 1e-3, «decoupled_weight_decay»: true}", "NS121", "`adamw`"),
        ("adamw: {lr: 1e-3, «no_weight_decay»: [bias]}", "NS121", "`no_decay`"),
        ("adamw: {lr: 1e-3, «param_groups»: [1]}", "NS121", "`no_decay: [norm, bias]`"),
        ("adamw: {lr: 1e-3, weight_decay: «{bias: 0}»}", "NS123", "`no_decay: [norm, bias]`"),
        ("adamw: {lr: 1e-3, «fused»: true}", "NS121", "leave it out"),
        ("adamw: {lr: 1e-3, «maximize»: true}", "NS121", "its opposite"),
    ],
)
def test_an_optimizer_of_another_library_is_told_as_it_is_here(optimizer: str, code: str, said: str) -> None:
    text = f"{IMAGE}{TRAINED}training: {{epochs: 1, batch_size: 2, optimizer: {{{optimizer}}}}}\n"
    assert_told(text.replace("[3, 32, 32]", "[4]"), code, said)


@pytest.mark.parametrize(
    "phase, code, said",
    [
        ("«CosineAnnealingLR»", "NS113", "`cosine`"),
        ("«CosineAnnealingWarmRestarts»: 5 epochs", "NS113", "`cosine_restarts`"),
        ("«OneCycleLR»", "NS113", "`one_cycle`"),
        ("«ReduceLROnPlateau»: {minimize: loss}", "NS113", "`plateau`"),
        ("«LambdaLR»", "NS113", "no functions"),
        ("«linear»", "NS113", "`polynomial`"),
        ("one_cycle: {«max_lr»: 1}", "NS121", "`lr` of the optimizer"),
        ("cosine: {«eta_min»: 1e-6}", "NS121", "`end: 0.01`"),
        ("cosine: {«T_max»: 10}", "NS121", "leave it out"),
        ("plateau: {minimize: loss, patience: «5»}", "NS123", "`5 epochs`"),
        ("plateau: {minimize: loss, patience: «5 steps»}", "NS123", "not in `epochs`"),
        ("plateau: {minimize: «val_loss»}", "NS129", "`loss`"),
        ("cosine_restarts: {T_0: «10»}", "NS123", "`10 epochs`"),
        ("step: {step_size: 1 epochs, gamma: «2»}", "NS123", "at most 1"),
    ],
)
def test_a_scheduler_of_another_library_is_told_as_a_phase(phase: str, code: str, said: str) -> None:
    call = phase if phase.endswith("»") and ":" not in phase else f"{{{phase}}}"
    text = f"{IMAGE}{TRAINED}training: {{epochs: 20, batch_size: 2, optimizer: {{adam: 0.01}}, schedule: [{call}]}}\n"
    assert_told(text.replace("[3, 32, 32]", "[4]"), code, said)


def test_one_cycle_without_a_momentum_is_refused_where_the_schedule_is() -> None:
    training = "epochs: 1, batch_size: 2, optimizer: {adagrad: 0.1}, schedule: «[one_cycle]»"
    text = f"{IMAGE}{TRAINED}training: {{{training}}}\n"
    assert_told(text.replace("[3, 32, 32]", "[4]"), "NS124", "cycle_momentum: false")


VALUES = [
    ('conv: {out_channels: 8, kernel_size: 3, padding: «"SAME"»}', "`same`"),
    ("conv: {out_channels: 8, kernel_size: 3, bias: «no»}", "`false`"),
    ('conv: {out_channels: 8, kernel_size: «"3"»}', "`3`"),
    ("conv: {out_channels: 8, kernel_size: «3x3»}", "`[3, 3]`"),
]


@pytest.mark.parametrize("layer, said", VALUES)
def test_a_value_as_another_language_writes_it_is_told_as_yaml_has_it(layer: str, said: str) -> None:
    assert_told(f"{IMAGE}layers:\n  - {layer}\n", "NS123", said)


def test_a_layer_that_is_a_list_is_told_how_it_is_written_here() -> None:
    said = ("`- conv: {out_channels: 64, kernel_size: 3, stride: 2}`", "`repeat: 2`", "`- batch_norm`")
    assert_told(f"{IMAGE}layers:\n  - «[-1, 2, Conv, [64, 3, 2]]»\n", "NS116", *said)


@pytest.mark.parametrize(
    "section, said",
    [
        ("«backbone»: [relu]", "in `layers`"),
        ("«head»: [relu]", "in `layers`"),
        ("«weights»: imagenet", "said by `init`"),
        ("«optimizer»: {sgd: 0.1}", "under `training`"),
    ],
)
def test_a_section_of_another_tool_is_told_where_it_belongs(section: str, said: str) -> None:
    assert_told(f"{section}\n", "NS102", said)


LOSS = "targets: {label: {kind: class_index, classes: 3}}\nlayers:\n  - {linear: 3, name: scores}\n"


@pytest.mark.parametrize(
    "loss, code, said",
    [
        ("«CrossEntropyLoss»(scores, label)", "NS112", "`cross_entropy`"),
        ("«CrossEntropyLoss»", "NS110", "cross_entropy(logits, target"),
        ("«mse_loss»", "NS110", "mse(prediction, target"),
        ("«F.cross_entropy»(scores, label)", "NS136", "`cross_entropy(…)`"),
    ],
)
def test_a_loss_of_another_library_is_told_as_a_formula(loss: str, code: str, said: str) -> None:
    assert_told(f"{LOSS}loss: {loss}\n", code, said)


HEADS = """\
targets:
  label: {kind: class_index, classes: 3}
  yes: {shape: [3], range: [0, 1]}
  volume: {shape: [], unit: ml, range: [0, 9]}
layers:
  - {linear: 3, name: y}
  - {formula: sigmoid(y), name: p}
  - {formula: "mean(y, axis=feature)", name: mu}
  - {formula: softplus(mu), name: sigma}
"""


@pytest.mark.parametrize(
    "loss, said",
    [
        ("«BCELoss»(p, yes)", "bce"),
        ("«BCEWithLogitsLoss»(y, yes)", "bce_with_logits"),
        ("«binary_focal_loss»(y, yes)", "sigmoid_focal"),
        ("«FocalLoss»(y, label)", "focal"),
        ("«SmoothL1Loss»(y, yes)", "smooth_l1"),
        ("«HuberLoss»(mu, volume)", "huber"),
        ("«GaussianNLLLoss»(mu, volume, sigma)", "gaussian_nll"),
        ("«PoissonNLLLoss»(mu, volume)", "poisson_nll"),
        ("«KLDivLoss»(log_softmax(y), softmax(y))", "kl_div"),
        ("«quantile_loss»(mu, volume, q=0.9)", "pinball"),
        ("«crps_gaussian»(mu, sigma, volume)", "crps_normal"),
        ("«CosineEmbeddingLoss»(y, yes, mu > 0)", "cosine_embedding"),
        ("«TripletMarginLoss»(y, yes, p)", "triplet_margin"),
        ("«MarginRankingLoss»(mu, volume, mu > 0)", "margin_ranking"),
        ("mean(«cos_sim»(y, yes))", "cosine_similarity"),
    ],
)
def test_losses_of_other_libraries_have_their_word_here(loss: str, said: str) -> None:
    assert_told(f'{HEADS}loss: "{loss}"\n', "NS112", f"`{said}`")


@pytest.mark.parametrize("loss", ["DiceLoss", "JaccardLoss", "TverskyLoss", "focal_tversky_loss", "IoULoss"])
def test_losses_of_overlap_have_their_word_here(loss: str) -> None:
    image = "inputs: {x: [3, 8, 8]}\ntargets: {yes: {shape: [1, 8, 8], range: [0, 1]}}\n"
    layers = "layers:\n  - conv: {out_channels: 1, kernel_size: 1}\n  - {sigmoid, name: p}\n"
    assert_told(f'{image}{layers}loss: "«{loss}»(p, yes)"\n', "NS112", "_loss`")


TRAINING = "  epochs: 3\n  optimizer: {sgd: 0.1}\n"


@pytest.mark.parametrize(
    "line, said",
    [
        ("batch_size: 8\n  «lr_scheduler»: cosine", "`schedule`"),
        ("batch_size: 8\n  «lr»: 0.1", "the optimizer"),
    ],
)
def test_a_setting_of_another_trainer_is_told_where_it_belongs(line: str, said: str) -> None:
    code = "NS121"
    assert_told(f"{LOSS}loss: cross_entropy(scores, label)\ntraining:\n{TRAINING}  {line}\n", code, said)


@pytest.mark.parametrize("name", sorted(_FORMULAS))
def test_the_formula_offered_for_a_function_is_a_layer(name: str) -> None:
    assert_good(f"layers:\n  - linear: 4\n  - formula: {_FORMULAS[name]}\n")


TOKENS = "netspec: 1\ninputs: {tokens: {place: 4, channel: 8}}\nlayers:\n  - "


@pytest.mark.parametrize(
    "layer, code, said",
    [
        ("{«nn.MultiheadAttention»: 2, from: [tokens, tokens, tokens]}", "NS101", "`multi_head_attention`"),
        ("{«SelfAttention»: 2, from: [tokens, tokens, tokens]}", "NS101", "`multi_head_attention`"),
        ("{«sdpa», from: [tokens, tokens, tokens]}", "NS101", "`scaled_dot_product_attention`"),
        ("{multi_head_attention: {«n_heads»: 2}, from: [tokens, tokens, tokens]}", "NS121", "`num_heads`"),
    ],
)
def test_attention_of_another_library_is_told_in_the_words_of_this_one(
    layer: str, code: str, said: str
) -> None:
    assert_told(f"{TOKENS}{layer}\n", code, said)
