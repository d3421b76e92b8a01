package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Shape;
import java.util.List;
import java.util.function.Consumer;

/**
 * Thread-safe: types and shapes of {@link FusedOperators}. All but convolution have no native call:
 * the runtime builds them into its programs.
 */
final class FusedOperatorRules {
  private FusedOperatorRules() {}

  static List<Operator> all() {
    return List.of(
        fused(FusedOperators.LINEAR, FusedOperatorRules::inferLinear),
        OperatorRule.of(
                FusedOperators.FUSED_CONV,
                ConvolutionOperators::inferFused,
                ConvolutionOperators::lowerFused)
            .in(Domains.DEMITASSE),
        fused(FusedOperators.FAKE_QUANTIZE, Arguments::sameAsInput),
        fused(FusedOperators.BINARIZE, Arguments::sameAsInput),
        fused(
            FusedOperators.SKIP_LAYER_NORMALIZATION,
            FusedOperatorRules::inferSkipLayerNormalization),
        fused(FusedOperators.MULTI_HEAD_ATTENTION, FusedOperatorRules::inferMultiHeadAttention),
        fused(FusedOperators.PACKED_ATTENTION, FusedOperatorRules::inferPackedAttention),
        fused(FusedOperators.POSITION_EMBEDDING, FusedOperatorRules::inferPositionEmbedding),
        fused(FusedOperators.SEQUENCE_POOLING, FusedOperatorRules::inferSequencePooling));
  }

  private static Operator fused(String name, Consumer<InferenceContext> inference) {
    return OperatorRule.of(
            name,
            inference,
            context -> {
              throw Shapes.unsupported(context, "it exists only within a compiled program");
            })
        .in(Domains.DEMITASSE);
  }

  private static void inferLinear(InferenceContext context) {
    Shape weight = context.inputShape(1);
    Arguments.require(weight == null || weight.rank() == 2, "the weight is " + weight);
    Shape result = MatMulRule.shape(context, 0, 1);
    if (result != null) {
      requireBroadcast(context, 2, result);
      requireBroadcast(context, 3, result);
    }
    context.output(0, context.inputType(0), result);
  }

  private static void requireBroadcast(InferenceContext context, int input, Shape result) {
    if (context.hasInput(input) && context.inputShape(input) != null) {
      Shape sum = Shapes.broadcast(result, context.inputShape(input));
      Arguments.require(
          sum.rank() == result.rank(), "cannot add " + context.inputShape(input) + " to " + result);
    }
  }

  private static void inferSkipLayerNormalization(InferenceContext context) {
    Shape sum = Shapes.broadcast(context.inputShape(0), context.inputShape(1));
    context.output(0, context.inputType(0), sum);
    context.output(1, context.inputType(0), sum);
  }

  private static void inferMultiHeadAttention(InferenceContext context) {
    Shape query = context.inputShape(0);
    Shape value = context.inputShape(2);
    Shape result = null;
    if (query != null && value != null) {
      result = Shapes.with(query, query.rank() - 1, value.dimension(-1));
    }
    context.output(0, context.inputType(0), result);
  }

  private static void inferPackedAttention(InferenceContext context) {
    Shape packed = context.inputShape(0);
    Shape result = null;
    if (packed != null) {
      Dimension third = DimensionArithmetic.divideExactly(packed.dimension(-1), Dimension.of(3));
      result = Shapes.with(packed, packed.rank() - 1, third);
    }
    context.output(0, context.inputType(0), result);
  }

  private static void inferPositionEmbedding(InferenceContext context) {
    Shape like = context.inputShape(0);
    Shape table = context.inputShape(1);
    Shape result = Shapes.unknown(3);
    if (like != null && table != null) {
      Arguments.require(
          like.rank() >= 2 && table.rank() == 2, "positions of " + like + " from " + table);
      Dimension length = like.dimension(1);
      Dimension entries = table.dimension(0);
      Arguments.require(
          !length.isKnown() || !entries.isKnown() || length.size() <= entries.size(),
          "sequences of " + length + " tokens, the position table has " + entries + " entries");
      result = Shape.of(Dimension.of(1), length, table.dimension(1));
    }
    context.output(0, context.inputType(1), result);
  }

  private static void inferSequencePooling(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape result = Shapes.unknown(2);
    if (shape != null) {
      Arguments.require(shape.rank() == 3, "needs [batch, sequence, features], given " + shape);
      result = Shape.of(shape.dimension(0), shape.dimension(2));
    }
    context.output(0, context.inputType(0), result);
  }
}
