"""Conversion of detections and models to messages of the Open Inference Protocol."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.inference.detector import Detections
from facewire_server.inference.heads.base import LANDMARK_VALUES
from facewire_server.models.description import Description
from facewire_server.models.signature import Tensor
from facewire_server.rpc.infer_parameters import SHARED_MEMORY, SHOWN
from facewire_server.rpc.shared_memory import Place
from facewire_server.telemetry.model_counts import ModelCounts, Sum

PLATFORM = "facewire_openvino"

INPUT = "image"
"""The name of the input in the metadata of every model."""

_OUTPUTS = (
    Tensor("boxes", "FP32", (-1, 5)),
    Tensor("labels", "INT32", (-1,)),
    Tensor("landmarks", "FP32", (-1, LANDMARK_VALUES)),
    Tensor("image_index", "INT32", (-1,)),
    Tensor("image_size", "INT32", (-1, 2)),
)

_TRITON_TYPES = {"FP32": pb.TYPE_FP32, "INT32": pb.TYPE_INT32}


def outputs(model: Description) -> list[Tensor]:
    """The outputs of a model for photos."""
    return [each for each in _OUTPUTS if each.name != "landmarks" or model.landmarks]


def wanted(request: pb.ModelInferRequest, outputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs that a request asks for, in its order; all if it names none.

    Raises RequestError: BAD_TENSOR for an unknown name, and for one that is named twice;
    BAD_OPTION for parameters.
    """
    known = {output.name: output for output in outputs}
    found: dict[str, Tensor] = {}
    for asked in request.outputs:
        name = asked.name
        if name not in known or name in found:
            problem = "asked for twice" if name in found else "not one of the model's"
            raise RequestError(
                Reason.BAD_TENSOR,
                f"output {name[:SHOWN]!r} is {problem}; there are: {', '.join(known)}",
            )
        for parameter in set(asked.parameters).difference(SHARED_MEMORY):
            raise RequestError(
                Reason.BAD_OPTION,
                f"output {name!r} has the parameter {parameter[:SHOWN]!r}; none is known",
            )
        found[name] = known[name]
    return list((found or known).values())


def response(
    request_id: str,
    wanted: Sequence[Tensor],
    found: Sequence[Detections],
    places: Mapping[str, Place],
) -> pb.ModelInferResponse:
    """The answer to a request: the detections in each of its images, of one model.

    Raises RequestError as `message` does.
    """
    arrays = [_array(output.name, found) for output in wanted]
    return message(request_id, found[0].model, wanted, arrays, places)


def message(
    request_id: str,
    model: Description,
    outputs: Sequence[Tensor],
    arrays: Sequence[NDArray[np.generic]],
    places: Mapping[str, Place],
) -> pb.ModelInferResponse:
    """The answer to a request: these outputs with these values, little-endian.

    Outputs that have a place in shared memory are written to it. Raises RequestError
    (BAD_REGION) if one does not fit in.
    """
    answer = pb.ModelInferResponse(
        model_name=model.name, model_version=model.version, id=request_id
    )
    for output, array in zip(outputs, arrays, strict=True):
        tensor = answer.outputs.add(name=output.name, datatype=output.datatype, shape=array.shape)
        data = array.tobytes()
        if output.name in places:
            places[output.name].write(data, tensor.parameters)
            data = b""  # clients count on an entry for each output
        answer.raw_output_contents.append(data)
    return answer


def _array(name: str, found: Sequence[Detections]) -> NDArray[np.generic]:
    """The values of an output, little-endian."""
    if name == "image_size":
        return np.array([(each.width, each.height) for each in found], "<i4")
    if name == "image_index":
        counts = [len(each.found.confidences) for each in found]
        return np.repeat(np.arange(len(found), dtype="<i4"), counts)
    if name == "labels":
        return np.concatenate([each.found.class_ids for each in found], dtype="<i4")
    if name == "landmarks":
        return np.concatenate([each.found.arrays[3] for each in found], dtype="<f4")
    rows = [np.column_stack((each.found.boxes, each.found.confidences)) for each in found]
    return np.concatenate(rows, dtype="<f4")


def metadata(model: Description) -> pb.ModelMetadataResponse:
    """The description of a model in the terms of the protocol."""
    tensor = pb.ModelMetadataResponse.TensorMetadata
    return pb.ModelMetadataResponse(
        name=model.name,
        versions=[model.version],
        platform=PLATFORM,
        inputs=[tensor(name=INPUT, datatype="BYTES", shape=[-1])],
        outputs=[
            tensor(name=output.name, datatype=output.datatype, shape=output.shape)
            for output in outputs(model)
        ],
        parameters={
            name: pb.InferParameter(string_param=value)
            for name, value in _own_tensors(model).items()
        },
    )


def _own_tensors(model: Description) -> dict[str, str]:
    """How to send the network's own input, and what comes back: `image FP32 [1,3,416,416]`."""
    signature = model.signature
    if signature is None:
        return {}
    returned = "; ".join(map(str, signature.outputs))
    return {"tensor_input": str(signature.input), "tensor_outputs": returned}


def config(model: Description) -> pb.ModelConfigResponse:
    """The description of a model in the terms of Triton."""
    return pb.ModelConfigResponse(
        config=pb.ModelConfig(
            name=model.name,
            platform=PLATFORM,
            backend="openvino",
            input=[pb.ModelInput(name=INPUT, data_type=pb.TYPE_STRING, dims=[-1])],
            output=[
                pb.ModelOutput(
                    name=output.name,
                    data_type=_TRITON_TYPES[output.datatype],
                    dims=output.shape,
                )
                for output in outputs(model)
            ],
            parameters={
                name: pb.ModelParameter(string_value=value)
                for name, value in _own_tensors(model).items()
            },
            model_transaction_policy=pb.ModelTransactionPolicy(decoupled=False),
        )
    )


def statistics(model: Description, counts: ModelCounts) -> pb.ModelStatistics:
    """What a model has done, in the terms of Triton."""
    stages = counts.stages
    return pb.ModelStatistics(
        name=model.name,
        version=model.version,
        last_inference=round(1000 * counts.last),
        inference_count=stages["inference"].count,
        execution_count=counts.executions,
        inference_stats=pb.InferStatistics(
            success=_duration(counts.success),
            fail=_duration(counts.fail),
            queue=_duration(stages["queue"]),
            compute_input=_duration(stages["decode"]),
            compute_infer=_duration(stages["inference"]),
            compute_output=_duration(stages["postprocess"]),
        ),
    )


def _duration(each: Sum) -> pb.StatisticDuration:
    return pb.StatisticDuration(count=each.count, ns=round(1e9 * each.seconds))
