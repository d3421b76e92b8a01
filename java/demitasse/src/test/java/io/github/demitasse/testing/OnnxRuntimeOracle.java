package io.github.demitasse.testing;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** A model file in ONNX Runtime, one thread. */
public final class OnnxRuntimeOracle implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession.SessionOptions options = new OrtSession.SessionOptions();
  private final OrtSession session;

  /**
   * @param optimized false to compute every operator as it is written: optimized, ONNX Runtime
   *     multiplies quantized weights with activations that it rounds to 8 bits
   */
  public OnnxRuntimeOracle(Path file, boolean optimized) {
    try {
      options.setIntraOpNumThreads(1);
      if (!optimized) {
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      }
      session = environment.createSession(file.toString(), options);
    } catch (OrtException failed) {
      throw new AssertionError("ONNX Runtime rejects " + file + ": " + failed.getMessage(), failed);
    }
  }

  /** The outputs that are FLOAT32 by name, every operator computed as it is written. */
  public static Map<String, float[]> run(Path file, Map<String, Tensor> inputs) {
    try (OnnxRuntimeOracle oracle = new OnnxRuntimeOracle(file, false)) {
      Map<String, float[]> outputs = new LinkedHashMap<>();
      oracle
          .run(inputs)
          .forEach(
              (name, tensor) -> {
                if (tensor.type() == DataType.FLOAT32) {
                  outputs.put(name, tensor.toFloats());
                }
              });
      return outputs;
    }
  }

  /** All outputs by name. */
  public Map<String, Tensor> run(Map<String, Tensor> inputs) {
    Map<String, OnnxTensor> given = new HashMap<>();
    try {
      for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
        given.put(input.getKey(), tensor(input.getValue()));
      }
      Map<String, Tensor> outputs = new LinkedHashMap<>();
      try (OrtSession.Result result = session.run(given)) {
        for (Map.Entry<String, OnnxValue> output : result) {
          outputs.put(output.getKey(), tensor((OnnxTensor) output.getValue()));
        }
      }
      return outputs;
    } catch (OrtException failed) {
      throw new AssertionError("ONNX Runtime cannot run: " + failed.getMessage(), failed);
    } finally {
      given.values().forEach(OnnxTensor::close);
    }
  }

  private OnnxTensor tensor(Tensor tensor) throws OrtException {
    OnnxJavaType type =
        switch (tensor.type()) {
          case FLOAT32 -> OnnxJavaType.FLOAT;
          case INT64 -> OnnxJavaType.INT64;
          case INT32 -> OnnxJavaType.INT32;
          case UINT8 -> OnnxJavaType.UINT8;
          case INT8 -> OnnxJavaType.INT8;
          case BOOL -> OnnxJavaType.BOOL;
          default -> throw new IllegalArgumentException("not for the oracle: " + tensor);
        };
    return OnnxTensor.createTensor(environment, tensor.buffer(), tensor.shape(), type);
  }

  private static Tensor tensor(OnnxTensor value) {
    TensorInfo info = value.getInfo();
    DataType type =
        switch (info.type) {
          case FLOAT -> DataType.FLOAT32;
          case INT64 -> DataType.INT64;
          case INT32 -> DataType.INT32;
          case UINT8 -> DataType.UINT8;
          case INT8 -> DataType.INT8;
          case BOOL -> DataType.BOOL;
          default -> throw new IllegalArgumentException("not for the oracle: " + info);
        };
    Tensor tensor = Tensor.allocate(type, info.getShape());
    tensor.buffer().put(value.getByteBuffer().order(ByteOrder.LITTLE_ENDIAN));
    return tensor;
  }

  /** Inputs of a BERT-like model for one sentence of these tokens. */
  public static Map<String, Tensor> tokens(long... ids) {
    long[] ones = new long[ids.length];
    Arrays.fill(ones, 1);
    return Map.of(
        "input_ids", Tensor.of(ids, 1, ids.length),
        "attention_mask", Tensor.of(ones, 1, ids.length),
        "token_type_ids", Tensor.allocate(DataType.INT64, 1, ids.length));
  }

  @Override
  public void close() {
    try {
      session.close();
      options.close();
    } catch (OrtException failed) {
      throw new AssertionError(failed);
    }
  }
}
