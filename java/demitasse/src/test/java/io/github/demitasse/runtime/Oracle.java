package io.github.demitasse.runtime;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** ONNX Runtime, for comparison. */
final class Oracle implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession.SessionOptions options = new OrtSession.SessionOptions();
  private final OrtSession session;

  Oracle(Path model) throws OrtException {
    this(model, true);
  }

  /** Without optimization it computes what the graph says, operator by operator. */
  Oracle(Path model, boolean optimized) throws OrtException {
    options.setIntraOpNumThreads(1);
    if (!optimized) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
    }
    session = environment.createSession(model.toString(), options);
  }

  /** All outputs that are FLOAT32 or INT64. */
  Map<String, Tensor> run(Map<String, Tensor> inputs) throws OrtException {
    Map<String, OnnxTensor> given = new LinkedHashMap<>();
    Map<String, Tensor> results = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
        given.put(input.getKey(), tensor(input.getValue()));
      }
      try (OrtSession.Result result = session.run(given)) {
        for (Map.Entry<String, OnnxValue> output : result) {
          results.put(output.getKey(), tensor((OnnxTensor) output.getValue()));
        }
      }
    } finally {
      given.values().forEach(OnnxTensor::close);
    }
    return results;
  }

  private OnnxTensor tensor(Tensor tensor) throws OrtException {
    ByteBuffer bytes = tensor.buffer();
    return switch (tensor.type()) {
      case FLOAT32 -> OnnxTensor.createTensor(environment, bytes.asFloatBuffer(), tensor.shape());
      case INT64 -> OnnxTensor.createTensor(environment, bytes.asLongBuffer(), tensor.shape());
      case INT32 -> OnnxTensor.createTensor(environment, bytes.asIntBuffer(), tensor.shape());
      case BOOL -> OnnxTensor.createTensor(environment, bytes, tensor.shape(), OnnxJavaType.BOOL);
      default -> throw new IllegalArgumentException("no input of type " + tensor.type());
    };
  }

  private static Tensor tensor(OnnxTensor value) {
    TensorInfo info = value.getInfo();
    DataType type =
        switch (info.type) {
          case FLOAT -> DataType.FLOAT32;
          case INT64 -> DataType.INT64;
          default -> throw new IllegalArgumentException("no output of type " + info.type);
        };
    Tensor tensor = Tensor.allocate(type, info.getShape());
    tensor.buffer().put(value.getByteBuffer().order(ByteOrder.LITTLE_ENDIAN));
    return tensor;
  }

  @Override
  public void close() throws OrtException {
    session.close();
    options.close();
  }
}
