package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** all-MiniLM-L6-v2, FP32 and as another tool quantized it, against ONNX Runtime. */
class MiniLmSessionTest {
  @TempDir static Path folder;

  @Test
  void floatModelAgreesWithOnnxRuntime() throws Exception {
    Path file = MiniLm.unpack(MiniLm.FLOAT, folder);
    try (Oracle oracle = new Oracle(file, 2);
        Session session = Session.open(file)) {
      for (int[] lengths : new int[][] {{1}, {16}, {128}, {3, 30, 17, 64}, {5, 5}}) {
        Map<String, Tensor> inputs = MiniLm.inputs(lengths);
        Map<String, Tensor> expected = oracle.run(inputs);
        Map<String, Tensor> actual = session.run(inputs);
        assertEquals(expected.keySet(), actual.keySet());
        for (String name : expected.keySet()) {
          assertArrayEquals(expected.get(name).shape(), actual.get(name).shape());
          assertArrayEquals(
              expected.get(name).toFloats(), actual.get(name).toFloats(), 1e-4f, name);
        }
      }
    }
  }
}
