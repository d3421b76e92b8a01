package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.statistics.GramMatrix;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.Random;

/** Weights and inputs for tests of rounding methods. */
final class Matrices {
  static final CodeRange INT4 = (CodeRange) scheme(NumberFormat.INT4, true).codes();
  static final CodeRange UINT4 = (CodeRange) scheme(NumberFormat.INT4, false).codes();
  static final CodeRange INT8 = (CodeRange) scheme(NumberFormat.INT8, true).codes();
  static final Codes NF4 = scheme(NumberFormat.NF4, true).codes();
  static final Codes CODEBOOK4 = scheme(NumberFormat.CODEBOOK4, true).codes();
  static final CodeRange ASYMMETRIC_INT8 = (CodeRange) scheme(NumberFormat.INT8, false).codes();

  private Matrices() {}

  private static WeightScheme scheme(NumberFormat format, boolean symmetric) {
    return new WeightScheme(format, WeightScheme.Sharing.CHANNEL, 0, symmetric);
  }

  /** Normally distributed, with a few outliers as trained weights have them. */
  static float[] weights(int count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (0.05 * random.nextGaussian() * (random.nextInt(50) == 0 ? 4 : 1));
    }
    return values;
  }

  /** Rows whose elements depend on each other and differ in size, as activations do. */
  static float[] inputs(int rows, int size, long seed) {
    Random random = new Random(seed);
    float[] values = new float[rows * size];
    for (int r = 0; r < rows; r++) {
      double common = random.nextGaussian();
      for (int i = 0; i < size; i++) {
        double previous = i == 0 ? common : values[r * size + i - 1] / spread(i - 1);
        values[r * size + i] = (float) (spread(i) * (0.8 * previous + 0.6 * random.nextGaussian()));
      }
    }
    return values;
  }

  private static double spread(int i) {
    return i % 7 == 0 ? 3 : 0.5;
  }

  static GramMatrix gram(float[] inputs, int size) {
    GramMatrix gram = new GramMatrix(size);
    gram.observe(inputs);
    return gram;
  }

  static CodedMatrix matrix(float[] weights, int rows, int group, Codes codes) {
    int columns = weights.length / rows;
    return new CodedMatrix(
        weights,
        rows,
        columns,
        group == 0 ? new Granularity.PerChannel(1) : new Granularity.PerGroup(0, group),
        codes);
  }

  static double squaredError(float[] expected, float[] actual) {
    double sum = 0;
    for (int i = 0; i < expected.length; i++) {
      sum += Math.pow(expected[i] - actual[i], 2);
    }
    return sum;
  }

  /** The squared error of {@code inputs x weights}. */
  static double outputError(float[] inputs, CodedMatrix matrix) {
    int size = matrix.rows();
    int columns = matrix.columns();
    float[] approximate = matrix.dequantized();
    double sum = 0;
    for (int r = 0; r < inputs.length; r += size) {
      for (int c = 0; c < columns; c++) {
        double error = 0;
        for (int i = 0; i < size; i++) {
          int at = i * columns + c;
          error += (double) inputs[r + i] * (matrix.weights()[at] - approximate[at]);
        }
        sum += error * error;
      }
    }
    return sum;
  }

  /** The step of the one fixed quantization of an activation in a model. */
  static float inputStep(Model model) {
    return model.graph().nodes().stream()
        .filter(node -> node.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE))
        .findFirst()
        .orElseThrow()
        .number("scale", 0);
  }

  /** What the integers of the one encoded weight of a model are multiples of, by channel. */
  static float[] weightSteps(Model model) {
    for (Weight weight : model.weights().values()) {
      if (weight instanceof QuantizedWeight quantized) {
        return quantized.scales().toFloats();
      }
      if (weight instanceof CodebookWeight book) {
        float[] levels = book.codebook().toFloats();
        float[] steps = book.scales().toFloats();
        for (int i = 0; i < steps.length; i++) {
          steps[i] *= Math.max(-levels[0], levels[levels.length - 1]) / 127;
        }
        return steps;
      }
    }
    throw new IllegalArgumentException("no encoded weight");
  }
}
