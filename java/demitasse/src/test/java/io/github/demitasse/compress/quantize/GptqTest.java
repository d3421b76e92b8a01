package io.github.demitasse.compress.quantize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.compress.statistics.GramMatrix;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GptqTest {
  private static double error(WeightMethod method, float[] inputs, CodedMatrix matrix) {
    method.quantize(matrix, Matrices.gram(inputs, matrix.rows()), note -> {});
    return Matrices.outputError(inputs, matrix);
  }

  @Test
  void outputErrorsAreSmallerThanThoseOfTheNearestCodes() {
    for (int[] shape : new int[][] {{16, 1, 0}, {48, 7, 16}, {160, 33, 32}, {288, 20, 0}}) {
      for (Codes range :
          List.of(Matrices.INT4, Matrices.UINT4, Matrices.INT8, Matrices.NF4, Matrices.CODEBOOK4)) {
        int rows = shape[0];
        float[] weights = Matrices.weights(rows * shape[1], rows);
        float[] inputs = Matrices.inputs(3 * rows, rows, rows);
        double nearest =
            error(
                new RoundToNearest(SmallestError.INSTANCE),
                inputs,
                Matrices.matrix(weights, rows, shape[2], range));
        for (boolean activationOrder : new boolean[] {true, false}) {
          Gptq gptq = new Gptq(SmallestError.INSTANCE, activationOrder, 0.01, false);
          double corrected = error(gptq, inputs, Matrices.matrix(weights, rows, shape[2], range));
          assertTrue(corrected < 0.8 * nearest, corrected + " against " + nearest);
        }
      }
    }
  }

  @Test
  void withoutDependenciesBetweenInputsTheNearestCodesAreBest() {
    int rows = 32;
    float[] weights = Matrices.weights(rows * 5, 9);
    float[] inputs = new float[rows * rows]; // each row has one input of its own
    for (int i = 0; i < rows; i++) {
      inputs[i * rows + i] = i + 1;
    }
    CodedMatrix nearest = Matrices.matrix(weights, rows, 16, Matrices.INT4);
    error(new RoundToNearest(WholeRange.INSTANCE), inputs, nearest);
    CodedMatrix corrected = Matrices.matrix(weights, rows, 16, Matrices.INT4);
    error(new Gptq(WholeRange.INSTANCE, true, 0.01, false), inputs, corrected);
    assertArrayEquals(nearest.dequantized(), corrected.dequantized());
  }

  @Test
  void inputsThatAreAlwaysZeroOrCopiesOfOthersDoNoHarm() {
    int rows = 64;
    float[] weights = Matrices.weights(rows * 8, 10);
    float[] inputs = Matrices.inputs(200, rows, 10);
    for (int r = 0; r < 200; r++) {
      inputs[r * rows + 3] = 0;
      inputs[r * rows + 5] = inputs[r * rows + 4];
    }
    List<String> notes = new ArrayList<>();
    CodedMatrix matrix = Matrices.matrix(weights, rows, 32, Matrices.INT4);
    new Gptq().quantize(matrix, Matrices.gram(inputs, rows), notes::add);
    assertEquals(List.of("gptq: damping 0.01"), notes);
    for (float value : matrix.dequantized()) {
      assertTrue(Float.isFinite(value));
    }
    CodedMatrix zeros = Matrices.matrix(weights, rows, 32, Matrices.INT4);
    new Gptq().quantize(zeros, Matrices.gram(new float[rows * rows], rows), note -> {});
    CodedMatrix nearest = Matrices.matrix(weights, rows, 32, Matrices.INT4);
    new RoundToNearest(SmallestError.INSTANCE).quantize(nearest, null, note -> {});
    assertArrayEquals(nearest.dequantized(), zeros.dequantized());
  }

  @Test
  void tooLittleDampingIsRaisedAndReported() {
    int rows = 96;
    float[] inputs = Matrices.inputs(2 * rows, rows, 11);
    for (int r = 0; r < 2 * rows; r++) { // all inputs but for a little the same
      for (int i = 0; i < rows; i++) {
        inputs[r * rows + i] = 1e3f * inputs[r * rows];
      }
    }
    List<String> notes = new ArrayList<>();
    CodedMatrix matrix = Matrices.matrix(Matrices.weights(rows * 4, 11), rows, 32, Matrices.INT4);
    new Gptq(WholeRange.INSTANCE, true, 1e-20, false)
        .quantize(matrix, Matrices.gram(inputs, rows), notes::add);
    assertEquals(1, notes.size());
    double damping = Double.parseDouble(notes.get(0).replace("gptq: damping ", ""));
    assertTrue(damping > 1e-20, notes.toString());
  }

  @Test
  void inputsWhoseSquaresOverflowAreNamed() {
    float[] inputs = Matrices.inputs(64, 32, 14);
    inputs[5 * 32 + 17] = 1e25f;
    CodedMatrix matrix = Matrices.matrix(Matrices.weights(32 * 4, 14), 32, 32, Matrices.INT4);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> new Gptq().quantize(matrix, Matrices.gram(inputs, 32), note -> {}))
            .getMessage();
    assertTrue(message.contains("input 17") && message.contains("rtn, mse or hqq"), message);
  }

  @Test
  void tooLittleDataSaysHowMuchIsNeeded() {
    float[] inputs = Matrices.inputs(10, 64, 12);
    CodedMatrix matrix = Matrices.matrix(Matrices.weights(64 * 4, 12), 64, 32, Matrices.INT4);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> new Gptq().quantize(matrix, Matrices.gram(inputs, 64), note -> {}))
            .getMessage();
    assertTrue(message.contains("64") && message.contains("10"), message);
  }

  @Test
  void dataSeenInPartsGivesTheSameHessian() {
    float[] inputs = Matrices.inputs(700, 24, 13);
    double[] whole = Matrices.gram(inputs, 24).mean();
    GramMatrix first = new GramMatrix(24);
    GramMatrix second = new GramMatrix(24);
    for (int r = 0; r < 700; r++) {
      float[] row = java.util.Arrays.copyOfRange(inputs, r * 24, (r + 1) * 24);
      (r < 300 ? first : second).observe(row);
    }
    assertArrayEquals(whole, first.plus(second).mean(), 1e-4);
    assertEquals(700, first.plus(second).rows());
  }

  @Test
  void learnedRoundingIsBetterThanTheNearestCodes() {
    int rows = 96;
    float[] weights = Matrices.weights(rows * 24, 14);
    float[] inputs = Matrices.inputs(3 * rows, rows, 14);
    for (CodeRange range : List.of(Matrices.INT4, Matrices.UINT4)) {
      double nearest =
          error(
              new RoundToNearest(SmallestError.INSTANCE),
              inputs,
              Matrices.matrix(weights, rows, 32, range));
      double learned =
          error(
              new AdaRound(SmallestError.INSTANCE, 300, false),
              inputs,
              Matrices.matrix(weights, rows, 32, range));
      assertTrue(learned < 0.85 * nearest, learned + " against " + nearest);
    }
  }
}
