"""Upscaling networks beside other inference programs with the same weights: onnxruntime, OpenVINO and ncnn, as far as installed.

    python benchmarks/upscale_engines.py [--size 192] [--repeat 3] [--threads 1] [--only compact]

    pip install onnx onnxruntime openvino ncnn     (in an environment beside; Ganvas needs none of them)

The networks are written for each program by this file (ONNX; OpenVINO reads that; ncnn's param and bin), with random weights:
speed does not depend on them. All take turns; "busy" is the processor time that was used, "wall" the time that passed, both
medians, and ratios are of busy times within a turn. "off" is how far a picture is from the plain network's, in levels of 255
(mean, and 99.9 %). What a program gets and gives is a float32 map; files and bytes are benchmarks/upscale_beside.py's subject.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from benchmarks.turns import in_turns, medians, off, ratio  # noqa: E402
from benchmarks.upscale_networks import filled, networks  # noqa: E402

Run = Callable[[], Any]


@dataclass(frozen=True)
class Layer:
    """One operation: "conv" (named as its weights; `value` a slope, or the name of slopes), "cat", "sum" (of the second and
    `value` times the first), "double" and "enlarge" (by copying) or "shuffle" (`value` the factor)."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    value: Any = None


class Graph(list[Layer]):
    """Layers in order; each is named as what it makes."""

    def put(self, kind: str, name: str, *inputs: str, value: Any = None) -> str:
        self.append(Layer(kind, name, inputs, value))
        return name


def compact_graph(config: Any) -> Graph:
    graph, x = Graph(), "x"
    for k in range(config.inner + 1):
        x = graph.put("conv", f"body.{2 * k}", x, value=f"body.{2 * k + 1}.weight")
    x = graph.put("shuffle", "shuffled", graph.put("conv", f"body.{2 * config.inner + 2}", x), value=config.shuffle)
    graph.put("sum", "made", x, graph.put("enlarge", "enlarged", "x", value=config.shuffle), value=1.0)
    return graph


def rrdb_graph(config: Any) -> Graph:
    graph = Graph()
    first = x = graph.put("conv", "conv_first", "x")
    for block in range(config.blocks):
        before = x
        for dense in range(1, 4):
            name, seen = f"body.{block}.rdb{dense}", [x]
            for k in range(1, 5):
                whole = graph.put("cat", f"{name}.cat{k}", *seen) if k > 1 else x
                seen.append(graph.put("conv", f"{name}.conv{k}", whole, value=0.2))
            fifth = graph.put("conv", f"{name}.conv5", graph.put("cat", f"{name}.cat5", *seen))
            x = graph.put("sum", f"{name}.sum", fifth, x, value=0.2)
        x = graph.put("sum", f"body.{block}.sum", x, before, value=0.2)
    x = graph.put("sum", "body", graph.put("conv", "conv_body", x), first, value=1.0)
    for number in range(config.doublings):
        x = graph.put("conv", f"ups.{number}", graph.put("double", f"double.{number}", x, value=2), value=0.2)
    graph.put("conv", "conv_last", graph.put("conv", "conv_hr", x, value=0.2))
    return graph


