package io.github.demitasse.runtime;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/** Immutable and thread-safe: a program for inputs of given shapes. */
final class ShapedProgram implements AutoCloseable {
  private final Lowering.Result lowered;
  private final DataType[] types;
  private final long[][] shapes;

  /** When it was last asked for; larger is later. */
  volatile long lastUse;

  /**
   * Lowers a graph.
   *
   * @throws NotLowerableException if a shape depends on data
   */
  ShapedProgram(Lowering.Request request, StaticView view, List<String> outputs) {
    types = new DataType[outputs.size()];
    shapes = new long[types.length][];
    for (int i = 0; i < types.length; i++) {
      shapes[i] = view.shape(outputs.get(i)).dimensions();
      types[i] = view.type(outputs.get(i));
    }
    lowered = Lowering.lower(request, view, outputs);
  }

  /** Runs the program once; null, with nothing done, after close. */
  Tensor[] run(Tensor[] inputs, int threads) {
    Tensor[] results = allocate(-1);
    return run(inputs, results, 1, threads) ? results : null;
  }

  /**
   * Tensors for the results of as many runs as {@code batch} is larger than the program's own.
   *
   * @param batch the first dimension of all results, or -1 for that of the program
   */
  Tensor[] allocate(long batch) {
    Tensor[] results = new Tensor[types.length];
    for (int i = 0; i < types.length; i++) {
      long[] shape = shapes[i].clone();
      if (batch >= 0) {
        shape[0] = batch;
      }
      results[i] = Tensor.allocate(types[i], shape);
    }
    return results;
  }

  /**
   * Runs the program; false, with nothing done, after close.
   *
   * @param runs how often, each time with the next samples of inputs and results
   */
  boolean run(Tensor[] inputs, Tensor[] results, int runs, int threads) {
    int[] bound = lowered.inputs();
    try (Binding in = new Binding(bound.length);
        Binding out = new Binding(results.length)) {
      for (int input : bound) {
        in.add(inputs[input]);
      }
      for (Tensor result : results) {
        out.add(result);
      }
      return lowered.program().run(runs, null, in, out, threads);
    }
  }

  @Override
  public void close() {
    lowered.program().close();
  }
}
