package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/**
 * Embeddings get the name of their table's layer, and weights with names that an exporter made up
 * are called after the layer they belong to.
 */
final class NameLayers implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of(Linears.QUALIFIED, "Gather");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    return root.is("Gather") ? nameEmbedding(root, graph) : nameWeight(root, graph);
  }

  private static boolean nameEmbedding(Node root, GraphEditor graph) {
    Weight table = graph.weight(root.input(0));
    String layer = LayerNames.ofWeight(root.input(0));
    boolean embedding =
        table != null
            && table.shape().length == 2
            && layer != null
            && root.integer("axis", 0) == 0
            && !root.name().startsWith(layer);
    if (!embedding) {
      return false;
    }
    graph.replace(root, Linears.renamed(root, graph.freshNode(layer)));
    return true;
  }

  private static boolean nameWeight(Node root, GraphEditor graph) {
    String weight = root.input(1);
    if (!LayerNames.isAnonymous(weight) || !graph.hasOneConsumer(weight)) {
      return false;
    }
    String name = graph.addWeight(root.name() + ".weight", graph.weight(weight));
    graph.replace(root, Linears.withInput(root, 1, name));
    return true;
  }
}
