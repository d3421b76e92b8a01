package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import java.util.Set;

/** Weights with names that an exporter made up are called after the layer they belong to. */
final class NameWeights implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of(Linears.QUALIFIED);
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    String weight = root.input(1);
    if (!LayerNames.isAnonymous(weight) || !graph.hasOneConsumer(weight)) {
      return false;
    }
    String name = graph.addWeight(root.name() + ".weight", graph.weight(weight));
    graph.replace(root, Linears.withInput(root, 1, name));
    return true;
  }
}
