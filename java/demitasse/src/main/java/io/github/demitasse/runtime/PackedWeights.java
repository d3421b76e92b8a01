package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** Thread-safe: the packed weights of one session, made once and shared by all its programs. */
final class PackedWeights implements AutoCloseable {
  /** Sources are dropped from memory in portions: each costs a look at the list of mappings. */
  private static final long RELEASE_BYTES = 4 << 20;

  private final Map<String, Long> packed = new ConcurrentHashMap<>();
  private long packedSinceRelease;
  private Weight unreleased; // the last one packed since then
  private Thread ahead; // null unless packing ahead was started
  private volatile boolean closed;

  /** The handle of the weight [k, n] of a linear operator. It belongs to this object. */
  long linear(String name, Weight weight) {
    Long handle = packed.get(name);
    if (handle != null) {
      return handle;
    }
    Packing packing = new Packing(weight, false);
    handle = packed.computeIfAbsent(name, packing);
    if (packing.done) {
      // Not while the map computes: it holds a lock then, and so may who waits for it here.
      releaseSourceAtTimes(weight);
    }
    return handle;
  }

  /**
   * The handle of a matrix [n, k] within the weight [directions, gates * hidden, k] of a recurrent
   * layer. It belongs to this object.
   *
   * @param first the first row, counted over all directions
   * @param count how many rows: n
   */
  long recurrent(String name, Weight weight, long first, long count) {
    String key = name + " rows " + first + " to " + (first + count);
    Long handle = packed.get(key);
    if (handle != null) {
      return handle;
    }
    Packing packing = new Packing(RecurrentMatrices.rows(weight, first, count), true);
    handle = packed.computeIfAbsent(key, packing);
    if (packing.done) {
      releaseSourceAtTimes(weight);
    }
    return handle;
  }

  /** Packs a weight that nobody has packed yet; a class, as a lambda costs a cold JVM more. */
  private static final class Packing implements Function<String, Long> {
    private final Weight weight;
    private final boolean outputsFirst;
    private boolean done;

    Packing(Weight weight, boolean outputsFirst) {
      this.weight = weight;
      this.outputsFirst = outputsFirst;
    }

    @Override
    public Long apply(String name) {
      long handle = WeightPacking.pack(name, weight, outputsFirst);
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
   * @param block the height and width of the block of pixels that each of its results becomes
   * @param kind a DMT_CONVOLUTION_ constant
   */
  synchronized long convolution(String name, Weight weight, long group, long block, int kind) {
    String key = name + " in " + group + " groups, blocks of " + block + ", kind " + kind;
    Long handle = packed.get(key);
    if (handle == null) {
      try {
        handle = packConvolution(weight, group, block, kind);
      } catch (IllegalArgumentException refused) {
        throw WeightPacking.named(name, weight, refused);
      }
      packed.put(key, handle);
    }
    return handle;
  }

  /** The handle of the kernel of a convolution of codes. It belongs to this object. */
  synchronized long codeConvolution(String name, Weight weight, long group, long block) {
    return packed.computeIfAbsent(
        name + " in " + group + " groups, blocks of " + block + ", codes",
        key -> CodeKernels.pack(weight, group, block));
  }

  private static long packConvolution(Weight weight, long group, long block, int kind) {
    NativeLibrary.load();
    float[] floats;
    try (Tensor values = weight.dequantize()) {
      floats = values.toFloats();
    }
    HandleCell out = new HandleCell();
    NativeStatus.check(
        Demitasse.dmt_weight_pack_convolution(
            floats, 4L * floats.length, weight.shape(), group, block, kind, out.address()));
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
