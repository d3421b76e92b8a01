package io.github.demitasse.runtime;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.format.onnx.OnnxReader;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** Graphs of whatever was read: results or a clear error, whatever their nodes say. */
class SessionFuzzTest {
  private static final long LARGEST_INPUT = 1 << 16;

  @FuzzTest(maxDuration = "10m")
  void session(byte[] content) {
    ByteBuffer direct = ByteBuffer.allocateDirect(content.length).put(content).flip();
    try {
      run(OnnxReader.read(null, direct));
    } catch (ModelFormatException | UnsupportedOperatorException expected) {
      return;
    } catch (IllegalArgumentException expected) {
      return;
    }
  }

  private static void run(Model model) {
    try (Session session = Session.open(model, SessionOptions.threads(1))) {
      Map<String, Tensor> inputs = new HashMap<>();
      for (ValueInfo input : session.inputs()) {
        Tensor zeros = zeros(input);
        if (zeros == null) {
          return;
        }
        inputs.put(input.name(), zeros);
      }
      session.run(inputs).values().forEach(Tensor::close);
    }
  }

  private static Tensor zeros(ValueInfo input) {
    if (input.type() == DataType.STRING) {
      return null;
    }
    long[] shape = new long[input.shape() == null ? 1 : input.shape().rank()];
    long elements = 1;
    for (int axis = 0; axis < shape.length; axis++) {
      Dimension dimension = input.shape() == null ? null : input.shape().dimension(axis);
      shape[axis] = dimension != null && dimension.isKnown() ? dimension.size() : 2;
      if (shape[axis] > LARGEST_INPUT || (elements *= shape[axis]) > LARGEST_INPUT) {
        return null;
      }
    }
    return Tensor.allocate(input.type() == null ? DataType.FLOAT32 : input.type(), shape);
  }
}
