package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import java.util.List;
import java.util.Set;

/** An activation function of nothing but the result of a Linear is computed by the Linear. */
final class FuseActivation implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Relu", "Gelu", "HardSwish", "Tanh", "Sigmoid", "Mul");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    if (root.is("Mul")) {
      String x = Silu.input(root, graph);
      Node producer = x == null ? null : graph.producer(x);
      return Linears.isLinear(producer) && fuse(root, producer, "silu", graph);
    }
    Node linear = Linears.solelyRead(root.input(0), graph);
    return linear != null && fuse(root, linear, activation(root), graph);
  }

  private static String activation(Node node) {
    return switch (node.operator()) {
      case "Relu" -> "relu";
      case "HardSwish" -> "hard_swish";
      case "Tanh" -> "tanh";
      case "Sigmoid" -> "sigmoid";
      default -> node.text("approximate", "none").equals("tanh") ? "gelu_tanh" : "gelu_erf";
    };
  }

  private static boolean fuse(Node root, Node linear, String activation, GraphEditor graph) {
    if (!Linears.isAffine(linear)) {
      return false;
    }
    Node fused = linear.withAttribute("activation", Attribute.of(activation));
    graph.replace(root, fused.withOutputs(List.of(root.output(0))));
    return true;
  }
}
