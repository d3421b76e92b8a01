package io.github.demitasse.runtime;

import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;

/**
 * Immutable and thread-safe: lowers ONNX's RNN, GRU and LSTM whose weights are constant: they are
 * packed once, in their encoding.
 */
final class RecurrentLowering implements NodeLowering {
  private static final int X = 0;
  private static final int INPUT_WEIGHT = 1;
  private static final int RECURRENCE_WEIGHT = 2;
  private static final int INPUTS = 8;
  private static final int OUTPUTS = 3;

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return hasMatrices(node)
        && lowering.view().type(node.input(X)) == DataType.FLOAT32
        && lowering.shape(node.input(X)).isStatic()
        && isMatrices(lowering.weight(node.input(INPUT_WEIGHT)))
        && isMatrices(lowering.weight(node.input(RECURRENCE_WEIGHT)));
  }

  /** True for a recurrent layer with an input and both weights. */
  static boolean hasMatrices(Node node) {
    return (node.is("RNN") || node.is("GRU") || node.is("LSTM"))
        && node.hasInput(X)
        && node.hasInput(INPUT_WEIGHT)
        && node.hasInput(RECURRENCE_WEIGHT);
  }

  private static boolean isMatrices(Weight weight) {
    return weight != null
        && weight.type() == DataType.FLOAT32
        && weight.shape().length == 3
        && weight.elements() > 0;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    NativeCall call = lowering.view().call(node);
    int[] inputs = new int[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
      boolean value = i != INPUT_WEIGHT && i != RECURRENCE_WEIGHT && node.hasInput(i);
      inputs[i] = value ? lowering.id(node.input(i)) : ProgramBuilder.NONE;
    }
    int[] outputs = new int[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++) {
      outputs[i] = node.hasOutput(i) ? lowering.define(node.output(i)) : ProgramBuilder.NONE;
    }
    boolean quantized = isQuantized(node, lowering);
    lowering
        .program()
        .recurrent(
            call.operator(),
            inputs,
            weights(node, lowering),
            outputs,
            call.integers(),
            call.floats(),
            quantized);
  }

  /** For each direction the matrix of the input, of the recurrence, and a candidate's apart. */
  private static long[] weights(Node node, Lowering lowering) {
    String input = node.input(INPUT_WEIGHT);
    String recurrence = node.input(RECURRENCE_WEIGHT);
    long[] shape = lowering.weight(recurrence).shape();
    int directions = Math.toIntExact(shape[0]);
    long rows = shape[1];
    long hidden = shape[2];
    boolean apart = node.is("GRU") && node.integer("linear_before_reset", 0) == 0;
    int each = apart ? 3 : 2;
    long[] handles = new long[each * directions];
    for (int direction = 0; direction < directions; direction++) {
      long first = direction * rows;
      int at = direction * each;
      handles[at] = lowering.packedRecurrent(input, first, rows);
      handles[at + 1] = lowering.packedRecurrent(recurrence, first, apart ? 2 * hidden : rows);
      if (apart) {
        handles[at + 2] = lowering.packedRecurrent(recurrence, first + 2 * hidden, hidden);
      }
    }
    return handles;
  }

  /** True where the recipe says so and the kernels have integers for both weights. */
  private static boolean isQuantized(Node node, Lowering lowering) {
    return node.text(FusedOperators.RECURRENT_QUANTIZATION, "").equals("dynamic_row")
        && isInteger(lowering.weight(node.input(INPUT_WEIGHT)))
        && isInteger(lowering.weight(node.input(RECURRENCE_WEIGHT)));
  }

  private static boolean isInteger(Weight weight) {
    return WeightPacking.isInteger(RecurrentMatrices.rows(weight, 0, weight.shape()[1]), true);
  }
}
