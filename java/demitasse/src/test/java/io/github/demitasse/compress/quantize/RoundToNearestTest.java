package io.github.demitasse.compress.quantize;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.weight.QuantizedWeight;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RoundToNearestTest {
  private static float[] random(int count, float scale) {
    Random random = new Random(count);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = scale * (float) random.nextGaussian();
    }
    return values;
  }

  @Test
  void noWeightIsFartherThanHalfAStepFromItsCode() {
    for (boolean symmetric : new boolean[] {true, false}) {
      for (int axis = -1; axis <= 1; axis++) {
        float[] weights = random(7 * 11, 0.3f);
        QuantizedWeight quantized = RoundToNearest.int8(weights, 7, 11, axis, symmetric);
        float[] back = quantized.dequantize().toFloats();
        float[] scales = quantized.scales().toFloats();
        for (int i = 0; i < weights.length; i++) {
          float scale = scales[axis < 0 ? 0 : axis == 0 ? i / 11 : i % 11];
          assertEquals(weights[i], back[i], 0.5001f * scale, "axis " + axis + ", element " + i);
        }
      }
    }
  }

  @Test
  void theLargestWeightOfAChannelKeepsItsValue() {
    float[] weights = {1, -8, 0.5f, 4};
    QuantizedWeight quantized = RoundToNearest.int8(weights, 2, 2, 1, true);
    assertArrayEquals(new long[] {127, -127, 64, 64}, quantized.codes().toLongs());
    assertNull(quantized.zeroPoints());
  }

  @Test
  void zeroChannelsStayZero() {
    for (boolean symmetric : new boolean[] {true, false}) {
      QuantizedWeight quantized = RoundToNearest.int8(new float[6], 2, 3, 1, symmetric);
      assertArrayEquals(new float[6], quantized.dequantize().toFloats());
    }
  }

  @Test
  void asymmetricHalvesTheErrorOfOneSidedWeights() {
    float[] weights = random(1000, 1);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.abs(weights[i]);
    }
    double symmetric = error(weights, RoundToNearest.int8(weights, 10, 100, -1, true));
    double asymmetric = error(weights, RoundToNearest.int8(weights, 10, 100, -1, false));
    assertTrue(asymmetric < 0.3 * symmetric, asymmetric + " against " + symmetric);
  }

  private static double error(float[] weights, QuantizedWeight quantized) {
    float[] back = quantized.dequantize().toFloats();
    double error = 0;
    for (int i = 0; i < weights.length; i++) {
      error += Math.pow(weights[i] - back[i], 2);
    }
    return error;
  }
}
