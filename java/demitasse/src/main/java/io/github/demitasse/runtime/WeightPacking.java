package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;

/**
 * Confined to one thread: packs one matrix of weights from the memory the model keeps it in: INT8
 * codes as they are, half precision as it is. What the kernels have no layout for is dequantized
 * first.
 *
 * <p>A matrix is [k, n], k inputs and n outputs, or with its outputs first [n, k].
 */
final class WeightPacking {
  /** The kernels' bound on k that keeps INT8 sums within 32 bits. */
  private static final long MAX_INT8_DEPTH = 65536;

  /** The kernels' bound on k of weights with groups. */
  private static final long MAX_GROUPED_DEPTH = 1 << 20;

  private static final int LARGEST_GROUP = 1024;
  private static final int GROUP_STEP = 16;

  private final Weight weight;
  private final int depthAxis; // the axis of k
  private final long k;
  private final long n;

  private WeightPacking(Weight weight, boolean outputsFirst) {
    this.weight = weight;
    depthAxis = outputsFirst ? 1 : 0;
    long[] shape = weight.shape();
    if (shape.length != 2) {
      throw new IllegalArgumentException(
          "the weight of a linear operator must be [k, n], it is " + Arrays.toString(shape));
    }
    k = shape[depthAxis];
    n = shape[1 - depthAxis];
  }

  /**
   * True for a weight [k, n], or [n, k], that is packed as integer codes, so that quantized values
   * can meet it.
   */
  static boolean isInteger(Weight weight, boolean outputsFirst) {
    if (weight.shape().length != 2) {
      return false;
    }
    WeightPacking packing = new WeightPacking(weight, outputsFirst);
    return packing.isInt8() || packing.isGrouped();
  }

  /** Elements between neighbours along k. */
  private long depthStride() {
    return depthAxis == 0 ? n : 1;
  }

  /** Elements between neighbours along n. */
  private long outputStride() {
    return depthAxis == 0 ? 1 : k;
  }

  private boolean isInt8() {
    return weight instanceof QuantizedWeight quantized
        && quantized.codes().type().bits() == 8
        && k <= MAX_INT8_DEPTH
        && isPerColumn(quantized.granularity());
  }

  /** True for codes of fewer bits, for groups along k, and for codebooks. */
  private boolean isGrouped() {
    if (k > MAX_GROUPED_DEPTH) {
      return false;
    }
    Granularity granularity;
    if (weight instanceof QuantizedWeight quantized) {
      granularity = quantized.granularity();
    } else if (weight instanceof CodebookWeight book) {
      granularity = book.granularity();
    } else if (weight instanceof BinaryWeight binary) {
      granularity = binary.granularity();
    } else {
      return false;
    }
    if (granularity instanceof Granularity.PerGroup group) {
      return group.axis() == depthAxis
          && (group.size() == k || group.size() % GROUP_STEP == 0 && group.size() <= LARGEST_GROUP);
    }
    return isPerColumn(granularity);
  }

  private boolean isPerColumn(Granularity granularity) {
    return granularity instanceof Granularity.PerTensor
        || granularity instanceof Granularity.PerChannel channel && channel.axis() == 1 - depthAxis;
  }

  /**
   * The handle of a packed weight, which the caller releases. What the native library refuses is
   * said with the weight's name and shape.
   */
  static long pack(String name, Weight weight, boolean outputsFirst) {
    NativeLibrary.load();
    try {
      return new WeightPacking(weight, outputsFirst).pack(name);
    } catch (IllegalArgumentException refused) {
      throw named(name, weight, refused);
    }
  }

  static IllegalArgumentException named(
      String name, Weight weight, IllegalArgumentException refused) {
    String shape = Arrays.toString(weight.shape());
    return new IllegalArgumentException(
        "weight '" + name + "' " + shape + ", " + weight.encoding() + ": " + refused.getMessage(),
        refused);
  }

  private long pack(String name) {
    if (isInt8()) {
      return packInteger((QuantizedWeight) weight);
    }
    if (isGrouped()) {
      if (weight instanceof BinaryWeight binary) {
        return packBinary(binary);
      }
      return weight instanceof CodebookWeight book
          ? packGrouped(
              book.codes(), book.scales(), null, book.codebook().toFloats(), book.granularity())
          : packGrouped((QuantizedWeight) weight);
    }
    if (weight instanceof DenseWeight dense && isFloat(dense.tensor().type())) {
      return packFloat(dense.tensor());
    }
    RuntimeLog.info(
        "weight '{}' ({}) has no kernel of its own and runs as float32", name, weight.encoding());
    try (Tensor floats = weight.dequantize()) {
      return packFloat(floats);
    }
  }

