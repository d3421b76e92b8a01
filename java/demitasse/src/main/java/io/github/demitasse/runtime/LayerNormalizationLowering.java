package io.github.demitasse.runtime;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;

/**
 * Immutable and thread-safe: lowers normalization over the last axis, with or without a residual.
 */
final class LayerNormalizationLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    if (isSkip(node)) {
      return true;
    }
    RowShape shape = lowering.shape(node.output(0));
    return node.integer("axis", -1) == -1
        && !node.hasOutput(1)
        && !node.hasOutput(2)
        && lowering.type(node.output(0)) == DataType.FLOAT32
        && shape.dimensions().length > 0
        && isRow(node, 1, shape, lowering)
        && (!node.hasInput(2) || isRow(node, 2, shape, lowering));
  }

  private static boolean isSkip(Node node) {
    return node.is(Domains.DEMITASSE, FusedOperators.SKIP_LAYER_NORMALIZATION);
  }

  private static boolean isRow(Node node, int input, RowShape shape, Lowering lowering) {
    Weight weight = lowering.weight(node.input(input));
    return weight != null && weight.elements() == shape.features();
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    boolean skip = isSkip(node);
    int scale = skip ? 2 : 1;
    String result = node.output(0);
    RowShape shape = lowering.shape(result);
    int x = lowering.idLike(node.input(0), shape);
    int residual = skip ? lowering.idLike(node.input(1), shape) : ProgramBuilder.NONE;
    Quantization codes = lowering.wantedCodes(result);
    boolean sumWanted = skip && node.hasOutput(1) && lowering.wantsFloats(node.output(1));
    int sum = sumWanted ? lowering.define(node.output(1)) : ProgramBuilder.NONE;
    int y =
        codes == null || lowering.wantsFloats(result)
            ? lowering.define(result)
            : ProgramBuilder.NONE;
    int q = codes == null ? ProgramBuilder.NONE : lowering.defineCodes(result, codes);
    lowering
        .program()
        .layerNorm(
            x,
            residual,
            lowering.floats(node, scale),
            lowering.floats(node, scale + 1),
            node.number("epsilon", 1e-5f),
            node.is("RMSNormalization"),
            sum,
            y,
            q);
  }
}
