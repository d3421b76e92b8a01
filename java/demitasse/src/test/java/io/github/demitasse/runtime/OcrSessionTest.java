package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OcrModels;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The PP-OCRv4 models against ONNX Runtime. */
class OcrSessionTest {
  private static final double TOLERANCE = 1e-4;

  @ParameterizedTest
  @CsvSource({"1, 192", "8, 192", "2, 100"})
  void direction(int batch, int width) throws Exception {
    compare(OcrModels.DIRECTION, OcrModels.images(batch, 48, width));
  }

  @ParameterizedTest
  @CsvSource({"1, 320", "8, 320", "1, 75", "3, 481"})
  void recognition(int batch, int width) throws Exception {
    compare(OcrModels.RECOGNITION, OcrModels.images(batch, 48, width));
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 96", "8, 96, 64", "1, 320, 416"})
  void detection(int batch, int height, int width) throws Exception {
    compare(OcrModels.DETECTION, OcrModels.images(batch, height, width));
  }

  @Test
  void anImageWithoutColumnsHasNoLetters() {
    try (Session session = Session.open(OcrModels.file(OcrModels.RECOGNITION))) {
      Tensor nothing = Tensor.allocate(DataType.FLOAT32, 1, 3, 48, 0);
      session
          .run(Map.of("x", nothing))
          .forEach((name, y) -> assertArrayEquals(new long[] {1, 0, 6625}, y.shape(), name));
    }
  }

  /** The largest difference, relative to the largest value that ONNX Runtime gives. */
  private static void compare(String model, Tensor images) throws Exception {
    Path file = OcrModels.file(model);
    try (OnnxRuntimeOracle oracle = new OnnxRuntimeOracle(file, true);
        Session session = Session.open(file)) {
      Map<String, Tensor> inputs = Map.of("x", images);
      Map<String, Tensor> expected = oracle.run(inputs);
      Map<String, Tensor> actual = session.run(inputs);
      assertEquals(expected.keySet(), actual.keySet());
      for (String name : expected.keySet()) {
        assertArrayEquals(expected.get(name).shape(), actual.get(name).shape());
        float[] wanted = expected.get(name).toFloats();
        float[] given = actual.get(name).toFloats();
        double largest = 0;
        double error = 0;
        for (int i = 0; i < wanted.length; i++) {
          largest = Math.max(largest, Math.abs(wanted[i]));
          error = Math.max(error, Math.abs(given[i] - wanted[i]));
          assertEquals(Float.isNaN(wanted[i]), Float.isNaN(given[i]), name);
        }
        assertTrue(largest > 0.05, "nothing is found in the pictures");
        double bound = TOLERANCE * largest;
        double difference = error;
        assertTrue(error <= bound, () -> name + " differs by " + difference + " of " + bound);
      }
    }
  }
}
