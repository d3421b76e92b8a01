package io.github.demitasse.weight;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Locale;
import java.util.Map;

/**
 * Immutable: a weight stored element by element.
 *
 * @param tensor of any type
 * @param type the logical type: the tensor's own, or FLOAT32 for a FLOAT16 or BFLOAT16 tensor that
 *     only saves space
 */
public record DenseWeight(Tensor tensor, DataType type) implements Weight {
  public DenseWeight {
    boolean halved =
        type == DataType.FLOAT32
            && (tensor.type() == DataType.FLOAT16 || tensor.type() == DataType.BFLOAT16);
    if (type != tensor.type() && !halved) {
      throw new IllegalArgumentException("a weight of type " + type + " stored as " + tensor);
    }
    tensor.leaveToCollector();
  }

  public DenseWeight(Tensor tensor) {
    this(tensor, tensor.type());
  }

  @Override
  public long[] shape() {
    return tensor.shape();
  }

  @Override
  public String encoding() {
    return tensor.type().name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Map<String, Tensor> parts() {
    return Map.of("", tensor);
  }

  @Override
  public Tensor dequantize() {
    return type == tensor.type() ? tensor.copy() : Tensor.of(tensor.toFloats(), tensor.shape());
  }
}
