package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/** Thread-safe: a fused convolution in plain ONNX. */
final class ExpandConvolution {
  private static final Set<String> OWN =
      Set.of(
          "activation",
          "alpha",
          "beta",
          "output_scale",
          "output_shift",
          "residual_first",
          "blocksize");

  private ExpandConvolution() {}

  /** What follows the convolution: each reads a value and computes another. */
  private static final class Chain {
    final List<BiConsumer<String, String>> steps = new ArrayList<>();

    void build(String first, String last, Expansion.Scope scope, BiConsumer<String, String> head) {
      String value = steps.isEmpty() ? last : scope.result("Conv_output");
      head.accept(first, value);
      for (int i = 0; i < steps.size(); i++) {
        String result = i == steps.size() - 1 ? last : scope.result("Step_output");
        steps.get(i).accept(value, result);
        value = result;
      }
    }
  }

  static void add(Node node, Expansion.Scope scope) {
    Chain chain = new Chain();
    int block = FusedOperators.blockSize(node);
    if (block > 1) {
      Map<String, Attribute> size = Map.of("blocksize", Attribute.of(block));
      chain.steps.add((x, y) -> scope.nodeTo(y, "DepthToSpace", size, x));
    }
    boolean residual = Convolutions.hasResidual(node);
    boolean first = residual && node.integer("residual_first", 0) != 0;
    BiConsumer<String, String> sum = (x, y) -> scope.nodeTo(y, "Add", Map.of(), x, node.input(3));
    if (first) {
      chain.steps.add(sum);
    }
    if (!Convolutions.activation(node).equals(Convolutions.NONE)) {
      chain.steps.add((x, y) -> activation(node, x, y, scope));
    }
    float scale = Convolutions.scale(node);
    if (scale != 1) {
      chain.steps.add((x, y) -> scope.nodeTo(y, "Mul", Map.of(), x, scope.scalar(scale)));
    }
    float shift = Convolutions.shift(node);
    if (shift != 0) {
      chain.steps.add((x, y) -> scope.nodeTo(y, "Add", Map.of(), x, scope.scalar(shift)));
    }
    if (residual && !first) {
      chain.steps.add(sum);
    }
    chain.build(node.input(0), node.output(0), scope, (x, y) -> convolution(node, x, y, scope));
  }

  private static void convolution(Node node, String x, String result, Expansion.Scope scope) {
    Map<String, Attribute> attributes = new HashMap<>(node.attributes());
    attributes.keySet().removeAll(OWN);
    String[] inputs =
        node.hasInput(2)
            ? new String[] {x, node.input(1), node.input(2)}
            : new String[] {x, node.input(1)};
    scope.nodeTo(result, "Conv", attributes, inputs);
  }

  private static void activation(Node node, String x, String result, Expansion.Scope scope) {
    Attribute alpha = Attribute.of(node.number("alpha", 0));
    Attribute beta = Attribute.of(node.number("beta", 0));
    switch (Convolutions.activation(node)) {
      case "hard_sigmoid" ->
          scope.nodeTo(result, "HardSigmoid", Map.of("alpha", alpha, "beta", beta), x);
      case "leaky_relu" -> scope.nodeTo(result, "LeakyRelu", Map.of("alpha", alpha), x);
      case "clip" ->
          scope.nodeTo(
              result,
              "Clip",
              Map.of(),
              x,
              scope.scalar(node.number("alpha", 0)),
              scope.scalar(node.number("beta", 0)));
      default -> ExpandFusedOperators.activation(Convolutions.activation(node), x, result, scope);
    }
  }
}
