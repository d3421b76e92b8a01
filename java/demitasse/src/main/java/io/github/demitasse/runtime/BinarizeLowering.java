package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;

/**
 * Immutable and thread-safe: lowers signs. A binary linear operator asks for rows of bits, which
 * the one before it may have made by itself; floats are made only for other readers.
 */
final class BinarizeLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return true;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    String result = node.output(0);
    if (!lowering.wantsFloats(result)) {
      return; // readers ask for the bits
    }
    ProgramBuilder program = lowering.program();
    int x = lowering.id(node, 0);
    int zero = program.constant(Tensor.scalar(0f), new long[0]);
    int plus = program.constant(Tensor.scalar(1f), new long[0]);
    int minus = program.constant(Tensor.scalar(-1f), new long[0]);
    int positive = program.value(DataType.BOOL, lowering.shape(result));
    operator(program, "GreaterOrEqual", positive, x, zero);
    operator(program, "Where", lowering.define(result), positive, plus, minus);
  }

  private static void operator(ProgramBuilder program, String name, int output, int... inputs) {
    program.operator(name, inputs, new int[] {output}, new long[0], new double[0]);
  }
}
