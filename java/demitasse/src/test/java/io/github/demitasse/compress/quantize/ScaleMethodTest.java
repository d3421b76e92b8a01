package io.github.demitasse.compress.quantize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScaleMethodTest {
  private static final List<CodeRange> RANGES =
      List.of(Matrices.INT4, Matrices.UINT4, Matrices.INT8, Matrices.ASYMMETRIC_INT8);
  private static final List<ScaleMethod> METHODS =
      List.of(WholeRange.INSTANCE, SmallestError.INSTANCE, HalfQuadratic.INSTANCE);

  private static CodedMatrix rounded(
      float[] weights, int rows, Granularity granularity, CodeRange range, ScaleMethod method) {
    CodedMatrix matrix = new CodedMatrix(weights, rows, weights.length / rows, granularity, range);
    new RoundToNearest(method).quantize(matrix, null, note -> {});
    return matrix;
  }

  @Test
  void noWeightIsFartherThanHalfAStepFromItsCode() {
    List<Granularity> granularities =
        List.of(
            new Granularity.PerTensor(),
            new Granularity.PerChannel(0),
            new Granularity.PerChannel(1),
            new Granularity.PerGroup(0, 16),
            new Granularity.PerGroup(1, 11));
    for (CodeRange range : RANGES) {
      for (Granularity granularity : granularities) {
        float[] weights = Matrices.weights(48 * 33, 1);
        QuantizedWeight weight =
            (QuantizedWeight)
                rounded(weights, 48, granularity, range, WholeRange.INSTANCE).toWeight();
        float[] back = weight.dequantize().toFloats();
        float[] steps = weight.scales().toFloats();
        int[] groups = granularity.scaleIndices(new long[] {48, 33});
        // Steps in 16 bits and integer zero points take a little of the range.
        double most = range == Matrices.INT8 ? 0.5001 : range == Matrices.INT4 ? 0.505 : 1.01;
        for (int i = 0; i < weights.length; i++) {
          assertEquals(weights[i], back[i], most * steps[groups[i]], range + " " + granularity);
        }
      }
    }
  }

  @Test
  void theMatrixAndTheFinishedWeightStandForTheSame() {
    for (CodeRange range : RANGES) {
      for (Granularity granularity :
          List.of(new Granularity.PerGroup(0, 16), new Granularity.PerGroup(1, 3))) {
        CodedMatrix matrix =
            rounded(Matrices.weights(32 * 9, 2), 32, granularity, range, WholeRange.INSTANCE);
        assertArrayEquals(matrix.dequantized(), matrix.toWeight().dequantize().toFloats());
      }
    }
  }

  @Test
  void theLargestWeightOfAnInt8ChannelKeepsItsValue() {
    float[] weights = {1, -8, 0.5f, 4};
    QuantizedWeight quantized =
        (QuantizedWeight)
            rounded(weights, 2, new Granularity.PerChannel(1), Matrices.INT8, WholeRange.INSTANCE)
                .toWeight();
    assertArrayEquals(new long[] {127, -127, 64, 64}, quantized.codes().toLongs());
    assertNull(quantized.zeroPoints());
  }

  @Test
  void groupsOfZerosStayZeroAndConstantsStayConstant() {
    for (CodeRange range : RANGES) {
      for (ScaleMethod method : METHODS) {
        float[] weights = new float[64];
        Arrays.fill(weights, 32, 48, 0.25f);
        Arrays.fill(weights, 48, 64, -3e-9f);
        float[] back =
            rounded(weights, 4, new Granularity.PerGroup(1, 16), range, method).dequantized();
        for (int i = 0; i < 64; i++) {
          assertEquals(weights[i], back[i], 0.02, range + " " + method.description());
        }
      }
    }
  }

  @Test
  void aStepBeyondHalfPrecisionIsAnError() {
    float[] weights = new float[16];
    weights[3] = 1e9f;
    assertThrows(
        ArithmeticException.class, () -> WholeRange.INSTANCE.fit(weights, null, Matrices.INT4));
  }

  @Test
  void asymmetricHalvesTheErrorOfOneSidedWeights() {
    float[] weights = Matrices.weights(1000, 3);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.abs(weights[i]);
    }
    Granularity whole = new Granularity.PerTensor();
    double symmetric =
        Matrices.squaredError(
            weights, rounded(weights, 10, whole, Matrices.INT8, WholeRange.INSTANCE).dequantized());
    double asymmetric =
        Matrices.squaredError(
            weights,
            rounded(weights, 10, whole, Matrices.ASYMMETRIC_INT8, WholeRange.INSTANCE)
                .dequantized());
    assertTrue(asymmetric < 0.3 * symmetric, asymmetric + " against " + symmetric);
  }

  @Test
  void clippingLowersTheSquaredErrorAndHalfQuadraticItsOwnNorm() {
    for (CodeRange range : List.of(Matrices.INT4, Matrices.UINT4)) {
      for (int length : new int[] {16, 33, 128, 1000}) {
        double[] squares = new double[2];
        double[] norms = new double[2];
        for (int seed = 0; seed < 50; seed++) {
          float[] weights = Matrices.weights(length, seed);
          Scale whole = WholeRange.INSTANCE.fit(weights, null, range);
          Scale clipped = SmallestError.INSTANCE.fit(weights, null, range);
          Scale halfQuadratic = HalfQuadratic.INSTANCE.fit(weights, null, range);
          double never = Double.POSITIVE_INFINITY;
          squares[0] += SmallestError.error(weights, null, range, whole, never);
          squares[1] += SmallestError.error(weights, null, range, clipped, never);
          norms[0] += HalfQuadratic.error(weights, range, whole);
          norms[1] += HalfQuadratic.error(weights, range, halfQuadratic);
        }
        assertTrue(squares[1] < 0.95 * squares[0], range + ": " + Arrays.toString(squares));
        assertTrue(norms[1] < 0.97 * norms[0], range + ": " + Arrays.toString(norms));
      }
    }
  }

  @Test
  void importantWeightsAreNotClipped() {
    float[] weights = Matrices.weights(64, 4);
    weights[5] = 1;
    float[] importance = new float[64];
    importance[5] = 1;
    Scale scale = SmallestError.INSTANCE.fit(weights, importance, Matrices.INT4);
    int code = Matrices.INT4.round(1, scale);
    assertEquals(1, scale.step() * code, 1e-2);
  }
}
