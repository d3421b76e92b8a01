package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.io.IOException;

/**
 * Thread-safe: how one kind of weight is described in the file, beside its parts. A new encoding is
 * a class of this kind and a line in {@link #of(Weight)} and {@link #named}.
 */
interface WeightEncoding<W extends Weight> {
  /** The name in the file. */
  String name();

  /** Writes the fields of the description that the parts do not tell. */
  void write(W weight, JsonGenerator json) throws IOException;

  /**
   * @throws IllegalArgumentException if fields or parts are missing or do not fit
   */
  W read(WeightDescription description);

  @SuppressWarnings("unchecked")
  static <W extends Weight> WeightEncoding<W> of(W weight) {
    WeightEncoding<?> encoding = null;
    if (weight instanceof DenseWeight) {
      encoding = DenseEncoding.INSTANCE;
    } else if (weight instanceof QuantizedWeight) {
      encoding = QuantizedEncoding.INSTANCE;
    } else if (weight instanceof CodebookWeight) {
      encoding = CodebookEncoding.INSTANCE;
    } else if (weight instanceof BinaryWeight) {
      encoding = BinaryEncoding.INSTANCE;
    }
    if (encoding == null) {
      throw new IllegalArgumentException("weights of " + weight.getClass() + " cannot be written");
    }
    return (WeightEncoding<W>) encoding;
  }

  /**
   * @throws IllegalArgumentException if there is no such encoding
   */
  static WeightEncoding<?> named(String name) {
    return switch (name) {
      case "dense" -> DenseEncoding.INSTANCE;
      case "binary" -> BinaryEncoding.INSTANCE;
      case "codebook" -> CodebookEncoding.INSTANCE;
      case "quantized" -> QuantizedEncoding.INSTANCE;
      default -> throw new IllegalArgumentException("unknown weight encoding '" + name + "'");
    };
  }
}
