package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.CodedConvolutions;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
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
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

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

  private final Map<String, Long> packed = new ConcurrentHashMap<>();
  private long packedSinceRelease;
  private Weight unreleased; // the last one packed since then
  private Thread ahead; // null unless packing ahead was started
  private volatile boolean closed;

  /** The kernels' bound on k of weights with groups. */
  private static final long MAX_GROUPED_DEPTH = 1 << 20;

  private static final int LARGEST_GROUP = 1024;
  private static final int GROUP_STEP = 16;

  /** True for a weight that is packed as integer codes, so that quantized values can meet it. */
  static boolean isInteger(Weight weight) {
    return isInt8(weight) || isGrouped(weight);
  }

  private static boolean isInt8(Weight weight) {
    return weight instanceof QuantizedWeight quantized
        && quantized.codes().type().bits() == 8
        && weight.shape().length == 2
        && weight.shape()[0] <= MAX_INT8_DEPTH
        && isPerColumn(quantized.granularity());
  }

  /** True for codes of fewer bits, for groups along k, and for codebooks. */
  private static boolean isGrouped(Weight weight) {
    if (weight.shape().length != 2 || weight.shape()[0] > MAX_GROUPED_DEPTH) {
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
      return group.axis() == 0
          && (group.size() == weight.shape()[0]
              || group.size() % GROUP_STEP == 0 && group.size() <= LARGEST_GROUP);
    }
    return isPerColumn(granularity);
  }

  private static boolean isPerColumn(Granularity granularity) {
    return granularity instanceof Granularity.PerTensor
        || granularity instanceof Granularity.PerChannel channel && channel.axis() == 1;
  }

  /** The handle of the weight [k, n] of a linear operator. It belongs to this object. */
  long linear(String name, Weight weight) {
    Long handle = packed.get(name);
    if (handle != null) {
      return handle;
    }
    Packing packing = new Packing(weight);
    handle = packed.computeIfAbsent(name, packing);
    if (packing.done) {
      // Not while the map computes: it holds a lock then, and so may who waits for it here.
      releaseSourceAtTimes(weight);
    }
    return handle;
  }

  /** Packs a weight that nobody has packed yet; a class, as a lambda costs a cold JVM more. */
  private static final class Packing implements Function<String, Long> {
    private final Weight weight;
    private boolean done;

    Packing(Weight weight) {
      this.weight = weight;
    }

    @Override
    public Long apply(String name) {
      long handle = packNamed(name, weight);
      done = true;
      return handle;
    }
  }

  /**
   * Begins to pack the weights of a model's linear layers on another thread, from the last one to
   * the first: whoever lowers the graph meanwhile asks for them in order and meets it half way.
   */
  void packAhead(Model model) {
    ahead = new Thread(new Ahead(model), "demitasse-pack");
    ahead.setDaemon(true);
    ahead.start();
  }

  private final class Ahead implements Runnable {
    private final Model model;

    Ahead(Model model) {
      this.model = model;
    }

    @Override
    public void run() {
      List<Node> nodes = model.graph().nodes();
      try {
        for (int i = nodes.size() - 1; i >= 0 && !closed; i--) {
          Node node = nodes.get(i);
          if (node.is(Domains.DEMITASSE, FusedOperators.LINEAR) && node.hasInput(1)) {
            String name = node.input(1);
            Weight weight = model.weights().get(name);
            if (weight != null) {
              linear(name, weight);
            }
          }
        }
      } catch (RuntimeException | Error failure) {
        RuntimeLog.debug("weights are not packed ahead", failure); // who needs it finds it again
      }
    }
  }

  private synchronized void releaseSourceAtTimes(Weight weight) {
    unreleased = weight;
    packedSinceRelease += weight.storedBytes();
    if (packedSinceRelease >= RELEASE_BYTES) {
      releaseSources();
    }
  }

  /**
   * The handle of the kernel of a convolution, as ONNX has it. It belongs to this object.
   *
   * @param kind a DMT_CONVOLUTION_ constant
   */
  synchronized long convolution(String name, Weight weight, long group, int kind) {
    String key = name + " in " + group + " groups, kind " + kind;
    Long handle = packed.get(key);
    if (handle == null) {
      handle = packConvolution(weight, group, kind);
      packed.put(key, handle);
    }
    return handle;
  }

  /** True for a kernel of codes that convolutions of codes can use. */
  static boolean isCodeKernel(Node node, Weight weight) {
    return weight instanceof QuantizedWeight quantized
        && quantized.codes().type() == DataType.INT8
        && quantized.zeroPoints() == null
        && (quantized.granularity() instanceof Granularity.PerTensor
            || quantized.granularity() instanceof Granularity.PerChannel channel
                && channel.axis() == 0)
        && CodedConvolutions.accepts(node, weight.shape());
  }

  /** The handle of the kernel of a convolution of codes. It belongs to this object. */
  synchronized long codeConvolution(String name, QuantizedWeight weight, long group) {
    return packed.computeIfAbsent(
        name + " in " + group + " groups, codes", key -> packCodeConvolution(weight, group));
  }

  private static long packCodeConvolution(QuantizedWeight weight, long group) {
    NativeLibrary.load();
    Tensor codes = weight.codes();
    float[] scales = weight.scales().toFloats();
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(codes.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_code_convolution(
              source,
              codes.byteSize(),
              weight.shape(),
              group,
              scales,
              scales.length,
              out.address()));
    } finally {
      codes.release();
    }
    return out.get();
  }

  private static long packConvolution(Weight weight, long group, int kind) {
    NativeLibrary.load();
    float[] floats;
    try (Tensor values = weight.dequantize()) {
      floats = values.toFloats();
    }
    HandleCell out = new HandleCell();
    NativeStatus.check(
        Demitasse.dmt_weight_pack_convolution(
            floats, 4L * floats.length, weight.shape(), group, kind, out.address()));
    return out.get();
  }

  /** Lets go of the pages of the mapped file that the weights so far were packed from. */
  synchronized void releaseSources() {
    if (unreleased != null) {
      releaseSource(unreleased);
      unreleased = null;
      packedSinceRelease = 0;
    }
  }

  private static void releaseSource(Weight weight) {
    Tensor source = weight.parts().values().iterator().next();
    long address = NativeMemory.address(source.acquire());
    try {
      Demitasse.dmt_release_file_pages(address);
    } finally {
      source.release();
    }
  }

  /** What the native library refuses is said with the layer's name and shape. */
  private static long packNamed(String name, Weight weight) {
    try {
      return pack(name, weight);
    } catch (IllegalArgumentException refused) {
      String shape = Arrays.toString(weight.shape());
      throw new IllegalArgumentException(
          "weight '" + name + "' " + shape + ", " + weight.encoding() + ": " + refused.getMessage(),
          refused);
    }
  }

  private static long pack(String name, Weight weight) {
    NativeLibrary.load();
    long[] shape = weight.shape();
    if (shape.length != 2) {
      throw new IllegalArgumentException(
          "the weight of a linear operator must be [k, n], it is " + Arrays.toString(shape));
    }
    if (isInt8(weight)) {
      return packInteger((QuantizedWeight) weight);
    }
    if (isGrouped(weight)) {
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

  private static long packFloat(Tensor tensor) {
    long k = tensor.dimension(0);
    long n = tensor.dimension(1);
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(tensor.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_float(
              tensor.type().onnxCode(), source, tensor.byteSize(), k, n, n, 1, out.address()));
    } finally {
      tensor.release();
    }
    return out.get();
  }

  private static long packInteger(QuantizedWeight weight) {
    Tensor codes = weight.codes();
    long k = codes.dimension(0);
    long n = codes.dimension(1);
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
              n,
              1,
              scales,
              zeroPoints,
              scales.length,
              out.address()));
    } finally {
      codes.release();
    }
    return out.get();
  }

  private static long packGrouped(QuantizedWeight weight) {
    return packGrouped(
        weight.codes(), weight.scales(), zeroPoints(weight), null, weight.granularity());
  }

  private static long packGrouped(
      Tensor codes, Tensor scales, int[] zeroPoints, float[] codebook, Granularity granularity) {
    long k = codes.dimension(0);
    int n = Math.toIntExact(codes.dimension(1));
    long group = granularity instanceof Granularity.PerGroup groups ? groups.size() : k;
    boolean one = granularity instanceof Granularity.PerTensor;
    Tensor factors = one ? repeated(scales, n) : scales;
    int[] zeros = zeroPoints;
    if (one && zeroPoints != null) {
      zeros = new int[n];
      Arrays.fill(zeros, zeroPoints[0]);
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
              n,
              1,
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
      if (one) {
        factors.close();
      }
    }
    return out.get();
  }

  private static long packBinary(BinaryWeight weight) {
    int k = weight.rows();
    int n = weight.columns();
    long group = weight.granularity() instanceof Granularity.PerGroup groups ? groups.size() : k;
    boolean one = weight.granularity() instanceof Granularity.PerTensor;
    Tensor signs = weight.signs();
    Tensor factors = one ? repeated(weight.scales(), n) : weight.scales();
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
              n,
              1,
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

  private static Tensor repeated(Tensor scale, int n) {
    float[] values = new float[n];
    Arrays.fill(values, scale.toFloats()[0]);
    return Tensor.fromFloats(scale.type(), values, n);
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
  public void close() {
    closed = true;
    awaitAhead();
    for (long handle : packed.values()) {
      Demitasse.dmt_weight_release(handle);
    }
    packed.clear();
  }

  private void awaitAhead() {
    boolean interrupted = false;
    while (ahead != null && ahead.isAlive()) {
      try {
        ahead.join();
      } catch (InterruptedException later) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
