package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.List;

/** Thread-safe: ONNX's Attention (opset 23 on) and RotaryEmbedding. */
final class AttentionOperators {
  private AttentionOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of("Attention", AttentionOperators::infer, AttentionOperators::lower)
            .since(23),
        OperatorRule.of("RotaryEmbedding", Arguments::sameAsInput, AttentionOperators::lowerRotary)
            .since(23));
  }

  /** A query, key or value as [batch, heads, length, size]; null when its shape is not known. */
  private static Shape heads(InferenceContext context, int input, String attribute) {
    Shape shape = context.inputShape(input);
    if (shape == null || shape.rank() == 4) {
      return shape;
    }
    Arguments.require(shape.rank() == 3, "input " + input + " is " + shape);
    long heads = context.node().integer(attribute, 0);
    Arguments.require(heads > 0, attribute + " is needed for " + shape);
    Dimension count = Dimension.of(heads);
    return Shape.of(
        shape.dimension(0),
        count,
        shape.dimension(1),
        DimensionArithmetic.divideExactly(shape.dimension(2), count));
  }

  private static void infer(InferenceContext context) {
    Shape query = heads(context, 0, "q_num_heads");
    Shape key = heads(context, 1, "kv_num_heads");
    Shape value = heads(context, 2, "kv_num_heads");
    Shape keys = joined(context, key, 4);
    Shape values = joined(context, value, 5);
    Shape result = null;
    Shape scores = null;
    if (query != null && value != null) {
      Dimension size = value.dimension(3);
      result =
          context.inputShape(0).rank() == 4
              ? Shapes.with(query, 3, size)
              : Shape.of(
                  query.dimension(0),
                  query.dimension(2),
                  DimensionArithmetic.multiply(query.dimension(1), size));
    }
    if (query != null && keys != null) {
      scores = Shapes.with(query, 3, keys.dimension(2));
    }
    context.output(0, context.inputType(0), result);
    context.output(1, context.inputType(1), keys);
    context.output(2, context.inputType(2), values);
    context.output(3, context.inputType(0), scores);
  }

  /** The keys or values of the past and now. */
  private static Shape joined(InferenceContext context, Shape now, int pastInput) {
    if (now == null || !context.hasInput(pastInput)) {
      return now;
    }
    Shape past = context.inputShape(pastInput);
    Arguments.require(past == null || past.rank() == 4, "the past is " + past);
    Dimension length =
        past == null
            ? Dimension.unknown()
            : DimensionArithmetic.add(past.dimension(2), now.dimension(2));
    return Shapes.with(now, 2, length);
  }

  private static NativeCall lower(InferenceContext context) {
    Node node = context.node();
    Arguments.sizes(context, 0);
    double size = heads(context, 0, "q_num_heads").dimension(3).size();
    double scale =
        node.attributes().containsKey("scale") ? node.number("scale", 1) : 1 / Math.sqrt(size);
    long[] integers = {
      node.integer("is_causal", 0),
      node.integer("q_num_heads", 0),
      node.integer("kv_num_heads", 0),
      node.integer("qk_matmul_output_mode", 0)
    };
    Integer[] inputs = new Integer[7];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = context.hasInput(i) ? i : -1;
    }
    double[] floats = {scale, node.number("softcap", 0)};
    return new NativeCall("Attention", List.of(inputs), integers, floats, false);
  }

  private static NativeCall lowerRotary(InferenceContext context) {
    Node node = context.node();
    int rank = Arguments.sizes(context, 0).length;
    Arguments.require(
        rank == 4 || node.integer("num_heads", 0) > 0, "num_heads is needed for rank " + rank);
    long[] integers = {
      node.integer("interleaved", 0),
      rank == 4 ? 0 : node.integer("num_heads", 0),
      node.integer("rotary_embedding_dim", 0)
    };
    List<Integer> inputs = List.of(0, 1, 2, context.hasInput(3) ? 3 : -1);
    return new NativeCall("RotaryEmbedding", inputs, integers, new double[0], false);
  }
}
