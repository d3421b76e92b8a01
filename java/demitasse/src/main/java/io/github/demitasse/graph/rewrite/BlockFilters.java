package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.rewrite.FuseTransposedConvolution.Window;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;

/**
 * Immutable: the filters [c, m, height, width] of a transposed convolution as those of one that
 * computes blocks, [(i, j, m), c, rows, columns]. Scales of codes go with their channels.
 */
final class BlockFilters {
  private static final int ZERO = -1;
  private static final int RESULT_AXIS = 1;

  private final int blocks;
  private final int results;
  private final long[] shape;
  private final int[] sources; // by element; ZERO where the window meets no weight

  BlockFilters(long[] filters, Window rows, Window columns) {
    int channels = Math.toIntExact(filters[0]);
    int stride = rows.stride();
    results = Math.toIntExact(filters[RESULT_AXIS]);
    blocks = stride * stride;
    shape = new long[] {(long) blocks * results, channels, rows.inputs(), columns.inputs()};
    sources = new int[Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
    int at = 0;
    for (int block = 0; block < blocks; block++) {
      for (int m = 0; m < results; m++) {
        for (int c = 0; c < channels; c++) {
          for (int y = 0; y < rows.inputs(); y++) {
            int row = rows.tap(block / stride, y);
            for (int x = 0; x < columns.inputs(); x++) {
              int column = columns.tap(block % stride, x);
              boolean meets =
                  row >= 0 && row < rows.kernel() && column >= 0 && column < columns.kernel();
              sources[at++] =
                  meets
                      ? ((c * results + m) * rows.kernel() + row) * columns.kernel() + column
                      : ZERO;
            }
          }
        }
      }
    }
  }

  /** Null for an encoding that cannot be moved so. */
  Weight of(Weight filters) {
    if (Constants.isPlain(filters)) {
      float[] from = Convolutions.floats(filters);
      float[] to = new float[sources.length];
      for (int i = 0; i < to.length; i++) {
        to[i] = sources[i] == ZERO ? 0 : from[sources[i]];
      }
      return new DenseWeight(Tensor.of(to, shape));
    }
    return filters instanceof QuantizedWeight quantized ? of(quantized) : null;
  }

  private Weight of(QuantizedWeight filters) {
    boolean perChannel =
        filters.granularity() instanceof Granularity.PerChannel channel
            && channel.axis() == RESULT_AXIS;
    if (!perChannel && !(filters.granularity() instanceof Granularity.PerTensor)) {
      return null;
    }
    long[] zeros = filters.zeroPoints() == null ? null : filters.zeroPoints().toLongs();
    long[] from = filters.codes().toLongs();
    long[] to = new long[sources.length];
    for (int i = 0; i < to.length; i++) {
      if (sources[i] != ZERO) {
        to[i] = from[sources[i]];
      } else if (zeros != null) {
        int result = (int) (i / (sources.length / shape[0]) % results);
        to[i] = zeros[perChannel ? result : 0];
      }
    }
    int copies = perChannel ? blocks : 1;
    return new QuantizedWeight(
        Tensor.ofIntegers(filters.codes().type(), to, shape),
        repeated(filters.scales(), copies),
        zeros == null ? null : repeated(filters.zeroPoints(), copies),
        perChannel ? new Granularity.PerChannel(0) : filters.granularity());
  }

  private static Tensor repeated(Tensor parameters, int copies) {
    if (copies == 1) {
      return parameters;
    }
    int count = Math.toIntExact(parameters.elements());
    if (parameters.type().isInteger()) {
      long[] all = new long[count * copies];
      long[] from = parameters.toLongs();
      Arrays.setAll(all, i -> from[i % count]);
      return Tensor.ofIntegers(parameters.type(), all, all.length);
    }
    float[] all = new float[count * copies];
    float[] from = parameters.toFloats();
    for (int i = 0; i < all.length; i++) {
      all[i] = from[i % count];
    }
    return Tensor.fromFloats(parameters.type(), all, all.length);
  }
}
