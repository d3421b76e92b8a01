package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** What does not depend on the inputs becomes a weight: constants, and all computed from them. */
final class FoldConstants implements Rewrite {
  /** Larger results are only folded when they are not larger than what they come from. */
  private static final long LARGEST_GROWTH = 1 << 16;

  private static final Set<String> NOT_DETERMINED =
      Set.of(
          "RandomNormal",
          "RandomNormalLike",
          "RandomUniform",
          "RandomUniformLike",
          "Bernoulli",
          "Multinomial",
          "Dropout");

  private final ConstantEvaluator evaluator;

  FoldConstants(ConstantEvaluator evaluator) {
    this.evaluator = evaluator;
  }

  @Override
  public Set<String> roots() {
    return Set.of();
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    if (root.is("Constant")) {
      Tensor value = literal(root);
      return value != null && graph.makeConstant(root.output(0), new DenseWeight(value));
    }
    return foldContent(root, graph) || evaluate(root, graph);
  }

  private static Tensor literal(Node constant) {
    for (Attribute attribute : constant.attributes().values()) {
      if (attribute instanceof Attribute.OfTensor tensor) {
        return tensor.value();
      }
      if (attribute instanceof Attribute.OfInteger integer) {
        return Tensor.scalar(integer.value());
      }
      if (attribute instanceof Attribute.OfFloat number) {
        return Tensor.scalar(number.value());
      }
    }
    long[] integers = constant.integers("value_ints");
    if (integers != null) {
      return Tensor.of(integers, integers.length);
    }
    if (constant.attributes().get("value_floats") instanceof Attribute.OfFloats floats) {
      float[] values = new float[floats.value().size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = floats.value().get(i);
      }
      return Tensor.of(values, values.length);
    }
    return null;
  }

  /** Arithmetic on shapes that turned out not to depend on the inputs' sizes. */
  private static boolean foldContent(Node root, GraphEditor graph) {
    if (root.outputs().size() != 1 || !root.hasOutput(0)) {
      return false;
    }
    String output = root.output(0);
    DataType type = graph.type(output);
    Shape shape = graph.shape(output);
    if (type != DataType.INT64 && type != DataType.INT32 || shape == null) {
      return false;
    }
    List<Dimension> content = graph.content(output);
    if (content == null || !content.stream().allMatch(Dimension::isKnown)) {
      return false;
    }
    long[] sizes = shape.rank() == 0 ? new long[0] : new long[] {content.size()};
    long[] numbers = content.stream().mapToLong(Dimension::size).toArray();
    Tensor value =
        type == DataType.INT64
            ? Tensor.of(numbers, sizes)
            : Tensor.of(Arrays.stream(numbers).mapToInt(Math::toIntExact).toArray(), sizes);
    return graph.makeConstant(output, new DenseWeight(value));
  }

  private boolean evaluate(Node root, GraphEditor graph) {
    boolean excluded =
        evaluator == ConstantEvaluator.NONE
            || NOT_DETERMINED.contains(root.operator())
            || root.inputs().isEmpty()
            || root.outputs().stream().anyMatch(graph::isKept)
            || root.attributes().values().stream().anyMatch(Attribute.OfGraph.class::isInstance)
            || decodesWeight(root, graph);
    if (excluded) {
      return false;
    }
    List<Tensor> inputs = new ArrayList<>();
    long largest = LARGEST_GROWTH;
    for (String input : root.inputs()) {
      if (input.isEmpty()) {
        inputs.add(null);
        continue;
      }
      Weight weight = graph.weight(input);
      if (!(weight instanceof DenseWeight dense) || dense.type() != dense.tensor().type()) {
        return false;
      }
      largest = Math.max(largest, dense.elements());
      inputs.add(dense.tensor());
    }
    for (String output : root.outputs()) {
      Shape shape = graph.shape(output);
      if (shape == null || !shape.isKnown() || shape.elements() > largest) {
        return false;
      }
    }
    List<Tensor> outputs = evaluator.evaluate(root, graph.opset(root.domain()), inputs);
    return outputs != null && replace(root, outputs, graph);
  }

  /** A weight kept in fewer bytes is not to be blown up. */
  private static boolean decodesWeight(Node node, GraphEditor graph) {
    if (node.is("DequantizeLinear")) {
      return true;
    }
    Weight source = node.is("Cast") ? graph.weight(node.input(0)) : null;
    return source != null
        && (source.type() == DataType.FLOAT16 || source.type() == DataType.BFLOAT16);
  }

  private static boolean replace(Node root, List<Tensor> outputs, GraphEditor graph) {
    if (root.outputs().size() == 1) {
      return graph.makeConstant(root.output(0), new DenseWeight(outputs.get(0)));
    }
    for (int i = 0; i < outputs.size(); i++) {
      if (root.hasOutput(i) && !graph.consumers(root.output(i)).isEmpty()) {
        graph.makeConstant(root.output(i), new DenseWeight(outputs.get(i)));
      }
    }
    return true;
  }
}
