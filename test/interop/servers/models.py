"""TensorFlow Serving's services and the Open Inference Protocol's on the C core of gRPC, with stubs that protoc made.
The model gives as scores of an image the means of ten runs of 78 pixels each."""

import argparse
import hashlib
import itertools
import time
from array import array
from concurrent import futures

import grpc
from google.protobuf import any_pb2
from inference import inference_pb2, inference_pb2_grpc
from service import Log, announce, wait_for_end
from tensorflow import types_pb2
from tensorflow_serving import (
    metadata_pb2,
    model_service_pb2_grpc,
    model_status_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

PIXELS = 784
CLASSES = 10
RUN = PIXELS // CLASSES


def scores_of(images):
    """[batch * 784] floats to [batch * 10]."""
    scores = array("f")
    for start in range(0, len(images), PIXELS):
        image = images[start : start + PIXELS]
        scores.extend(sum(image[index * RUN : (index + 1) * RUN]) / RUN for index in range(CLASSES))
    return scores


def digests_of(images):
    """A short digest of the little-endian float32 bytes of each image."""
    rows = [images[start : start + PIXELS] for start in range(0, len(images), PIXELS)]
    return [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in rows]


def floats(raw):
    values = array("f")
    values.frombytes(raw)
    return values


class Calls:
    """Does for every call what is the same for all: reads, refuses, answers, writes the row."""

    def __init__(self, options, log):
        self._options = options
        self._log = log
        # Taken by several threads at once: each call has a number of its own.
        self._numbers = itertools.count(1)

    def answer(self, context, shape, images, encoding, reply):
        recv_ns = time.monotonic_ns()
        number = next(self._numbers)
        metadata = context.invocation_metadata()
        row = {
            "ids": [value for name, value in metadata if name == "x-request-id"],
            "recv_ns": recv_ns,
            "time_remaining_s": context.time_remaining(),
            "encoding": encoding,
            "batch": shape[0] if shape else 0,
            "images": digests_of(images),
        }
        problem = None
        if len(shape) != 2 or shape[1] != PIXELS or len(images) != shape[0] * PIXELS:
            problem = (grpc.StatusCode.INVALID_ARGUMENT, f"shape {shape} with {len(images)} values")
        elif self._options.fail_every and number % self._options.fail_every == 0:
            problem = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Die Schlange ist voll: 100 % \u2260 50 %")
        status = problem[0].value[0] if problem else 0
        message = None if problem else reply(scores_of(images))
        self._log.row(**row, send_ns=time.monotonic_ns(), status=status)
        if problem:
            context.abort(*problem)
        return message


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, calls, options):
        self._calls = calls
        self._options = options

    def Predict(self, request, context):
        tensor = request.inputs["images"]
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        encoding = "raw" if tensor.tensor_content else "typed"
        images = floats(tensor.tensor_content) if tensor.tensor_content else array("f", tensor.float_val)

        def reply(scores):
            answer = predict_pb2.PredictResponse()
            answer.model_spec.name = request.model_spec.name
            answer.model_spec.version.value = 1
            answer.model_spec.signature_name = request.model_spec.signature_name
            fill(answer.outputs["scores"], [shape[0], CLASSES], scores)
            if self._options.echo:
                fill(answer.outputs["images"], shape, images)
            return answer

        def fill(output, sizes, values):
            output.dtype = types_pb2.DT_FLOAT
            for size in sizes:
                output.tensor_shape.dim.add(size=size)
            if self._options.answers == "raw":
                output.tensor_content = values.tobytes()
            else:
                output.float_val.extend(values)

        return self._calls.answer(context, shape, images, encoding, reply)

    def GetModelMetadata(self, request, context):
        signatures = metadata_pb2.SignatureDefMap()
        signature = signatures.signature_def["predict_images"]
        signature.method_name = "tensorflow/serving/predict"
        for tensors, name, size in [(signature.inputs, "images", PIXELS), (signature.outputs, "scores", CLASSES)]:
            tensor = tensors[name]
            tensor.name = f"{name}:0"
            tensor.dtype = types_pb2.DT_FLOAT
            tensor.tensor_shape.dim.add(size=-1)
            tensor.tensor_shape.dim.add(size=size)
        packed = any_pb2.Any()
        packed.Pack(signatures)
        answer = metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        answer.metadata["signature_def"].CopyFrom(packed)
        return answer


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        answer = model_status_pb2.GetModelStatusResponse()
        answer.model_version_status.add(version=1, state=model_status_pb2.ModelVersionStatus.AVAILABLE)
        return answer


class Inference(inference_pb2_grpc.GRPCInferenceServiceServicer):
    def __init__(self, calls, options):
        self._calls = calls
        self._options = options

    def ServerLive(self, request, context):
        return inference_pb2.ServerLiveResponse(live=True)

    def ServerReady(self, request, context):
        return inference_pb2.ServerReadyResponse(ready=True)

    def ModelReady(self, request, context):
        return inference_pb2.ModelReadyResponse(ready=True)

    def ModelMetadata(self, request, context):
        answer = inference_pb2.ModelMetadataResponse(name=request.name, versions=["1"], platform="means")
        answer.inputs.add(name="images", datatype="FP32", shape=[-1, PIXELS])
        answer.outputs.add(name="scores", datatype="FP32", shape=[-1, CLASSES])
        return answer

    def ModelInfer(self, request, context):
        tensor = request.inputs[0]
        shape = list(tensor.shape)
        raw = len(request.raw_input_contents) > 0
        images = floats(request.raw_input_contents[0]) if raw else array("f", tensor.contents.fp32_contents)

        def reply(scores):
            answer = inference_pb2.ModelInferResponse(model_name=request.model_name, model_version="1", id=request.id)
            output = answer.outputs.add(name="scores", datatype="FP32", shape=[shape[0], CLASSES])
            # Triton answers raw whatever it was asked, MLServer as it was asked.
            if self._options.answers == "raw" or raw:
                answer.raw_output_contents.append(scores.tobytes())
            else:
                output.contents.fp32_contents.extend(scores)
            return answer

        return self._calls.answer(context, shape, images, "raw" if raw else "typed", reply)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--answers", choices=["raw", "typed"], default="typed")
    parser.add_argument("--echo", action="store_true", help="Predict gives the images back as a second output")
    parser.add_argument("--gzip", action="store_true", help="compress answers for clients that say they take it")
    parser.add_argument("--fail-every", type=int, default=0, help="every n-th call is RESOURCE_EXHAUSTED")
    parser.add_argument("--max-streams", type=int, default=0, help="calls at a time that a connection may have")
    parser.add_argument("--max-age-ms", type=int, default=0, help="connections are sent away when they are so old")
    options = parser.parse_args()

    log = Log(options.log)
    calls = Calls(options, log)
    limits = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
    ]
    if options.max_streams:
        limits.append(("grpc.max_concurrent_streams", options.max_streams))
    if options.max_age_ms:
        limits.append(("grpc.max_connection_age_ms", options.max_age_ms))
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        options=limits,
        compression=grpc.Compression.Gzip if options.gzip else None,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(calls, options), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Inference(calls, options), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    announce(port)
    wait_for_end()
    server.stop(grace=5).wait()
    log.close()


if __name__ == "__main__":
    main()
