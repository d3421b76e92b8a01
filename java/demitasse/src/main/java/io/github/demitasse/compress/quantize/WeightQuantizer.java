package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.Layer;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;

/** Thread-safe: one layer's weight in another number format. */
final class WeightQuantizer {
  private WeightQuantizer() {}

  static Weight quantize(Layer layer, Quantize settings) {
    float[] values;
    try (Tensor dequantized = layer.weight().dequantize()) {
      values = dequantized.toFloats();
    }
    long[] shape = layer.weight().shape();
    requireFinite(layer, values);
    return switch (settings.weights()) {
      case FLOAT16 -> half(layer, DataType.FLOAT16, values, shape);
      case BFLOAT16 -> half(layer, DataType.BFLOAT16, values, shape);
      case INT8 ->
          RoundToNearest.int8(
              values,
              Math.toIntExact(shape[0]),
              Math.toIntExact(shape[1]),
              settings.channelScales() ? layer.kind().channelAxis() : -1,
              settings.symmetric());
    };
  }

  private static Weight half(Layer layer, DataType type, float[] values, long[] shape) {
    if (type == DataType.FLOAT16) {
      for (float value : values) {
        if (Math.abs(value) >= 65520) {
          throw new IllegalArgumentException(
              "layer " + layer + ": " + value + " is beyond the range of float16; use bfloat16");
        }
      }
    }
    return new DenseWeight(Tensor.fromFloats(type, values, shape), DataType.FLOAT32);
  }

  private static void requireFinite(Layer layer, float[] values) {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw new IllegalArgumentException(
            "layer " + layer + ": weight element " + i + " is " + values[i]);
      }
    }
  }
}
