"""Features of the trunks on a synthetic image, by PyTorch, for tests/trunks.rs to compare with.

    pip install torch numpy safetensors
    python trunks.py WEIGHTS_DIR > trunks.json

WEIGHTS_DIR holds vgg16_features_f16.safetensors and efficientnet_lite0_f16.safetensors.
The AlexNets have no weights here: theirs come from the formula below, in f32.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

torch.set_num_threads(1)
HEIGHT, WIDTH = 75, 101


def photograph():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [(x * 7 + y * 3) % 256, (x * y) % 256, (x * x // 5 + 11 * y) % 256]
    return torch.tensor(np.stack(planes).astype(np.float32))[None]


def summary(maps):
    maps = maps[0].double()
    flat = maps.flatten()
    places = [int(i) for i in np.linspace(0, flat.numel() - 1, 16)]
    return {
        "shape": list(maps.shape),
        "rms": float(maps.square().mean().sqrt()),
        "places": places,
        "values": [float(flat[i]) for i in places],
    }


def vgg16(path):
    w = {k: v.float() for k, v in load_file(path).items()}
    mean = torch.tensor([103.939, 116.779, 123.68])[None, :, None, None]
    x = photograph().flip(1) - mean
    out, module = {}, 0
    for stage, count in enumerate([2, 2, 3, 3, 3], start=1):
        if stage > 1:
            x = F.max_pool2d(x, 2)
            module += 1
        for index in range(1, count + 1):
            x = F.relu(F.conv2d(x, w[f"features.{module}.weight"], w[f"features.{module}.bias"], padding=1))
            out[f"relu{stage}_{index}"] = x
            module += 2
    return {name: summary(out[name]) for name in ["relu1_2", "relu4_3", "relu5_3"]}


def same(x, kernel, stride):
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def lite0(path):
    w = {k: v.float() for k, v in load_file(path).items()}

    def norm(x, name):
        p = [w[f"{name}.{part}"] for part in ["running_mean", "running_var", "weight", "bias"]]
        return F.batch_norm(x, *p, training=False, eps=1e-3)

    x = (photograph() - 127) / 128
    x = F.relu6(norm(F.conv2d(same(x, 3, 2), w["_conv_stem.weight"], stride=2), "_bn0"))
    out, block, channels = {}, 0, 32
    stages = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
    for repeats, kernel, first, expansion, width in stages:
        for repeat in range(repeats):
            stride, name, shortcut = first if repeat == 0 else 1, f"_blocks.{block}", x
            if expansion > 1:
                x = F.relu6(norm(F.conv2d(x, w[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
                out[f"expand{block}"] = x
            kernel_weight = w[f"{name}._depthwise_conv.weight"]
            x = F.conv2d(same(x, kernel, stride), kernel_weight, stride=stride, groups=kernel_weight.shape[0])
            x = F.relu6(norm(x, f"{name}._bn1"))
            x = norm(F.conv2d(x, w[f"{name}._project_conv.weight"]), f"{name}._bn2")
            if stride == 1 and channels == width:
                x = x + shortcut
            channels = width
            out[f"block{block}"] = x
            block += 1
    return {name: summary(out[name]) for name in ["expand5", "expand11", "block15"]}


def formula_weights(shape, layer):
    """w[i] = 0.05 sin(12.9898 i + layer) / sqrt(fan-in / 27), i counted in torch's order."""
    count = int(np.prod(shape))
    fan = np.prod(shape[1:]) / 27
    values = np.sin(12.9898 * np.arange(count, dtype=np.float64) + layer) / np.sqrt(fan)
    return torch.tensor(values.astype(np.float32).reshape(shape))


def alexnet(original):
    x = photograph()
    if original:
        x = x.flip(1) - torch.tensor([103.939, 116.779, 123.68])[None, :, None, None]
        layers = [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
    else:
        mean = 255 * torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]
        x = (x - mean) / (255 * torch.tensor([0.229, 0.224, 0.225])[None, :, None, None])
        layers = [(64, 11, 4, 2, 1), (192, 5, 1, 2, 1), (384, 3, 1, 1, 1), (256, 3, 1, 1, 1), (256, 3, 1, 1, 1)]
    out = {}
    for index, (width, kernel, stride, pad, groups) in enumerate(layers):
        weight = formula_weights((width, x.shape[1] // groups, kernel, kernel), index)
        x = F.relu(F.conv2d(x, weight, torch.full((width,), 0.01), stride=stride, padding=pad, groups=groups))
        out[f"relu{index + 1}"] = x
        if index < 2:
            x = F.max_pool2d(x, 3, 2, ceil_mode=original)
            if original:
                x = F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)
    return {name: summary(out[name]) for name in ["relu2", "relu5"]}


folder = sys.argv[1]
with torch.no_grad():
    json.dump(
        {
            "vgg16": vgg16(f"{folder}/vgg16_features_f16.safetensors"),
            "lite0": lite0(f"{folder}/efficientnet_lite0_f16.safetensors"),
            "alexnet": alexnet(False),
            "alexnet-original": alexnet(True),
        },
        sys.stdout,
        indent=1,
    )
