package io.github.demitasse.runtime;

import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Thread-safe: runs a graph with one program for each set of input shapes, the latest of which are
 * kept. Inputs that decide about shapes, such as Reshape's second, have a program for each content.
 */
final class ShapedRunner implements AutoCloseable {
  private static final int MAX_PROGRAMS = 32;

  private final Lowering.Request request;
  private final ConcurrentHashMap<ProgramKey, ShapedProgram> programs = new ConcurrentHashMap<>();
  private final AtomicLong clock = new AtomicLong();

  /** Inputs whose content is part of the key; found when shapes could not be told without. */
  private volatile boolean[] specialized;

  private volatile boolean dependsOnData;

  ShapedRunner(Lowering.Request request) {
    this.request = request;
    this.specialized = new boolean[request.model().graph().inputs().size()];
  }

  Tensor[] run(Tensor[] inputs, List<String> outputs, int threads) {
    while (!dependsOnData) {
      boolean[] byContent = specialized;
      ProgramKey key = ProgramKey.of(inputs, byContent, outputs);
      ShapedProgram program = programs.get(key);
      if (program == null) {
        program = compile(key, inputs, byContent, outputs);
      }
      if (program != null) {
        program.lastUse = clock.incrementAndGet();
        Tensor[] results = program.run(inputs, threads);
        if (results != null) {
          return results;
        }
      }
    }
    return EagerRunner.run(request, inputs, outputs, threads);
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
