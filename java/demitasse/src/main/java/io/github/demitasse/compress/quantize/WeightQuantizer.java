package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.statistics.GramMatrix;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.Weight;
import java.util.function.Consumer;

/** Thread-safe: one layer's weight in another number format. */
final class WeightQuantizer {
  private WeightQuantizer() {}

  /**
   * @param inputs what the layer's input was; null for methods and layers that need none
   * @throws IllegalArgumentException naming the layer
   */
  static Weight quantize(
      Layer layer, Quantize settings, GramMatrix inputs, Consumer<String> notes) {
    float[] values;
    try (Tensor dequantized = layer.weight().dequantize()) {
      values = dequantized.toFloats();
    }
    long[] shape = layer.weight().shape();
    requireFinite(layer, values);
    WeightScheme scheme = settings.scheme(layer);
    return switch (scheme.format()) {
      case FLOAT16 -> half(layer, DataType.FLOAT16, values, shape);
      case BFLOAT16 -> half(layer, DataType.BFLOAT16, values, shape);
      case BINARY ->
          XnorScaling.binary(
              values,
              Math.toIntExact(shape[0]),
              Math.toIntExact(shape[1]),
              scheme.granularity(layer.kind()));
      case INT8, INT4, NF4, CODEBOOK4 -> {
        WeightMethod method =
            inputs == null ? new RoundToNearest(settings.method().scales()) : settings.method();
        Granularity granularity = scheme.granularity(layer.kind());
        CodedMatrix matrix =
            layer.kind().isRecurrent()
                ? DirectionsSideBySide.matrix(values, shape, granularity, settings.codes(layer))
                : new CodedMatrix(
                    values,
                    Math.toIntExact(shape[0]),
                    Math.toIntExact(layer.weight().elements() / Math.max(1, shape[0])),
                    granularity,
                    settings.codes(layer));
        try {
          method.quantize(matrix, inputs, notes);
        } catch (IllegalArgumentException | ArithmeticException failed) {
          throw new IllegalArgumentException("layer " + layer + ": " + failed.getMessage(), failed);
        }
        yield layer.kind().isRecurrent()
            ? DirectionsSideBySide.weight(matrix, shape, granularity)
            : matrix.toWeight(shape);
      }
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
            "layer "
                + layer
                + ": weight element "
                + i
                + " is "
                + values[i]
                + "; leave the layer out");
      }
    }
  }
}
