package io.github.demitasse.compress.equalize;

import io.github.demitasse.compress.Layer;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/** Thread-safe: the largest magnitude in each row or column of weights. */
final class RowRanges {
  private RowRanges() {}

  /** Of the rows of all these weights, which have equally many. */
  static float[] ofAll(List<Layer> layers) {
    float[] largest = new float[Math.toIntExact(layers.get(0).weight().shape()[0])];
    for (Layer layer : layers) {
      float[] values = floats(layer);
      int columns = values.length / largest.length;
      for (int i = 0; i < values.length; i++) {
        largest[i / columns] = Math.max(largest[i / columns], Math.abs(values[i]));
      }
    }
    return largest;
  }

  static float[] floats(Layer layer) {
    try (Tensor tensor = layer.weight().dequantize()) {
      return tensor.toFloats();
    }
  }
}
