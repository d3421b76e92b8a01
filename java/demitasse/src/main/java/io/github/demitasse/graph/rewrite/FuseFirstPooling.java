package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.Set;

/** x[:, 0], the first token of each sequence, as a Gather or as a Slice with a Squeeze. */
final class FuseFirstPooling implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Gather", "Squeeze");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    String x = root.is("Gather") ? gathered(root, graph) : sliced(root, graph);
    if (x == null || graph.rank(x) != 3 || graph.type(x) != DataType.FLOAT32) {
      return false;
    }
    String name = graph.freshNode(LayerNames.scope(root.name()), root);
    graph.replace(root, SequencePoolings.create(name, "first", List.of(x), root.output(0)));
    return true;
  }

  private static String gathered(Node gather, GraphEditor graph) {
    boolean first =
        gather.integer("axis", 0) == 1
            && graph.weight(gather.input(0)) == null
            && graph.rank(gather.input(1)) == 0
            && Constants.scalar(graph.weight(gather.input(1))) == 0;
    return first ? gather.input(0) : null;
  }

  private static String sliced(Node squeeze, GraphEditor graph) {
    Node slice = graph.producer(squeeze.input(0), "Slice");
    boolean first =
        slice != null
            && Reductions.isOver(1, squeeze, graph)
            && graph.hasOneConsumer(slice.output(0))
            && isNumber(slice, 1, 0, graph)
            && isNumber(slice, 2, 1, graph)
            && slice.hasInput(3)
            && isNumber(slice, 3, 1, graph)
            && (!slice.hasInput(4) || isNumber(slice, 4, 1, graph));
    return first ? slice.input(0) : null;
  }

  private static boolean isNumber(Node node, int index, long number, GraphEditor graph) {
    return Constants.scalar(graph.weight(node.input(index))) == number;
  }
}
