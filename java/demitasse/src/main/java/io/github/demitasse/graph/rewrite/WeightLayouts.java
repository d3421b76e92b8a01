package io.github.demitasse.graph.rewrite;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/** Thread-safe: matrices of weights in another layout, without decoding them. */
final class WeightLayouts {
  private WeightLayouts() {}

  /** The transpose of a matrix. */
  static Weight transpose(Weight matrix) {
    if (matrix instanceof DenseWeight dense) {
      return new DenseWeight(transpose(dense.tensor()), dense.type());
    }
    if (matrix instanceof CodebookWeight book) {
      return new CodebookWeight(
          transpose(book.codes()),
          book.codebook(),
          transposedParameters(book.scales(), book.granularity(), book.shape()),
          transposed(book.granularity()));
    }
    QuantizedWeight quantized = (QuantizedWeight) matrix;
    Granularity granularity = quantized.granularity();
    return new QuantizedWeight(
        transpose(quantized.codes()),
        transposedParameters(quantized.scales(), granularity, quantized.shape()),
        transposedParameters(quantized.zeroPoints(), granularity, quantized.shape()),
        transposed(granularity));
  }

  private static Granularity transposed(Granularity granularity) {
    if (granularity instanceof Granularity.PerChannel channel) {
      return new Granularity.PerChannel(1 - channel.axis());
    }
    if (granularity instanceof Granularity.PerGroup group) {
      return new Granularity.PerGroup(1 - group.axis(), group.size());
    }
    return granularity;
  }

  /** Scales or zero points (or null) of a matrix of this shape, for its transpose. */
  private static Tensor transposedParameters(
      Tensor parameters, Granularity granularity, long[] shape) {
    if (parameters == null || !(granularity instanceof Granularity.PerGroup group)) {
      return parameters;
    }
    shape[group.axis()] /= group.size();
    return transpose(parameters.reshaped(shape));
  }

  private static Tensor transpose(Tensor matrix) {
    int rows = Math.toIntExact(matrix.dimension(0));
    int columns = Math.toIntExact(matrix.dimension(1));
    if (matrix.type().bits() < 8) {
      return transposeCodes(matrix, rows, columns);
    }
    Tensor result = Tensor.allocate(matrix.type(), columns, rows);
    ByteBuffer from = matrix.buffer();
    ByteBuffer to = result.buffer();
    switch (matrix.type().bits()) {
      case 8 -> {
        byte[] in = new byte[rows * columns];
        byte[] out = new byte[in.length];
        from.get(in);
        for (int row = 0; row < rows; row++) {
          for (int column = 0; column < columns; column++) {
            out[column * rows + row] = in[row * columns + column];
          }
        }
        to.put(out);
      }
      case 16 -> {
        short[] in = new short[rows * columns];
        short[] out = new short[in.length];
        from.asShortBuffer().get(in);
        for (int row = 0; row < rows; row++) {
          for (int column = 0; column < columns; column++) {
            out[column * rows + row] = in[row * columns + column];
          }
        }
        to.asShortBuffer().put(out);
      }
      case 32 -> {
        int[] in = new int[rows * columns];
        int[] out = new int[in.length];
        from.asIntBuffer().get(in);
        for (int row = 0; row < rows; row++) {
          for (int column = 0; column < columns; column++) {
            out[column * rows + row] = in[row * columns + column];
          }
        }
        to.asIntBuffer().put(out);
      }
      default -> throw new IllegalArgumentException("cannot transpose " + matrix);
    }
    return result;
  }

