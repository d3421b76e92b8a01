package io.github.demitasse.runtime;

import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;

/**
 * Thread-safe: the matrices within the weights [directions, gates * hidden, inputs] of recurrent
 * layers.
 */
final class RecurrentMatrices {
  private RecurrentMatrices() {}

  /**
   * Some rows of the weight, in its encoding where that can be: a view of its memory.
   *
   * @param first the first row, counted over all directions, none of which the rows leave
   * @return a weight [count, inputs]
   */
  static Weight rows(Weight weight, long first, long count) {
    long perDirection = weight.shape()[1];
    if (weight instanceof DenseWeight dense) {
      return new DenseWeight(matrix(dense.tensor()).rows(first, first + count), dense.type());
    }
    Tensor codes = codes(weight);
    Granularity granularity = granularity(weight);
    boolean wholeBytes = codes.dimension(2) * codes.type().bits() % 8 == 0;
    boolean kept =
        wholeBytes
            && (granularity instanceof Granularity.PerTensor
                || granularity instanceof Granularity.PerChannel channel && channel.axis() == 1
                || granularity instanceof Granularity.PerGroup group && group.axis() == 2);
    if (!kept) {
      Tensor values = weight.dequantize();
      return new DenseWeight(matrix(values).rows(first, first + count));
    }
    long from = 0; // of the parameters
    long parameters = 1;
    Granularity ofRows = granularity;
    if (granularity instanceof Granularity.PerChannel) {
      from = first % perDirection;
      parameters = count;
      ofRows = new Granularity.PerChannel(0);
    } else if (granularity instanceof Granularity.PerGroup group) {
      long groups = codes.dimension(2) / group.size();
      from = first * groups;
      parameters = count * groups;
      ofRows = new Granularity.PerGroup(1, group.size());
    }
    Tensor ofThem = matrix(codes).rows(first, first + count);
    if (weight instanceof CodebookWeight book) {
      return new CodebookWeight(
          ofThem, book.codebook(), part(book.scales(), from, parameters), ofRows);
    }
    QuantizedWeight quantized = (QuantizedWeight) weight;
    Tensor zeroPoints = quantized.zeroPoints();
    return new QuantizedWeight(
        ofThem,
        part(quantized.scales(), from, parameters),
        zeroPoints == null ? null : part(zeroPoints, from, parameters),
        ofRows);
  }

  private static Tensor codes(Weight weight) {
    return weight instanceof CodebookWeight book
        ? book.codes()
        : ((QuantizedWeight) weight).codes();
  }

  private static Granularity granularity(Weight weight) {
    return weight instanceof CodebookWeight book
        ? book.granularity()
        : ((QuantizedWeight) weight).granularity();
  }

  private static Tensor matrix(Tensor tensor) {
    return tensor.reshaped(tensor.dimension(0) * tensor.dimension(1), tensor.dimension(2));
  }

  private static Tensor part(Tensor parameters, long from, long count) {
    Tensor flat = parameters.reshaped(parameters.elements());
    if (parameters.type().bits() >= 8) {
      return flat.rows(from, from + count);
    }
    long[] all = flat.toLongs(); // codes of less than a byte begin anywhere
    return Tensor.ofIntegers(
        parameters.type(), Arrays.copyOfRange(all, (int) from, (int) (from + count)), count);
  }
}
