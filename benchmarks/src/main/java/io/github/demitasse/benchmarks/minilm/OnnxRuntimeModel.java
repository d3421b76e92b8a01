package io.github.demitasse.benchmarks.minilm;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Confined to one thread: a text encoder in ONNX Runtime at its best setting: all optimizations,
 * direct buffers.
 */
public final class OnnxRuntimeModel implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final String output;

  public OnnxRuntimeModel(Path model, int threads) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    options.setInterOpNumThreads(1);
    options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
    session = environment.createSession(model.toString(), options);
    output = session.getOutputNames().iterator().next();
  }

  /** The last hidden states, [batch][length][features] flattened, of a padded batch. */
  public float[] run(TokenBatch batch) throws OrtException {
    try (Inputs inputs = prepare(batch)) {
      return run(inputs);
    }
  }

  public Inputs prepare(TokenBatch batch) throws OrtException {
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    long[] shape = {batch.sequences(), batch.length()};
    tensors.put("input_ids", tensor(batch.ids(), shape));
    tensors.put("attention_mask", tensor(batch.mask(), shape));
    tensors.put("token_type_ids", tensor(new long[batch.ids().length], shape));
    return new Inputs(tensors);
  }

  public float[] run(Inputs inputs) throws OrtException {
    try (OrtSession.Result result = session.run(inputs.tensors, java.util.Set.of(output))) {
      FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[] hidden = new float[values.remaining()];
      values.get(hidden);
      return hidden;
    }
  }

  private OnnxTensor tensor(long[] values, long[] shape) throws OrtException {
    LongBuffer direct =
        ByteBuffer.allocateDirect(values.length * Long.BYTES)
            .order(ByteOrder.nativeOrder())
            .asLongBuffer();
    direct.put(values).flip();
    return OnnxTensor.createTensor(environment, direct, shape);
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }

  /** Confined to one thread: input tensors. */
  public static final class Inputs implements AutoCloseable {
    private final Map<String, OnnxTensor> tensors;

    private Inputs(Map<String, OnnxTensor> tensors) {
      this.tensors = tensors;
    }

    @Override
    public void close() {
      tensors.values().forEach(OnnxTensor::close);
    }
  }
}
