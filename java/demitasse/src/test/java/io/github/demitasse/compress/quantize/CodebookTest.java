package io.github.demitasse.compress.quantize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.NormalFloat;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CodebookTest {
  private static final float[] NF4 = NormalFloat.levels();

  private static float[] levels(CodedMatrix matrix) {
    return ((CodebookWeight) matrix.toWeight()).codebook().toFloats();
  }

  private static CodedMatrix rounded(
      float[] weights, int rows, int group, Codes codes, ScaleMethod scales) {
    CodedMatrix matrix = Matrices.matrix(weights, rows, group, codes);
    new RoundToNearest(scales).quantize(matrix, null, note -> {});
    return matrix;
  }

  @Test
  void everyWeightGetsTheNearestLevel() {
    float[] weights = Matrices.weights(64 * 9, 4);
    for (ScaleMethod method : new ScaleMethod[] {WholeRange.INSTANCE, SmallestError.INSTANCE}) {
      for (Codes codes : new Codes[] {Matrices.NF4, Matrices.CODEBOOK4}) {
        CodedMatrix matrix = rounded(weights, 64, 16, codes, method);
        float[] levels = levels(matrix);
        float[] actual = matrix.dequantized();
        for (int i = 0; i < weights.length; i++) {
          float step = matrix.scale(matrix.groupOf(i / 9, i % 9)).step();
          float nearest = Float.POSITIVE_INFINITY;
          for (float level : levels) {
            nearest = Math.min(nearest, Math.abs(weights[i] - step * level));
          }
          assertEquals(nearest, Math.abs(weights[i] - actual[i]), 1e-6, "weight " + weights[i]);
        }
      }
    }
  }

  @Test
  void aLevelTimesItsScaleIsItself() {
    float[] weights = new float[32];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = 0.25f * NF4[i % 16];
    }
    assertArrayEquals(
        weights, rounded(weights, 32, 16, Matrices.NF4, WholeRange.INSTANCE).dequantized());
  }

  /** The property the levels are made for: fewer errors than even steps on normal weights. */
  @Test
  void normalWeightsSufferLessThanInEvenSteps() {
    Random random = new Random(8);
    float[] weights = new float[256 * 64];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    double even = error(weights, Matrices.INT4);
    double normal = error(weights, Matrices.NF4);
    double learned = error(weights, Matrices.CODEBOOK4);
    assertTrue(normal < 0.9 * even, normal + " against " + even);
    assertTrue(learned < 0.97 * normal, learned + " against " + normal);
  }

  private static double error(float[] weights, Codes codes) {
    CodedMatrix matrix = rounded(weights, 256, 64, codes, WholeRange.INSTANCE);
    return Matrices.squaredError(weights, matrix.dequantized());
  }

  @Test
  void learnedLevelsFindTheValuesThatThereAre() {
    Random random = new Random(2);
    float[] values = {-1, -0.9f, -0.55f, -0.5f, -0.1f, 0.02f, 0.3f, 0.31f, 0.6f, 0.95f};
    float[] weights = new float[64 * 20];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = values[random.nextInt(values.length)];
    }
    CodedMatrix matrix = rounded(weights, 64, 0, Matrices.CODEBOOK4, WholeRange.INSTANCE);
    assertArrayEquals(weights, matrix.dequantized(), 2e-3f);
  }

  @Test
  void rowsThatMatterMoreGetTheSmallerErrors() {
    float[] weights = Matrices.weights(64 * 40, 12);
    for (int i = 0; i < 40; i++) {
      weights[7 * 40 + i] = 0.03f + 1e-4f * i; // between levels that other rows would choose
    }
    float[] importance = new float[64];
    Arrays.fill(importance, 1);
    importance[7] = 1000;
    double[] errors = new double[2];
    for (int weighed = 0; weighed < 2; weighed++) {
      CodedMatrix matrix = Matrices.matrix(weights, 64, 0, Matrices.CODEBOOK4);
      matrix.fitScales(WholeRange.INSTANCE, weighed == 1 ? importance : null);
      matrix.roundAll();
      for (int i = 7 * 40; i < 8 * 40; i++) {
        errors[weighed] += Math.pow(weights[i] - matrix.dequantized()[i], 2);
      }
    }
    assertTrue(errors[1] < 0.5 * errors[0], errors[1] + " against " + errors[0]);
  }

  @Test
  void levelsOfIntegerArithmeticAreWhatItComputesWith() {
    for (Codebook codes : new Codebook[] {Codebook.normalFloat(), Codebook.learned()}) {
      CodedMatrix matrix =
          rounded(
              Matrices.weights(32 * 8, 1), 32, 16, codes.withIntegerLevels(), WholeRange.INSTANCE);
      float[] levels = levels(matrix);
      float step = Math.max(-levels[0], levels[15]) / 127;
      for (float level : levels) {
        assertEquals(Math.rint(level / step), level / step, 1e-4);
      }
    }
  }

  @Test
  void zeroAndConstantChannelsStayWhatTheyAre() {
    float[] weights = new float[32 * 3];
    for (int row = 0; row < 32; row++) {
      weights[row * 3 + 1] = 0.5f;
      weights[row * 3 + 2] = -2;
    }
    for (Codes codes : new Codes[] {Matrices.NF4, Matrices.CODEBOOK4}) {
      CodedMatrix matrix = rounded(weights, 32, 16, codes, SmallestError.INSTANCE);
      assertArrayEquals(weights, matrix.dequantized(), 1e-3f);
    }
  }

  @Test
  void encodingsSayWhichCodebookItIs() {
    float[] weights = Matrices.weights(64 * 8, 3);
    ScaleMethod whole = WholeRange.INSTANCE;
    Codebook integer = Codebook.normalFloat().withIntegerLevels();
    assertEquals(
        "nf4 group 32", rounded(weights, 64, 32, Matrices.NF4, whole).toWeight().encoding());
    assertEquals("nf4 per channel", rounded(weights, 64, 0, integer, whole).toWeight().encoding());
    assertEquals(
        "codebook4 group 16",
        rounded(weights, 64, 16, Matrices.CODEBOOK4, whole).toWeight().encoding());
  }

  @Test
  void methodsThatNeedEvenStepsAreRefusedWithTheReason() {
    Quantize step = Quantize.weights(NumberFormat.NF4).group(64);
    for (WeightMethod method :
        new WeightMethod[] {new RoundToNearest(HalfQuadratic.INSTANCE), new AdaRound()}) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> step.by(method)).getMessage();
      assertTrue(
          message.contains("even steps") && message.contains("nf4") && message.contains("gptq"),
          message);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> Quantize.weights(NumberFormat.INT4).by(new AdaRound()).embeddings(NumberFormat.NF4));
    assertThrows(IllegalArgumentException.class, step::asymmetric);
  }

  @Test
  void aCodebookOfNumbersThatAreNotFiniteIsRefused() {
    float[] levels = NormalFloat.levels();
    levels[3] = Float.NaN;
    CodebookWeight weight =
        (CodebookWeight)
            rounded(Matrices.weights(32, 1), 32, 16, Matrices.NF4, WholeRange.INSTANCE).toWeight();
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new CodebookWeight(
                weight.codes(), Tensor.of(levels, 16), weight.scales(), weight.granularity()));
  }
}
