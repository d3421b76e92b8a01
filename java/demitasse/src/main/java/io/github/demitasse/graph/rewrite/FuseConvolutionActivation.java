package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An activation function of nothing but the result of a convolution, with a value added to it or
 * not, is computed by the convolution.
 */
final class FuseConvolutionActivation implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of(
        "Relu", "Gelu", "HardSwish", "HardSigmoid", "LeakyRelu", "Tanh", "Sigmoid", "Clip", "Mul");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    if (root.is("Mul")) {
      String x = Silu.input(root, graph);
      Node producer = x == null ? null : graph.fusedProducer(x, FusedOperators.FUSED_CONV);
      return producer != null && fuse(root, producer, named("silu"), graph);
    }
    Node convolution = Convolutions.solelyRead(root.input(0), graph);
    Map<String, Attribute> function = convolution == null ? null : function(root, graph);
    return function != null && fuse(root, convolution, function, graph);
  }

  /** The function as attributes; null when it is none that convolutions compute. */
  private static Map<String, Attribute> function(Node node, GraphEditor graph) {
    return switch (node.operator()) {
      case "Relu" -> named("relu");
      case "HardSwish" -> named("hard_swish");
      case "Tanh" -> named("tanh");
      case "Sigmoid" -> named("sigmoid");
      case "Gelu" ->
          named(node.text("approximate", "none").equals("tanh") ? "gelu_tanh" : "gelu_erf");
      case "HardSigmoid" ->
          parametrized("hard_sigmoid", node.number("alpha", 0.2f), node.number("beta", 0.5f));
      case "LeakyRelu" -> parametrized("leaky_relu", node.number("alpha", 0.01f), 0);
      default -> clip(node, graph);
    };
  }

  private static Map<String, Attribute> named(String function) {
    return Map.of("activation", Attribute.of(function));
  }

  private static Map<String, Attribute> parametrized(String function, float alpha, float beta) {
    Map<String, Attribute> attributes = new HashMap<>(named(function));
    attributes.put("alpha", Attribute.of(alpha));
    attributes.put("beta", Attribute.of(beta));
    return attributes;
  }

  private static Map<String, Attribute> clip(Node node, GraphEditor graph) {
    double least = bound(node, 1, -Float.MAX_VALUE, graph);
    double largest = bound(node, 2, Float.MAX_VALUE, graph);
    boolean known = graph.opset() >= 11 && least <= largest; // NaN for what is not constant
    return known ? parametrized("clip", (float) least, (float) largest) : null;
  }

  private static double bound(Node clip, int input, double otherwise, GraphEditor graph) {
    return clip.hasInput(input) ? Constants.scalar(graph.weight(clip.input(input))) : otherwise;
  }

  private static boolean fuse(
      Node root, Node convolution, Map<String, Attribute> function, GraphEditor graph) {
    if (!Convolutions.isLinear(convolution)) {
      return false;
    }
    Map<String, Attribute> changes = new HashMap<>(function);
    if (Convolutions.hasResidual(convolution)) {
      changes.put("residual_first", Attribute.of(1));
    }
    Node fused = Convolutions.with(convolution, changes);
    graph.replace(root, fused.withOutputs(List.of(root.output(0))));
    return true;
  }
}
