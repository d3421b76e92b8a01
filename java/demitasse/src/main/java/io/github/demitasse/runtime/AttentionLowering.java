package io.github.demitasse.runtime;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;

/** Immutable and thread-safe: lowers multi-head self-attention. */
final class AttentionLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return true;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    boolean packed = node.is(Domains.DEMITASSE, FusedOperators.PACKED_ATTENTION);
    String result = node.output(0);
    RowShape shape = lowering.shape(result);
    checkShape(node, shape);
    long width = shape.features();
    long heads = node.integer("heads", 0);
    if (heads <= 0 || width % heads != 0) {
      throw new IllegalArgumentException(
          "node '" + node.name() + "': " + heads + " heads do not divide " + width + " features");
    }
    int[] values = new int[3];
    long[] columns = new long[3];
    for (int i = 0; i < 3; i++) {
      String input = node.input(packed ? 0 : i);
      if (!packed && !lowering.shape(input).equals(shape)) {
        throw new NotLowerableException(
            "node '" + node.name() + "': attention between sequences of different lengths");
      }
      values[i] = lowering.id(input);
      columns[i] = packed ? i * width : 0;
    }
    int maskInput = packed ? 1 : 3;
    int mask = node.hasInput(maskInput) ? mask(node, maskInput, shape, lowering) : -1;
    Quantization codes = lowering.wantedCodes(result);
    int y =
        codes != null && !lowering.wantsFloats(result)
            ? lowering.defineCodes(result, codes)
            : lowering.define(result);
    lowering
        .program()
        .attention(
            values,
            columns,
            mask,
            heads,
            width / heads,
            node.number("scale", 1),
            node.integer("causal", 0) != 0,
            attendedLength(shape),
            y);
  }

  private static void checkShape(Node node, RowShape shape) {
    boolean fits =
        shape.isStatic() ? shape.dimensions().length == 3 : shape.isTokens() && shape.isMatrix();
    if (!fits) {
      throw new NotLowerableException("node '" + node.name() + "': attention over " + shape);
    }
  }

  /** The length of each sequence of a static value [batch, length, ..]; 0 when the run says it. */
  static long sequenceLength(RowShape shape) {
    return shape.isStatic() ? shape.dimensions()[1] : 0;
  }

  /** Empty sequences have no rows, and are as many as none of any length. */
  private static long attendedLength(RowShape shape) {
    long length = sequenceLength(shape);
    return shape.isStatic() && length == 0 ? 1 : length;
  }

  private static int mask(Node node, int input, RowShape shape, Lowering lowering) {
    String mask = node.input(input);
    if (!lowering.view().isConstant(mask)) {
      RowShape given = lowering.shape(mask);
      boolean perToken =
          shape.isStatic()
              ? given.elements() == shape.staticRows()
              : given.isTokens() && given.elements() == 1;
      if (!perToken) {
        throw new NotLowerableException("node '" + node.name() + "': attention mask " + given);
      }
    } else if (!shape.isStatic()) {
      throw new NotLowerableException("node '" + node.name() + "': constant attention mask");
    }
    return lowering.id(mask);
  }
}
