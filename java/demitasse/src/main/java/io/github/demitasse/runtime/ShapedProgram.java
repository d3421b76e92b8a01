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

  /** Runs the program; null, with nothing done, after close. */
  Tensor[] run(Tensor[] inputs, int threads) {
    Tensor[] results = new Tensor[types.length];
    int[] bound = lowered.inputs();
    try (Binding in = new Binding(bound.length);
        Binding out = new Binding(types.length)) {
      for (int input : bound) {
        in.add(inputs[input]);
      }
      for (int i = 0; i < types.length; i++) {
        results[i] = Tensor.allocate(types[i], shapes[i]);
        out.add(results[i]);
      }
      return lowered.program().run(null, in, out, threads) ? results : null;
    }
  }

  @Override
  public void close() {
    lowered.program().close();
  }
}