  static boolean isFloat(DataType type) {
    return type == DataType.FLOAT32 || type == DataType.FLOAT16 || type == DataType.BFLOAT16;
  }

  private long packFloat(Tensor tensor) {
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(tensor.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_float(
              tensor.type().onnxCode(),
              source,
              tensor.byteSize(),
              k,
              n,
              depthStride(),
              outputStride(),
              out.address()));
    } finally {
      tensor.release();
    }
    return out.get();
  }

  private long packInteger(QuantizedWeight weight) {
    Tensor codes = weight.codes();
    float[] scales = weight.scales().toFloats();
    int[] zeroPoints = zeroPoints(weight);
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(codes.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_int8(
              codes.type().onnxCode(),
              source,
              codes.byteSize(),
              k,
              n,
              depthStride(),
              outputStride(),
              scales,
              zeroPoints,
              scales.length,
              out.address()));
    } finally {
      codes.release();
    }
    return out.get();
  }

  private long packGrouped(QuantizedWeight weight) {
    return packGrouped(
        weight.codes(), weight.scales(), zeroPoints(weight), null, weight.granularity());
  }

  private long packGrouped(
      Tensor codes, Tensor scales, int[] zeroPoints, float[] codebook, Granularity granularity) {
    long group = granularity instanceof Granularity.PerGroup groups ? groups.size() : k;
    boolean one = granularity instanceof Granularity.PerTensor;
    boolean turned = depthAxis == 1 && granularity instanceof Granularity.PerGroup;
    Tensor factors = one ? repeated(scales) : turned ? turned(scales) : scales;
    int[] zeros = zeroPoints;
    if (zeroPoints != null && one) {
      zeros = new int[Math.toIntExact(n)];
      Arrays.fill(zeros, zeroPoints[0]);
    } else if (zeroPoints != null && turned) {
      zeros = new int[zeroPoints.length];
      for (int i = 0; i < zeros.length; i++) {
        zeros[turned(i, zeros.length)] = zeroPoints[i];
      }
    }
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(codes.acquire());
    long steps = NativeMemory.address(factors.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_grouped(
              codes.type().onnxCode(),
              source,
              codes.byteSize(),
              k,
              n,
              depthStride(),
              outputStride(),
              group,
              factors.type().onnxCode(),
              steps,
              factors.byteSize(),
              zeros,
              codebook,
              out.address()));
    } finally {
      factors.release();
      codes.release();
      if (factors != scales) {
        factors.close();
      }
    }
    return out.get();
  }

  private long packBinary(BinaryWeight weight) {
    long group = weight.granularity() instanceof Granularity.PerGroup groups ? groups.size() : k;
    boolean one = weight.granularity() instanceof Granularity.PerTensor;
    Tensor signs = weight.signs();
    Tensor factors = one ? repeated(weight.scales()) : weight.scales();
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(signs.acquire());
    long steps = NativeMemory.address(factors.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_binary(
              source,
              signs.byteSize(),
              k,
              n,
              depthStride(),
              outputStride(),
              group,
              factors.type().onnxCode(),
              steps,
              factors.byteSize(),
              out.address()));
    } finally {
      factors.release();
      signs.release();
      if (one) {
        factors.close();
      }
    }
    return out.get();
  }

  private Tensor repeated(Tensor scale) {
    float[] values = new float[Math.toIntExact(n)];
    Arrays.fill(values, scale.toFloats()[0]);
    return Tensor.fromFloats(scale.type(), values, n);
  }

  /** Parameters [n][groups] as the kernels have them: [groups][n]. */
  private Tensor turned(Tensor parameters) {
    float[] from = parameters.toFloats();
    float[] to = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      to[turned(i, from.length)] = from[i];
    }
    return Tensor.fromFloats(parameters.type(), to, to.length / n, n);
  }

  private int turned(int index, int count) {
    int groups = Math.toIntExact(count / n);
    return index % groups * Math.toIntExact(n) + index / groups;
  }

  /** The zero points as integers, or null for zero. */
  static int[] zeroPoints(QuantizedWeight weight) {
    if (weight.zeroPoints() == null) {
      return null;
    }
    long[] values = weight.zeroPoints().toLongs();
    int[] result = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = (int) values[i];
    }
    return result;
  }
}
