package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * QuantizeLinear or DynamicQuantizeLinear followed by DequantizeLinear with the same parameters
 * becomes FakeQuantize.
 */
final class FuseFakeQuantize implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("DequantizeLinear");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node quantize = graph.producer(root.input(0));
    Map<String, Attribute> attributes = quantize == null ? null : attributes(root, quantize, graph);
    if (attributes == null || graph.type(quantize.input(0)) != DataType.FLOAT32) {
      return false;
    }
    List<Node> nodes = new ArrayList<>();
    if (graph.isKept(root.output(0))) {
      nodes.add(FakeQuantizes.create(quantize.input(0), attributes, root.output(0), graph));
      graph.replace(root, nodes);
      return true;
    }
    String quantized = FakeQuantizes.of(quantize.input(0), attributes, nodes, graph);
    graph.replace(root, nodes);
    graph.redirect(root.output(0), quantized);
    return true;
  }

  private static Map<String, Attribute> attributes(Node root, Node quantize, GraphEditor graph) {
    if (quantize.is("DynamicQuantizeLinear")) {
      boolean same =
          root.input(0).equals(quantize.output(0))
              && root.input(1).equals(quantize.output(1))
              && root.hasInput(2)
              && root.input(2).equals(quantize.output(2));
      return same ? FakeQuantizes.DYNAMIC_TENSOR : null;
    }
    boolean same =
        quantize.is("QuantizeLinear")
            && quantize.integer("block_size", 0) == 0
            && graph.rank(root.input(1)) <= 1
            && FakeQuantizes.isSame(quantize.input(1), root.input(1), graph)
            && quantize.hasInput(2) == root.hasInput(2)
            && (!root.hasInput(2) || FakeQuantizes.isSame(quantize.input(2), root.input(2), graph));
    return same
        ? FakeQuantizes.fixed(
            graph.type(root.input(0)), root.input(1), FakeQuantizes.inputOrNone(root, 2), graph)
        : null;
  }
}
