package io.github.demitasse.runtime;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.List;

/**
 * Immutable and thread-safe: lowers rows looked up in a constant table: Gather along the first axis
 * and position embeddings. The table is read where the model keeps it.
 */
final class EmbeddingLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return isEmbedding(node, lowering);
  }

  static boolean isEmbedding(Node node, Lowering lowering) {
    if (isPosition(node)) {
      return true;
    }
    if (!node.is("Gather") || node.integer("axis", 0) != 0) {
      return false;
    }
    Weight table = lowering.weight(node.input(0));
    String indices = node.input(1);
    return table != null
        && table.type() == DataType.FLOAT32
        && table.shape().length == 2
        && !lowering.view().isConstant(indices)
        && (lowering.shape(indices).isStatic() || lowering.shape(indices).elements() == 1)
        && lowering.shape(node.output(0)).dimensions().length > 0;
  }

  private static boolean isPosition(Node node) {
    return node.is(Domains.DEMITASSE, FusedOperators.POSITION_EMBEDDING);
  }

  private static String table(Node node) {
    return node.input(isPosition(node) ? 1 : 0);
  }

  @Override
  public List<String> reads(Node node, Lowering lowering) {
    return indices(node);
  }

  /** The value that holds the indices; none for positions. */
  static List<String> indices(Node node) {
    return isPosition(node) ? List.of() : List.of(node.input(1));
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    String result = node.output(0);
    RowShape shape = lowering.shape(result);
    add(node, lowering, shape, false, lowering.define(result));
  }

  /** Adds the lookup, into {@code y} or onto it. */
  static void add(Node node, Lowering lowering, RowShape shape, boolean accumulate, int y) {
    Weight table = lowering.weight(table(node));
    if (table == null) {
      throw new NotLowerableException(
          "node '" + node.name() + "': the table of an embedding must be constant");
    }
    boolean position = isPosition(node);
    int indices = position ? ProgramBuilder.NONE : lowering.id(node.input(1));
    long length = position ? AttentionLowering.sequenceLength(shape) : 0;
    boolean inCodes =
        table instanceof QuantizedWeight quantized
            && quantized.codes().type().bits() == 8
            && isPerRow(quantized.granularity());
    float[] scales = null;
    int[] zeroPoints = null;
    Tensor rows;
    if (inCodes) {
      QuantizedWeight quantized = (QuantizedWeight) table;
      rows = quantized.codes();
      scales = quantized.scales().toFloats();
      zeroPoints = WeightPacking.zeroPoints(quantized);
    } else if (table instanceof DenseWeight dense && WeightPacking.isFloat(dense.tensor().type())) {
      rows = dense.tensor();
    } else {
      rows = table.dequantize().leaveToCollector();
    }
    int constant = lowering.program().constant(rows, rows.shape());
    String name = "table '" + table(node) + "'";
    lowering
        .program()
        .embedding(name, indices, constant, scales, zeroPoints, length, accumulate, y);
  }

  private static boolean isPerRow(Granularity granularity) {
    return granularity instanceof Granularity.PerTensor
        || granularity instanceof Granularity.PerChannel channel && channel.axis() == 0;
  }
}
