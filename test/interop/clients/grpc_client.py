"""Asks our servers over the C core of gRPC, with stubs that protoc made, and prints what they said as one JSON object."""

import argparse
import gzip
import json
from array import array

import grpc
from inference import inference_pb2, inference_pb2_grpc
from tensorflow import types_pb2
from tensorflow_serving import (
    metadata_pb2,
    model_service_pb2_grpc,
    model_status_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

PIXELS = 784
# A number of calls at a time that one connection has to carry.
AT_ONCE = 64


def floats(raw):
    values = array("f")
    values.frombytes(raw)
    return values


def refusal(call, request):
    """The code and the words of a call that must not succeed."""
    try:
        call(request)
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}
    return {"code": "OK", "details": ""}


def ask_at_once(call, request):
    """Many calls at a time, each with an id; how many of them went well."""
    calls = [call.future(request, metadata=[("x-request-id", f"c{index}")]) for index in range(AT_ONCE)]
    return sum(1 for one in calls if one.code() == grpc.StatusCode.OK)


def ask_tf_serving(channel, images):
    prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    rows = len(images) // PIXELS

    def request(encoding, values=images, name="mnist"):
        asked = predict_pb2.PredictRequest()
        asked.model_spec.name = name
        asked.model_spec.signature_name = "predict_images"
        tensor = asked.inputs["images"]
        tensor.dtype = types_pb2.DT_FLOAT
        tensor.tensor_shape.dim.add(size=len(values) // PIXELS)
        tensor.tensor_shape.dim.add(size=PIXELS)
        if encoding == "raw":
            tensor.tensor_content = values.tobytes()
        else:
            tensor.float_val.extend(values)
        return asked

    def scores(encoding):
        answer = prediction.Predict(request(encoding))
        output = answer.outputs["scores"]
        assert [dim.size for dim in output.tensor_shape.dim] == [rows, 10]
        assert answer.model_spec.version.value == 1
        return list(floats(output.tensor_content) if output.tensor_content else output.float_val)

    status = model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "mnist"
    (version,) = models.GetModelStatus(status).model_version_status
    described = metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    described.model_spec.name = "mnist"
    signatures = metadata_pb2.SignatureDefMap()
    assert prediction.GetModelMetadata(described).metadata["signature_def"].Unpack(signatures)
    images_info = signatures.signature_def["predict_images"].inputs["images"]
    one = images[:PIXELS]
    return {
        "state": model_status_pb2.ModelVersionStatus.State.Name(version.state),
        "input": {
            "datatype": types_pb2.DataType.Name(images_info.dtype),
            "shape": [dim.size for dim in images_info.tensor_shape.dim],
        },
        "raw": scores("raw"),
        "typed": scores("typed"),
        "unknown": refusal(prediction.Predict, request("raw", one, "other")),
        "at_once": ask_at_once(prediction.Predict, request("raw", one)),
    }


def ask_oip(channel, images):
    service = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
    rows = len(images) // PIXELS

    def request(encoding, values=images, name="mnist"):
        asked = inference_pb2.ModelInferRequest(model_name=name, id="seven")
        tensor = asked.inputs.add(name="images", datatype="FP32", shape=[len(values) // PIXELS, PIXELS])
        if encoding == "raw":
            asked.raw_input_contents.append(values.tobytes())
        else:
            tensor.contents.fp32_contents.extend(values)
        return asked

    def scores(encoding):
        answer = service.ModelInfer(request(encoding))
        (output,) = answer.outputs
        assert (answer.id, output.name, list(output.shape)) == ("seven", "scores", [rows, 10])
        return list(floats(answer.raw_output_contents[0]) if answer.raw_output_contents else output.contents.fp32_contents)

    metadata = service.ModelMetadata(inference_pb2.ModelMetadataRequest(name="mnist"))
    ready = service.ModelReady(inference_pb2.ModelReadyRequest(name="mnist")).ready
    assert service.ServerLive(inference_pb2.ServerLiveRequest()).live
    assert service.ServerReady(inference_pb2.ServerReadyRequest()).ready
    one = images[:PIXELS]
    return {
        "state": "AVAILABLE" if ready else "NOT READY",
        "input": {"datatype": metadata.inputs[0].datatype, "shape": list(metadata.inputs[0].shape)},
        "raw": scores("raw"),
        "typed": scores("typed"),
        "unknown": refusal(service.ModelInfer, request("raw", one, "other")),
        "at_once": ask_at_once(service.ModelInfer, request("raw", one)),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["tf-serving", "oip"])
    parser.add_argument("address")
    parser.add_argument("digits", help="the images, IDX and gzip")
    options = parser.parse_args()
    with gzip.open(options.digits) as file:
        images = array("f", (value / 255 for value in file.read()[16:]))
    ask = ask_tf_serving if options.kind == "tf-serving" else ask_oip
    limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(options.address, options=limits) as channel:
        print(json.dumps(ask(channel, images)))


if __name__ == "__main__":
    main()
