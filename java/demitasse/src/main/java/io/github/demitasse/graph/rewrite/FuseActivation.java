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
      return fuseSilu(root, graph);
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

  /** x * sigmoid(x), also called swish. */
  private static boolean fuseSilu(Node root, GraphEditor graph) {
    for (int i = 0; i < 2; i++) {
      String x = root.input(i);
      Node sigmoid = graph.producer(root.input(1 - i), "Sigmoid");
      boolean silu =
          sigmoid != null
              && sigmoid.input(0).equals(x)
              && graph.hasOneConsumer(sigmoid.output(0))
              && graph.consumers(x).size() == 2
              && !graph.isKept(x);
      Node linear = silu ? graph.producer(x) : null;
      if (Linears.isLinear(linear)) {
        return fuse(root, linear, "silu", graph);
      }
    }
    return false;
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
