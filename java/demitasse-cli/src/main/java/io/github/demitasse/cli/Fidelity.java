package io.github.demitasse.cli;

import io.github.demitasse.evaluate.Cosine;
import java.util.Map;

/** Confined to one thread: how close vectors stay to those of the original model. */
final class Fidelity {
  private final Cosine cosine = new Cosine();

  /** Takes in rows of {@code length} values that belong together. */
  void add(float[] outputs, float[] originals, int length) {
    if (outputs.length != originals.length) {
      throw new IllegalArgumentException(
          "the models cannot be compared: one gives "
              + outputs.length
              + " values for a sample, the other "
              + originals.length);
    }
    if (length > 0) {
      cosine.add(outputs, originals, length);
    }
  }

  void addTo(Map<String, Object> result) {
    result.put("cosine_mean", cosine.mean());
    result.put("cosine_min", cosine.smallest());
  }
}
