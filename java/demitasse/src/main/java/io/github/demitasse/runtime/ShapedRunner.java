package io.github.demitasse.runtime;

import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Thread-safe: runs a graph with one program for each set of input shapes, the latest of which are
 * kept. Inputs that decide about shapes, such as Reshape's second, have a program for each content.
 * A batch of independent samples runs in parts, spread over the threads.
 */
final class ShapedRunner implements AutoCloseable {
  private static final int MAX_PROGRAMS = 32;

  /** Of so many shapes of samples it is remembered whether they are independent. */
  private static final int MAX_SHAPES = 256;

  /**
   * The largest value of samples that run together on one core: with what is read and written
   * beside it, and weights, it stays in 1 MB of L2.
   */
  private static final long LARGEST_VALUE_BYTES = 1 << 18;

  private final Lowering.Request request;
  private final ConcurrentHashMap<ProgramKey, ShapedProgram> programs = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<ProgramKey, Long> largestValues = new ConcurrentHashMap<>();
  private final AtomicLong clock = new AtomicLong();

  /** Inputs whose content is part of the key; found when shapes could not be told without. */
  private volatile boolean[] specialized;

  private volatile boolean dependsOnData;

  ShapedRunner(Lowering.Request request) {
    this.request = request;
    this.specialized = new boolean[request.model().graph().inputs().size()];
  }

  Tensor[] run(Tensor[] inputs, List<String> outputs, int threads) {
    if (SampleWise.isBatch(inputs)) {
      long batch = inputs[0].dimension(0);
      long part = samplesPerRun(inputs, outputs, threads);
      if (part < batch) {
        return runParts(inputs, outputs, batch, part, threads);
      }
    }
    return runWhole(inputs, outputs, threads);
  }

  private Tensor[] runWhole(Tensor[] inputs, List<String> outputs, int threads) {
    ShapedProgram program = program(inputs, outputs);
    while (program != null) {
      Tensor[] results = program.run(inputs, threads);
      if (results != null) {
        return results;
      }
      program = program(inputs, outputs);
    }
    return EagerRunner.run(request, inputs, outputs, threads);
  }

  /** Runs as many parts of {@code part} samples as there are, then the rest. */
  private Tensor[] runParts(
      Tensor[] inputs, List<String> outputs, long batch, long part, int threads) {
    Tensor[] results = null;
    try (Binding held = new Binding(inputs.length)) {
      for (Tensor input : inputs) {
        held.add(input); // for as long as there are views
      }
      for (long from = 0; from < batch; ) {
        long runs = Math.max(1, (batch - from) / part);
        long samples = Math.min(part, batch - from);
        ShapedProgram program = program(Samples.of(inputs, from, samples), outputs);
        if (program == null || isSpecialized()) { // to the content of one part
          return runWhole(inputs, outputs, threads);
        }
        if (results == null) {
          results = program.allocate(batch);
        }
        Tensor[] some = Samples.of(inputs, from, runs * samples);
        Tensor[] those = Samples.of(results, from, runs * samples);
        if (program.run(some, those, Math.toIntExact(runs), threads)) {
          from += runs * samples;
        }
      }
    }
    return results;
  }

  /**
   * How many samples of a batch run together: as many as keep what they need in a core's cache, and
   * no more than leave each thread as many; all where samples are not independent.
   */
  private long samplesPerRun(Tensor[] inputs, List<String> outputs, int threads) {
    long batch = inputs[0].dimension(0);
    int workers = threads == 0 ? NativeLibrary.availableThreads() : threads;
    if (batch < 2 || batch < workers || isSpecialized()) {
      return batch;
    }
    ProgramKey key = ProgramKey.of(Samples.of(inputs, 0, 1), specialized, outputs);
    Long largest = largestValues.get(key);
    if (largest == null) {
      if (largestValues.size() >= MAX_SHAPES) {
        largestValues.clear();
      }
      largest = SampleWise.largestValue(request.model(), inputs, outputs);
      largestValues.put(key, largest);
    }
    if (largest == 0) {
      return batch;
    }
    return Math.max(1, Math.min(batch / workers, LARGEST_VALUE_BYTES / largest));
  }

  private boolean isSpecialized() {
    for (boolean byContent : specialized) {
      if (byContent) {
        return true;
      }
    }
    return dependsOnData;
  }

  /** The program for these shapes; null if there can be none. */
  private ShapedProgram program(Tensor[] inputs, List<String> outputs) {
    while (!dependsOnData) {
      boolean[] byContent = specialized;
      ProgramKey key = ProgramKey.of(inputs, byContent, outputs);
      ShapedProgram program = programs.get(key);
      if (program == null) {
        program = compile(key, inputs, byContent, outputs);
      }
      if (program != null) {
        program.lastUse = clock.incrementAndGet();
        return program;
      }
    }
    return null;
  }

  /** A program, or null when the next attempt has to know more inputs or none will do. */
  private synchronized ShapedProgram compile(
      ProgramKey key, Tensor[] inputs, boolean[] byContent, List<String> outputs) {
    ShapedProgram known = programs.get(key);
    if (known != null || dependsOnData || byContent != specialized) {
      return known;
    }
    try {
      SpecializedModel model = SpecializedModel.of(request.model(), inputs, byContent);
      ShapedProgram program =
          new ShapedProgram(
              new Lowering.Request(model.model(), request.weights()),
              new StaticView(model.model(), model.inference()),
              outputs);
      program.lastUse = clock.incrementAndGet();
      programs.put(key, program);
      evict();
      return program;
    } catch (NotLowerableException reason) {
      boolean[] more = SpecializedModel.moreByContent(inputs, byContent);
      if (more == null) {
        RuntimeLog.debug("'{}' runs node by node: {}", request.model().graph().name(), reason);
        dependsOnData = true;
      } else {
        specialized = more;
      }
      return null;
    }
  }

  private void evict() {
    while (programs.size() > MAX_PROGRAMS) {
      ProgramKey oldest = null;
      long time = Long.MAX_VALUE;
      for (var entry : programs.entrySet()) {
        if (entry.getValue().lastUse < time) {
          time = entry.getValue().lastUse;
          oldest = entry.getKey();
        }
      }
      programs.remove(oldest).close();
    }
  }

  @Override
  public void close() {
    for (ShapedProgram program : programs.values()) {
      program.close();
    }
  }
}
