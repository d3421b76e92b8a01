package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.natives.WeightPointer;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;

/**
 * Thread-safe: the packed weights of one session, made once and shared by all its programs.
 *
 * <p>A linear weight is packed from the memory the model keeps it in: INT8 codes as they are, half
 * precision as it is. What the kernels have no layout for is dequantized first.
 */
final class PackedWeights implements AutoCloseable {
  /** The kernels' bound on k that keeps INT8 sums within 32 bits. */
  private static final long MAX_INT8_DEPTH = 65536;

  /** Sources are dropped from memory in portions: each costs a look at the list of mappings. */
  private static final long RELEASE_BYTES = 4 << 20;

  private final Map<String, WeightPointer> packed = new HashMap<>();
  private long packedSinceRelease;

  /** True for a weight that is packed as INT8 codes, so that quantized values can meet it. */
  static boolean isInteger(Weight weight) {
    return weight instanceof QuantizedWeight quantized
        && weight.shape().length == 2
        && weight.shape()[0] <= MAX_INT8_DEPTH
        && isPerColumn(quantized.granularity());
  }

  private static boolean isPerColumn(Granularity granularity) {
    return granularity instanceof Granularity.PerTensor
        || granularity instanceof Granularity.PerChannel channel && channel.axis() == 1;
  }

  /** The weight [k, n] of a linear operator. It belongs to this object. */
  synchronized WeightPointer linear(String name, Weight weight) {
    WeightPointer pointer = packed.get(name);
    if (pointer == null) {
      pointer = pack(name, weight);
      packed.put(name, pointer);
      packedSinceRelease += weight.storedBytes();
      if (packedSinceRelease >= RELEASE_BYTES) {
        releaseSource(weight);
      }
    }
    return pointer;
  }

  /** Lets go of the pages of the mapped file that the weights so far were packed from. */
  private void releaseSource(Weight weight) {
    Tensor source = weight.parts().values().iterator().next();
    Pointer address = new Pointer(source.acquire());
    try {
      Demitasse.dmt_release_file_pages(address);
    } finally {
      source.release();
    }
    packedSinceRelease = 0;
  }

  private static WeightPointer pack(String name, Weight weight) {
    NativeLibrary.load();
    long[] shape = weight.shape();
    if (shape.length != 2) {
      throw new IllegalArgumentException(
          "weight '" + name + "' must be [k, n], it is " + Arrays.toString(shape));
    }
    if (isInteger(weight)) {
      return packInteger((QuantizedWeight) weight);
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

  private static WeightPointer packFloat(Tensor tensor) {
    long k = tensor.dimension(0);
    long n = tensor.dimension(1);
    WeightPointer out = new WeightPointer();
    Pointer source = new Pointer(tensor.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_float(
              tensor.type().onnxCode(), source, tensor.byteSize(), k, n, n, 1, out));
    } finally {
      tensor.release();
    }
    return out;
  }

  private static WeightPointer packInteger(QuantizedWeight weight) {
    Tensor codes = weight.codes();
    long k = codes.dimension(0);
    long n = codes.dimension(1);
    float[] scales = weight.scales().toFloats();
    int[] zeroPoints = zeroPoints(weight);
    WeightPointer out = new WeightPointer();
    Pointer source = new Pointer(codes.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_int8(
              codes.type().onnxCode(),
              source,
              codes.byteSize(),
              k,
              n,
              n,
              1,
              scales,
              zeroPoints,
              scales.length,
              out));
    } finally {
      codes.release();
    }
    return out;
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

  /** Gives up all weights; programs that use them keep their own references. */
  @Override
  public synchronized void close() {
    for (WeightPointer pointer : packed.values()) {
      Demitasse.dmt_weight_release(pointer);
    }
    packed.clear();
  }
}
