package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.List;
import java.util.Set;

/** Entries looked up as codes and decoded afterwards are looked up in a quantized table. */
final class DecodeGather implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("DequantizeLinear");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node gather = graph.producer(root.input(0), "Gather");
    boolean lookup =
        gather != null
            && graph.hasOneConsumer(gather.output(0))
            && graph.weight(gather.input(0)) instanceof DenseWeight
            && isScalar(root, 1, graph)
            && graph.type(root.input(1)) == DataType.FLOAT32
            && (!root.hasInput(2) || isScalar(root, 2, graph));
    if (!lookup) {
      return false;
    }
    Tensor codes = ((DenseWeight) graph.weight(gather.input(0))).tensor();
    if (codes.type() != DataType.INT8 && codes.type() != DataType.UINT8) {
      return false;
    }
    Tensor scale = Constants.floats(graph.weight(root.input(1)));
    Tensor zeroPoint =
        root.hasInput(2) ? ((DenseWeight) graph.weight(root.input(2))).tensor() : null;
    String table =
        graph.addWeight(
            LayerNames.stored(gather.input(0)),
            new QuantizedWeight(
                codes, scale, WeightLayouts.nullIfZero(zeroPoint), new Granularity.PerTensor()));
    graph.replace(
        root, gather.withInputs(List.of(table, gather.input(1))).withOutputs(root.outputs()));
    return true;
  }

  private static boolean isScalar(Node node, int input, GraphEditor graph) {
    return graph.weight(node.input(input)) instanceof DenseWeight weight
        && weight.elements() == 1
        && weight.tensor().rank() <= 1;
  }
}
