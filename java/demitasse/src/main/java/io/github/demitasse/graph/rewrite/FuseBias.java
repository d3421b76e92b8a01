package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Set;

/** A constant row added to the result of a Linear becomes its bias. */
final class FuseBias implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Add");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    return apply(root, root.input(0), root.input(1), graph)
        || apply(root, root.input(1), root.input(0), graph);
  }

  private static boolean apply(Node root, String product, String constant, GraphEditor graph) {
    Node linear = Linears.solelyRead(product, graph);
    if (linear == null || Linears.hasBias(linear) || !Linears.isAffine(linear)) {
      return false;
    }
    long columns = graph.weight(linear.input(1)).shape()[1];
    boolean widens = graph.rank(constant) > graph.rank(product);
    String bias = widens ? null : Linears.bias(constant, columns, graph);
    if (bias == null) {
      return false;
    }
    String layer = LayerNames.layer(linear.input(1), constant, linear.name());
    String name = graph.freshNode(layer, linear);
    Node fused = Linears.withInput(linear, 2, bias);
    graph.replace(root, Linears.renamed(fused, name).withOutputs(root.outputs()));
    return true;
  }
}
