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
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runs a model file with ONNX Runtime, one thread, every operator as it is written. */
public final class OnnxRuntimeOracle {
  private OnnxRuntimeOracle() {}

  /** The outputs that are FLOAT32, by name. */
  public static Map<String, float[]> run(Path file, Map<String, Tensor> inputs) {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    Map<String, OnnxTensor> given = new HashMap<>();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      // Optimized, it would multiply quantized weights with activations that it rounds to 8 bits.
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      try (OrtSession session = environment.createSession(file.toString(), options)) {
        for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
          given.put(input.getKey(), tensor(environment, input.getValue()));
        }
        try (OrtSession.Result result = session.run(given)) {
          Map<String, float[]> outputs = new LinkedHashMap<>();
          for (Map.Entry<String, OnnxValue> output : result) {
            OnnxTensor tensor = (OnnxTensor) output.getValue();
            if (((TensorInfo) tensor.getInfo()).type == OnnxJavaType.FLOAT) {
              float[] values = new float[tensor.getFloatBuffer().remaining()];
              tensor.getFloatBuffer().get(values);
              outputs.put(output.getKey(), values);
            }
          }
          return outputs;
        }
      }
    } catch (OrtException failed) {
      throw new AssertionError("ONNX Runtime rejects " + file + ": " + failed.getMessage(), failed);
    } finally {
      given.values().forEach(OnnxTensor::close);
    }
  }

  private static OnnxTensor tensor(OrtEnvironment environment, Tensor tensor) throws OrtException {
    OnnxJavaType type =
        switch (tensor.type()) {
          case FLOAT32 -> OnnxJavaType.FLOAT;
          case INT64 -> OnnxJavaType.INT64;
          case INT32 -> OnnxJavaType.INT32;
          case UINT8 -> OnnxJavaType.UINT8;
          case INT8 -> OnnxJavaType.INT8;
          default -> throw new IllegalArgumentException("not for the oracle: " + tensor);
        };
    return OnnxTensor.createTensor(environment, tensor.buffer(), tensor.shape(), type);
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
}
