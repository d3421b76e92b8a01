package io.github.demitasse.graph.rewrite;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;

/** Reads the small constants that patterns are made of. */
final class Constants {
  private Constants() {}

  /** The single element of a numeric constant as a number, or NaN when it has not exactly one. */
  static double scalar(Weight weight) {
    if (weight == null || weight.elements() != 1) {
      return Double.NaN;
    }
    if (!(weight instanceof DenseWeight dense)) {
      try (Tensor value = weight.dequantize()) {
        return value.toFloats()[0];
      }
    }
    Tensor tensor = dense.tensor();
    if (tensor.type() == DataType.FLOAT64) {
      return tensor.buffer().getDouble(0);
    }
    if (tensor.type().isFloatingPoint()) {
      return tensor.toFloats()[0];
    }
    return isIntegral(tensor.type()) ? tensor.toLongs()[0] : Double.NaN;
  }

  /**
   * True when the constant is {@code expected} as well as its type can say it; exporters compute
   * such constants in float or half precision.
   */
  static boolean isScalar(Weight weight, double expected) {
    double value = scalar(weight);
    boolean half =
        weight != null && (weight.type() == DataType.FLOAT16 || weight.type() == DataType.BFLOAT16);
    double tolerance = half ? 4e-3 : 1e-6;
    return Math.abs(value - expected) <= tolerance * Math.abs(expected);
  }

  /** The elements of an integer constant, or null for another. */
  static long[] integers(Weight weight) {
    return weight instanceof DenseWeight dense && isIntegral(dense.tensor().type())
        ? dense.tensor().toLongs()
        : null;
  }

  /** A constant of logical type FLOAT32 as a tensor that is stored so, too. */
  static Tensor floats(Weight weight) {
    boolean plain =
        weight instanceof DenseWeight dense && dense.tensor().type() == DataType.FLOAT32;
    return plain ? ((DenseWeight) weight).tensor() : weight.dequantize();
  }

  /** True for floats that are stored as such, or in half precision. */
  static boolean isPlain(Weight weight) {
    return weight instanceof DenseWeight dense && dense.type() == DataType.FLOAT32;
  }

  static boolean isIntegral(DataType type) {
    return switch (type) {
      case INT64, INT32, INT16, INT8, UINT64, UINT32, UINT16, UINT8, BOOL -> true;
      default -> false;
    };
  }

  /** A new one-dimensional INT64 constant. */
  static DenseWeight of(long... numbers) {
    return new DenseWeight(Tensor.of(numbers, numbers.length));
  }
}
