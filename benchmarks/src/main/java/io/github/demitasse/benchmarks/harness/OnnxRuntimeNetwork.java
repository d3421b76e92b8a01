package io.github.demitasse.benchmarks.harness;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * Confined to one thread: a network of one input and one output of floats in ONNX Runtime; the
 * input lies in a direct buffer, as it likes it best.
 */
public final class OnnxRuntimeNetwork implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final String input;

  private OnnxRuntimeNetwork(OrtSession session) {
    this.session = session;
    this.input = session.getInputNames().iterator().next();
  }

  /** With all graph optimizations. */
  public static OnnxRuntimeNetwork open(Path model, int threads) throws OrtException {
    return open(model, threads, OptLevel.ALL_OPT);
  }

  /** Without optimizations, which keeps closer to exact results. */
  public static OnnxRuntimeNetwork plain(Path model) throws OrtException {
    return open(model, 0, OptLevel.NO_OPT);
  }

  private static OnnxRuntimeNetwork open(Path model, int threads, OptLevel level)
      throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    options.setInterOpNumThreads(1);
    options.setOptimizationLevel(level);
    return new OnnxRuntimeNetwork(
        OrtEnvironment.getEnvironment().createSession(model.toString(), options));
  }

  /** A tensor to run; the caller closes it. */
  public OnnxTensor tensor(float[] values, long... shape) throws OrtException {
    FloatBuffer buffer =
        ByteBuffer.allocateDirect(values.length * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    return OnnxTensor.createTensor(environment, buffer.put(values).flip(), shape);
  }

  /** The output's elements. */
  public float[] run(OnnxTensor tensor) throws OrtException {
    try (OrtSession.Result result = session.run(Map.of(input, tensor))) {
      FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[] floats = new float[values.remaining()];
      values.get(floats);
      return floats;
    }
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
