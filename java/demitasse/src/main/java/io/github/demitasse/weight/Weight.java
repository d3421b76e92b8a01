package io.github.demitasse.weight;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Map;

/**
 * Immutable: a constant of a model: what it means (a tensor of a logical type and shape) and how it
 * is stored. Graphs, steps and messages see the meaning; formats and the runtime see the encoding.
 */
public sealed interface Weight permits DenseWeight, QuantizedWeight, CodebookWeight, BinaryWeight {

  /** The logical shape. */
  long[] shape();

  /** The logical element type: what a node that reads this weight computes with. */
  DataType type();

  /** Short name of the encoding for people: "float32", "int8 per channel". */
  String encoding();

  /**
   * The stored tensors by role, in a fixed order; their names in files are derived from the roles.
   */
  Map<String, Tensor> parts();

  /** The logical values; the caller closes the tensor. FLOAT32 unless the weight is dense. */
  Tensor dequantize();

  /** Bytes of all parts. */
  default long storedBytes() {
    long bytes = 0;
    for (Tensor part : parts().values()) {
      bytes += part.byteSize();
    }
    return bytes;
  }

  default long elements() {
    long count = 1;
    for (long size : shape()) {
      count *= size;
    }
    return count;
  }
}
