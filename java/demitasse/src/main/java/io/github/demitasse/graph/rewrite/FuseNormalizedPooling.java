package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.List;
import java.util.Set;

/** Division of a pooled sequence by its Euclidean norm is done by the pooling. */
final class FuseNormalizedPooling implements Rewrite {
  /** The kernel's own bound; a smaller or no bound differs for vectors of zeros only. */
  private static final double LARGEST_BOUND = 1.001e-12;

  @Override
  public Set<String> roots() {
    return Set.of("Div", "LpNormalization");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    String x = root.input(0);
    Node pooling = graph.fusedProducer(x, FusedOperators.SEQUENCE_POOLING);
    boolean pooled = pooling != null && pooling.integer("normalize", 0) == 0 && !graph.isKept(x);
    if (!pooled || !(root.is("Div") ? dividesByNorm(root, x, graph) : isEuclidean(root))) {
      return false;
    }
    int readers = root.is("Div") ? 2 : 1;
    if (graph.consumers(x).size() != readers) {
      return false;
    }
    Node normalized = pooling.withAttribute("normalize", Attribute.of(1));
    graph.replace(root, normalized.withOutputs(List.of(root.output(0))));
    return true;
  }

  private static boolean isEuclidean(Node normalization) {
    long axis = normalization.integer("axis", -1);
    return normalization.integer("p", 2) == 2 && (axis == -1 || axis == 1);
  }

  private static boolean dividesByNorm(Node root, String x, GraphEditor graph) {
    String divisor = root.input(1);
    Node node = sole(divisor, graph);
    if (node != null && node.is("Expand")) {
      node = sole(node.input(0), graph);
    }
    if (node != null && (node.is("Clip") || node.is("Max")) && isLowerBound(node, graph)) {
      node = sole(node.input(0), graph);
    }
    return node != null
        && node.is("ReduceL2")
        && node.input(0).equals(x)
        && Reductions.isOverLastKept(node, graph);
  }

  private static Node sole(String value, GraphEditor graph) {
    return graph.hasOneConsumer(value) ? graph.producer(value) : null;
  }

  private static boolean isLowerBound(Node clip, GraphEditor graph) {
    double bound = clip.hasInput(1) ? Constants.scalar(graph.weight(clip.input(1))) : Double.NaN;
    return bound >= 0 && bound <= LARGEST_BOUND && !clip.hasInput(2);
  }
}