  private static Tensor transposeCodes(Tensor matrix, int rows, int columns) {
    long[] in = matrix.toLongs();
    long[] out = new long[in.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        out[column * rows + row] = in[row * columns + column];
      }
    }
    return Tensor.ofIntegers(matrix.type(), out, columns, rows);
  }

  /** True when {@link #transpose(Weight)} can handle this weight. */
  static boolean canTranspose(Weight weight) {
    if (weight.shape().length != 2 || weight instanceof BinaryWeight) {
      return false;
    }
    int bits = weight instanceof DenseWeight dense ? dense.tensor().type().bits() : 8;
    return bits == 8 || bits == 16 || bits == 32;
  }

  /** Every element times a number: dense floats are multiplied, codes keep their values. */
  static Weight scaled(Weight weight, float factor) {
    if (factor == 1) {
      return weight;
    }
    if (weight instanceof QuantizedWeight quantized) {
      return new QuantizedWeight(
          quantized.codes(),
          scaled(quantized.scales(), factor),
          quantized.zeroPoints(),
          quantized.granularity());
    }
    if (weight instanceof BinaryWeight binary) {
      return new BinaryWeight(
          binary.signs(),
          binary.rows(),
          binary.columns(),
          scaled(binary.scales(), factor),
          binary.granularity());
    }
    if (weight instanceof CodebookWeight book) {
      return new CodebookWeight(
          book.codes(), scaled(book.codebook(), factor), book.scales(), book.granularity());
    }
    return new DenseWeight(scaled(((DenseWeight) weight).tensor(), factor));
  }

  /**
   * Each column of a matrix times a number of its own, in the same encoding; null for encodings
   * other than plain floats and signs.
   */
  static Weight scaledColumns(Weight matrix, double[] factors) {
    if (matrix instanceof BinaryWeight binary) {
      return scaledColumns(binary, factors);
    }
    if (!Constants.isPlain(matrix)) {
      return null;
    }
    float[] values = Constants.floats(matrix).toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] * factors[i % factors.length]);
    }
    return new DenseWeight(Tensor.of(values, matrix.shape()));
  }

  /** Scales stay positive: a negative factor turns the signs of its column. */
  private static Weight scaledColumns(BinaryWeight matrix, double[] factors) {
    boolean perColumn =
        isPerColumnOrTensor(matrix.granularity())
            || matrix.granularity() instanceof Granularity.PerGroup group && group.axis() == 0;
    if (!perColumn) {
      return null;
    }
    float[] scales = perColumn(matrix, matrix.scales()).toFloats();
    for (int i = 0; i < scales.length; i++) {
      scales[i] = (float) (scales[i] * Math.abs(factors[i % factors.length]));
    }
    byte[] signs = matrix.signs().toBytes();
    for (int i = 0; i < matrix.rows() * matrix.columns(); i++) {
      if (factors[i % factors.length] < 0) {
        signs[i / 8] ^= (byte) (1 << i % 8);
      }
    }
    Granularity granularity = matrix.granularity();
    return new BinaryWeight(
        Tensor.ofBytes(DataType.UINT8, signs, signs.length),
        matrix.rows(),
        matrix.columns(),
        Tensor.of(scales, scales.length),
        granularity instanceof Granularity.PerGroup ? granularity : new Granularity.PerChannel(1));
  }

  private static Tensor scaled(Tensor tensor, float factor) {
    float[] values = tensor.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    return Tensor.of(values, tensor.shape());
  }

  /**
   * Matrices of equally many rows side by side, or null when their encodings cannot be joined.
   * Quantized ones keep their codes: the result has a scale per column, or per group of rows.
   */
  static Weight concatenateColumns(List<Weight> matrices) {
    Weight first = matrices.get(0);
    if (first instanceof DenseWeight) {
      return concatenateDense(matrices);
    }
    if (first instanceof BinaryWeight) {
      return null;
    }
    if (first instanceof CodebookWeight) {
      return concatenateCodebooks(matrices);
    }
    return concatenateQuantized(matrices);
  }

  /** Those of one codebook and the same groups of rows, or scales per column. */
  private static Weight concatenateCodebooks(List<Weight> matrices) {
    CodebookWeight first = (CodebookWeight) matrices.get(0);
    boolean grouped =
        first.granularity() instanceof Granularity.PerGroup group && group.axis() == 0;
    for (Weight matrix : matrices) {
      boolean same =
          matrix instanceof CodebookWeight book
              && (grouped
                  ? book.granularity().equals(first.granularity())
                  : isPerColumnOrTensor(book.granularity()))
              && book.scales().type() == first.scales().type()
              && Arrays.equals(book.codebook().toFloats(), first.codebook().toFloats());
      if (!same) {
        return null;
      }
    }
    List<CodebookWeight> parts = matrices.stream().map(CodebookWeight.class::cast).toList();
    Tensor scales =
        joinColumns(parts.stream().map(part -> perColumn(part, part.scales())).toList());
    return new CodebookWeight(
        joinColumns(parts.stream().map(CodebookWeight::codes).toList()),
        first.codebook(),
        grouped ? scales : scales.reshaped(scales.elements()),
        grouped ? first.granularity() : new Granularity.PerChannel(1));
  }

  private static Weight concatenateDense(List<Weight> matrices) {
    DenseWeight first = (DenseWeight) matrices.get(0);
    for (Weight matrix : matrices) {
      boolean same =
          matrix instanceof DenseWeight dense
              && dense.tensor().type() == first.tensor().type()
              && dense.type() == first.type();
      if (!same) {
        return null;
      }
    }
    return new DenseWeight(
        joinColumns(matrices.stream().map(m -> ((DenseWeight) m).tensor()).toList()), first.type());
  }

  private static Weight concatenateQuantized(List<Weight> matrices) {
    QuantizedWeight first = (QuantizedWeight) matrices.get(0);
    boolean grouped = first.granularity() instanceof Granularity.PerGroup;
    for (Weight matrix : matrices) {
      boolean same =
          matrix instanceof QuantizedWeight quantized
              && quantized.codes().type() == first.codes().type()
              && quantized.scales().type() == first.scales().type()
              && (grouped
                  ? quantized.granularity().equals(first.granularity())
                  : isPerColumnOrTensor(quantized.granularity()));
      if (!same) {
        return null;
      }
    }
    List<QuantizedWeight> parts = matrices.stream().map(QuantizedWeight.class::cast).toList();
    Tensor codes = joinColumns(parts.stream().map(QuantizedWeight::codes).toList());
    Tensor scales =
        joinColumns(parts.stream().map(part -> perColumn(part, part.scales())).toList());
    boolean symmetric = parts.stream().allMatch(part -> part.zeroPoints() == null);
    Tensor zeroPoints =
        symmetric
            ? null
            : joinColumns(parts.stream().map(part -> perColumn(part, zeroPoints(part))).toList());
    if (grouped) {
      return ((Granularity.PerGroup) first.granularity()).axis() == 0
          ? new QuantizedWeight(codes, scales, zeroPoints, first.granularity())
          : null;
    }
    return new QuantizedWeight(
        codes,
        scales.reshaped(scales.elements()),
        zeroPoints == null ? null : zeroPoints.reshaped(zeroPoints.elements()),
        new Granularity.PerChannel(1));
  }

  private static boolean isPerColumnOrTensor(Granularity granularity) {
    return granularity instanceof Granularity.PerTensor
        || granularity instanceof Granularity.PerChannel channel && channel.axis() == 1;
  }

  /** Scales or zero points as a matrix with one column for each of the weight's. */
  private static Tensor perColumn(Weight weight, Tensor parameters) {
    long columns = weight.shape()[1];
    if (parameters.elements() == 1 && columns > 1) {
      return repeated(parameters, columns);
    }
    return parameters.reshaped(parameters.elements() / columns, columns);
  }

  /** One element repeated as a row. */
  static Tensor repeated(Tensor element, long columns) {
    if (element.type().bits() < 8) {
      long[] codes = new long[Math.toIntExact(columns)];
      Arrays.fill(codes, element.toLongs()[0]);
      return Tensor.ofIntegers(element.type(), codes, 1, columns);
    }
    Tensor row = Tensor.allocate(element.type(), 1, columns);
    byte[] bytes = element.toBytes();
    ByteBuffer buffer = row.buffer();
    for (long i = 0; i < columns; i++) {
      buffer.put(bytes);
    }
    return row;
  }

  private static Tensor zeroPoints(QuantizedWeight weight) {
    return weight.zeroPoints() != null
        ? weight.zeroPoints()
        : Tensor.allocate(weight.codes().type(), weight.scales().elements());
  }

  private static Tensor joinColumns(List<Tensor> matrices) {
    DataType type = matrices.get(0).type();
    long rows = matrices.get(0).dimension(0);
    long columns = matrices.stream().mapToLong(matrix -> matrix.dimension(1)).sum();
    if (type.bits() < 8) {
      return joinCodes(matrices, Math.toIntExact(rows), Math.toIntExact(columns));
    }
    Tensor result = Tensor.allocate(type, rows, columns);
    ByteBuffer to = result.buffer();
    ByteBuffer[] from = matrices.stream().map(Tensor::buffer).toArray(ByteBuffer[]::new);
    int[] rowBytes =
        matrices.stream().mapToInt(m -> Math.toIntExact(type.bytes(m.dimension(1)))).toArray();
    for (long row = 0; row < rows; row++) {
      for (int i = 0; i < from.length; i++) {
        int start = Math.toIntExact(row * rowBytes[i]);
        to.put(from[i].slice(start, rowBytes[i]));
      }
    }
    return result;
  }

  private static Tensor joinCodes(List<Tensor> matrices, int rows, int columns) {
    long[] joined = new long[rows * columns];
    int first = 0;
    for (Tensor matrix : matrices) {
      int width = (int) matrix.dimension(1);
      long[] codes = matrix.toLongs();
      for (int row = 0; row < rows; row++) {
        System.arraycopy(codes, row * width, joined, row * columns + first, width);
      }
      first += width;
    }
    return Tensor.ofIntegers(matrices.get(0).type(), joined, rows, columns);
  }

  /** Zero points that are all zero say nothing: null for those. */
  static Tensor nullIfZero(Tensor zeroPoints) {
    return zeroPoints == null || Arrays.stream(zeroPoints.toLongs()).allMatch(z -> z == 0)
        ? null
        : zeroPoints;
  }
}