def write_onnx(graph: Graph, tensors: dict[str, Any], size: int, path: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    nodes, constants = [], []

    def constant(name: str, numbers: Any) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(numbers, np.float32), name))
        return name

    for layer in graph:
        name, inputs, value = layer.name, list(layer.inputs), layer.value
        if layer.kind == "conv":
            made = name if value is None else f"{name}.linear"
            weights = [constant(f"{name}.{part}", tensors[f"{name}.{part}"]) for part in ("weight", "bias")]
            nodes.append(helper.make_node("Conv", [*inputs, *weights], [made], pads=[1] * 4, kernel_shape=[3, 3]))
            if isinstance(value, str):
                slopes = constant(value, tensors[value].reshape(-1, 1, 1))
                nodes.append(helper.make_node("PRelu", [made, slopes], [name]))
            elif value is not None:
                nodes.append(helper.make_node("LeakyRelu", [made], [name], alpha=value))
        elif layer.kind == "cat":
            nodes.append(helper.make_node("Concat", inputs, [name], axis=1))
        elif layer.kind == "sum":
            if value != 1:
                share = constant(f"{name}.share", np.array(value))
                nodes.append(helper.make_node("Mul", [inputs[0], share], [f"{name}.part"]))
                inputs[0] = f"{name}.part"
            nodes.append(helper.make_node("Add", inputs, [name]))
        elif layer.kind == "shuffle":
            nodes.append(helper.make_node("DepthToSpace", inputs, [name], blocksize=value, mode="CRD"))
        else:
            scales = constant(f"{name}.scales", np.array([1, 1, value, value]))
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            nodes.append(helper.make_node("Resize", [*inputs, "", scales], [name], **how))
    seen = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, size, size])
    made = helper.make_tensor_value_info(graph[-1].name, onnx.TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(nodes, "network", [seen], [made], constants), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 9
    onnx.save(model, str(path))


def write_ncnn(graph: Graph, tensors: dict[str, Any], stem: Path) -> None:
    """`stem`.param and `stem`.bin. A map that several layers read is told once for each of them (Split)."""
    uses = Counter(name for layer in graph for name in layer.inputs)
    lines, blobs, copies = [], 0, {}

    def put(kind: str, name: str, inputs: list[str], made: str, rest: str = "") -> None:
        nonlocal blobs
        lines.append(f"{kind} {name} {len(inputs)} 1 {' '.join([*inputs, made])} {rest}".rstrip())
        blobs += 1
        if uses[made] > 1:
            copies[made] = [f"{made}.{number}" for number in range(uses[made])]
            lines.append(f"Split {name}.split 1 {uses[made]} {' '.join([made, *copies[made]])}")
            blobs += uses[made]

    with stem.with_suffix(".bin").open("wb") as numbers:
        put("Input", "input", [], "x")
        for layer in graph:
            inputs = [copies[name].pop(0) if name in copies else name for name in layer.inputs]
            name, value = layer.name, layer.value
            if layer.kind == "conv":
                weight = tensors[f"{name}.weight"]
                leaky = f" 9=2 -23310=1,{value}" if isinstance(value, float) else ""
                made = f"{name}.linear" if isinstance(value, str) else name
                put("Convolution", name, inputs, made, f"0={len(weight)} 1=3 4=1 5=1 6={weight.size}{leaky}")
                numbers.write(bytes(4) + weight.tobytes() + tensors[f"{name}.bias"].tobytes())
                if isinstance(value, str):
                    put("PReLU", f"{name}.prelu", [made], name, f"0={len(weight)}")
                    numbers.write(tensors[value].tobytes())
            elif layer.kind == "cat":
                put("Concat", name, inputs, name, "0=0")
            elif layer.kind == "sum":
                put("Eltwise", name, inputs, name, f"0=1 -23301=2,{value},1.0")
            elif layer.kind == "shuffle":
                put("PixelShuffle", name, inputs, name, f"0={value}")
            else:
                put("Interp", name, inputs, name, f"0=1 1={value}.0 2={value}.0")
    stem.with_suffix(".param").write_text("\n".join(["7767517", f"{len(lines)} {blobs}", *lines, ""]))


def others(graph: Graph, tensors: dict[str, Any], x: Any, threads: int, folder: Path) -> dict[str, Run]:
    """What other programs that are installed make of it."""
    size, runs = x.shape[-1], {}
    missing = [name for name in ("onnx", "onnxruntime", "openvino", "ncnn") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}")
    path = folder / "network.onnx"
    if "onnx" not in missing:
        write_onnx(graph, tensors, size, path)
    if path.exists() and "onnxruntime" not in missing:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        runs["onnxruntime, float32"] = lambda: session.run(None, {"x": x})[0][0]
    if path.exists() and "openvino" not in missing:
        import openvino

        for hint, name in (("f32", "float32"), ("bf16", "bfloat16")):
            settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": 1}
            request = openvino.Core().compile_model(str(path), "CPU", settings).create_infer_request()
            runs[f"OpenVINO, {name}"] = lambda request=request: request.infer({0: x})[0][0]
    if "ncnn" not in missing:
        import ncnn

        write_ncnn(graph, tensors, folder / "network")
        for half, name in ((False, "float32"), (True, "bfloat16")):
            net = ncnn.Net()
            net.opt.num_threads, net.opt.use_vulkan_compute, net.opt.use_bf16_storage = threads, False, half
            net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
            net.load_param(str(folder / "network.param"))
            net.load_model(str(folder / "network.bin"))
            runs[f"ncnn, {name}"] = lambda net=net: _by_ncnn(net, x, graph[-1].name)
    return runs


def _by_ncnn(net: Any, x: Any, name: str) -> Any:
    import ncnn

    extractor = net.create_extractor()
    extractor.input("x", ncnn.Mat(x[0]))
    return np.array(extractor.extract(name)[1])


def ours(plain: Any, fast: Any, x: Any) -> dict[str, Run]:
    """The plain network, and ours in the formats that this processor is quick in."""
    import torch

    from models.networks import kernel
    from models.precision import Runtime, processor_has_bfloat16
    from models.steps import drain

    def run(call: Callable[[Any], Any]) -> Any:
        with torch.inference_mode():
            return call(torch.from_numpy(x))[0].numpy()

    print(kernel.told())
    runs: dict[str, Run] = {"plain, float32": lambda: run(plain)}
    for dtype in (torch.float32, torch.bfloat16) if processor_has_bfloat16() else (torch.float32,):
        runtime = Runtime(torch.device("cpu"), dtype)
        network = fast(plain.config, plain.state_dict(), runtime)
        runs[f"Ganvas, {runtime.precision}"] = lambda network=network: run(lambda seen: drain(network.enlarge(seen)))
    return runs


def compare(name: str, plain: Any, fast: Any, graph: Graph, args: argparse.Namespace) -> None:
    import torch

    tensors = {key: tensor.numpy() for key, tensor in plain.state_dict().items()}
    small = torch.rand(1, 3, args.size // 4, args.size // 4, generator=torch.Generator().manual_seed(0))
    x = torch.nn.functional.interpolate(small, (args.size, args.size), mode="bicubic").clamp(0, 1).numpy()
    with tempfile.TemporaryDirectory() as folder:
        runs = {**ours(plain, fast, x), **others(graph, tensors, x, args.threads, Path(folder))}
        turns, made = in_turns(runs, args.repeat)
    print(f"\n{name}, {args.size} x {args.size} px, {args.threads} threads, median of {args.repeat}")
    print(f"{'':24}{'wall s':>9}{'busy s':>9}{'ratio':>8}{'off':>14}")
    plain_times, want = turns["plain, float32"], made["plain, float32"]
    for way, times in turns.items():
        wall, busy = medians(times)
        print(f"{way:24}{wall:9.3f}{busy:9.3f}{ratio(plain_times, times):8.2f}{off(made[way], want):>14}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=192, help="side of the photo in pixels")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="networks whose name holds this")
    args = parser.parse_args()
    from models import device

    device.start(args.threads)
    for name, (config, kind, fast) in networks().items():
        if args.only in name:
            graph = compact_graph(config) if "compact" in name else rrdb_graph(config)
            compare(name, filled(kind(config)), fast, graph, args)


if __name__ == "__main__":
    main()
