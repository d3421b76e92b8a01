package io.github.demitasse.compress;

import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Calibration data for all-MiniLM-L6-v2: ordinary word pieces between the two marks. */
public final class Sentences {
  private Sentences() {}

  public static Dataset of(int count, int tokens, long seed) {
    Random random = new Random(seed);
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long[] ids = random.longs(tokens, 1000, 20_000).toArray();
      ids[0] = 101;
      ids[tokens - 1] = 102;
      samples.add(OnnxRuntimeOracle.tokens(ids));
    }
    return Dataset.of(samples);
  }
}
