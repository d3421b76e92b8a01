package io.github.demitasse.evaluate;

import io.github.demitasse.tensor.Tensor;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: samples to feed a model with, read as they are needed. Each sample is
 * what one passes to {@code Session.run}. Iterating again starts over.
 */
public interface Dataset extends Iterable<Map<String, Tensor>> {

  /** How many samples there are, or -1 when that is not known beforehand. */
  default long size() {
    return -1;
  }

  /**
   * What messages call the sample that the latest iteration gave at this place, counted from 0: a
   * file, say.
   */
  default String nameOf(long sample) {
    return "sample " + sample;
  }

  /** A data set held in memory. */
  static Dataset of(List<Map<String, Tensor>> samples) {
    return new Dataset() {
      @Override
      public long size() {
        return samples.size();
      }

      @Override
      public Iterator<Map<String, Tensor>> iterator() {
        return samples.iterator();
      }
    };
  }
}
