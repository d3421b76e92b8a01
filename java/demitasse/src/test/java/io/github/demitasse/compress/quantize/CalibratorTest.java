package io.github.demitasse.compress.quantize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CalibratorTest {
  private static final List<Calibration> ALL =
      List.of(
          MinMax.calibration(),
          MovingAverage.of(0.9),
          Percentile.of(99.99),
          Entropy.calibration(),
          MeanSquaredError.calibration());

  /** A bell of width 1 with a few values fifty times as large. */
  private static float[] withOutliers(int count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    values[count / 3] = 50;
    values[count / 2] = -45;
    return values;
  }

  private static double meanSquaredError(float[] values, Range range) {
    double error = 0;
    for (float value : values) {
      double code = Math.rint(value / range.scale()) + range.zeroPoint();
      double clipped = Math.max(0, Math.min(255, code));
      double difference = value - range.scale() * (clipped - range.zeroPoint());
      error += difference * difference;
    }
    return error / values.length;
  }

  @Test
  void nothingObservedIsAnError() {
    for (Calibration calibration : ALL) {
      assertThrows(
          IllegalStateException.class,
          () -> calibration.calibrator().range(),
          calibration.description());
    }
  }

  @Test
  void histogramsRejectWhatIsNotFinite() {
    for (Calibration calibration :
        List.of(Percentile.of(99), Entropy.calibration(), MeanSquaredError.calibration())) {
      Calibrator calibrator = calibration.calibrator();
      calibrator.observe(new float[] {1, -2});
      for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY, -1f / 0}) {
        assertThrows(
            IllegalArgumentException.class, () -> calibrator.observe(new float[] {0, value}));
      }
    }
  }

  @Test
  void theWidestRangeHasAFiniteScale() {
    Range range = new Range(-Float.MAX_VALUE, Float.MAX_VALUE);
    assertEquals(Float.MAX_VALUE / 127.5f, range.scale());
  }

  @Test
  void aConstantIsRepresented() {
    for (Calibration calibration : ALL) {
      for (float constant : new float[] {0, 3.5f, -1e-20f, 1e30f}) {
        Calibrator calibrator = calibration.calibrator();
        calibrator.observe(new float[] {constant, constant, constant});
        Range range = calibrator.range();
        float code = Math.round(constant / range.scale()) + range.zeroPoint();
        float back = range.scale() * (code - range.zeroPoint());
        assertEquals(
            constant,
            back,
            Math.abs(constant) * 0.01f + 1e-6f,
            calibration.description() + " of " + constant);
      }
    }
  }

  @Test
  void minMaxKeepsEverything() {
    Calibrator calibrator = MinMax.calibration().calibrator();
    calibrator.observe(new float[] {1, 2});
    calibrator.observe(new float[] {-3, 0});
    assertEquals(new Range(-3, 2), calibrator.range());
  }

  @Test
  void movingAverageFollowsSlowly() {
    Calibrator calibrator = MovingAverage.of(0.5).calibrator();
    calibrator.observe(new float[] {0, 4});
    calibrator.observe(new float[] {-2, 8});
    assertEquals(new Range(-1, 6), calibrator.range());
  }

  @Test
  void percentileIgnoresRareValues() {
    Calibrator calibrator = Percentile.of(99.9).calibrator();
    float[] values = withOutliers(100_000, 1);
    calibrator.observe(values);
    Range range = calibrator.range();
    // 0.05 % of a normal distribution lie above 3.29.
    assertEquals(3.29, range.maximum(), 0.15);
    assertEquals(-3.29, range.minimum(), 0.15);
  }

  @Test
  void allOfItIsMinMax() {
    float[] values = withOutliers(1000, 2);
    Calibrator calibrator = Percentile.of(100).calibrator();
    calibrator.observe(values);
    assertEquals(new Range(-45, 50), calibrator.range());
  }

  @Test
  void meanSquaredErrorFindsTheBestRange() {
    float[] values = withOutliers(1_000_000, 3);
    Calibrator calibrator = MeanSquaredError.calibration().calibrator();
    calibrator.observe(values);
    double found = meanSquaredError(values, calibrator.range());
    double best = Double.POSITIVE_INFINITY;
    for (int i = 1; i <= 100; i++) {
      best = Math.min(best, meanSquaredError(values, new Range(-0.45f * i, 0.5f * i)));
    }
    assertTrue(found <= best * 1.05, found + " against " + best);
    assertTrue(found < meanSquaredError(values, new Range(-45, 50)));
  }

  @Test
  void entropyCutsOutliersButNotTheBody() {
    float[] values = withOutliers(200_000, 4);
    Calibrator calibrator = Entropy.calibration().calibrator();
    calibrator.observe(values);
    Range range = calibrator.range();
    assertTrue(range.maximum() < 40 && range.maximum() > 2.5, range.toString());
  }

  @Test
  void batchesOneByOneGiveTheSameAsAllAtOnce() {
    float[] values = withOutliers(64_000, 5);
    for (Calibration calibration :
        List.of(MinMax.calibration(), Percentile.of(99), MeanSquaredError.calibration())) {
      Calibrator whole = calibration.calibrator();
      whole.observe(values);
      Calibrator parts = calibration.calibrator();
      for (int from = 0; from < values.length; from += 1000) {
        parts.observe(Arrays.copyOfRange(values, from, from + 1000));
      }
      assertEquals(
          whole.range().maximum(),
          parts.range().maximum(),
          0.05f * whole.range().maximum(),
          calibration.description());
    }
  }

  @Test
  void settingsOutOfRangeAreRejected() {
    assertThrows(IllegalArgumentException.class, () -> Percentile.of(50));
    assertThrows(IllegalArgumentException.class, () -> Percentile.of(101));
    assertThrows(IllegalArgumentException.class, () -> MovingAverage.of(1));
    assertThrows(IllegalArgumentException.class, () -> MovingAverage.of(Double.NaN));
  }

  @Test
  void zeroIsAlwaysExact() {
    for (Range range : List.of(new Range(2, 5), new Range(-7, -1), new Range(-0.3f, 4))) {
      float back = range.scale() * (range.zeroPoint() - range.zeroPoint());
      assertEquals(0, back);
      assertTrue(range.zeroPoint() >= 0 && range.zeroPoint() <= 255);
    }
    assertEquals(0, new Range(2, 5).zeroPoint());
    assertEquals(255, new Range(-7, -1).zeroPoint());
  }
}
