package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What is computed pixel by pixel from a cut result of a convolution is computed before cutting, so
 * that the convolution can take it over.
 */
final class SinkCrop implements Rewrite {
  private static final Set<String> ARITHMETIC = Set.of("Mul", "Div", "Add", "Sub");

  @Override
  public Set<String> roots() {
    return Set.of(
        "BatchNormalization",
        "Relu",
        "HardSwish",
        "HardSigmoid",
        "LeakyRelu",
        "Tanh",
        "Sigmoid",
        "Gelu",
        "Clip",
        "Mul",
        "Div",
        "Add",
        "Sub");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    boolean arithmetic = ARITHMETIC.contains(root.operator());
    return apply(root, 0, graph) || arithmetic && apply(root, 1, graph);
  }

  private static boolean apply(Node root, int input, GraphEditor graph) {
    String value = root.input(input);
    Node slice = graph.producer(value, "Slice");
    Node convolution = slice == null ? null : Convolutions.solelyRead(slice.input(0), graph);
    boolean possible =
        convolution != null
            && FusedOperators.blockSize(convolution) > 1
            && graph.hasOneConsumer(value)
            && root.outputs().size() == 1
            && isPixelwise(root, input, graph);
    if (!possible) {
      return false;
    }
    String whole = slice.input(0);
    Shape shape = graph.shape(whole);
    String result = graph.freshValue(root.output(0) + "/uncut");
    graph.describe(result, graph.type(root.output(0)), shape);
    List<String> inputs = new ArrayList<>(root.inputs());
    inputs.set(input, whole);
    List<String> cut = new ArrayList<>(slice.inputs());
    cut.set(0, result);
    graph.replace(
        root,
        root.withInputs(inputs).withOutputs(List.of(result)),
        Node.of(graph.freshNode(slice.name()), "Slice", cut, root.outputs()));
    return true;
  }

  /** True when the node does not look at where pixels lie. */
  private static boolean isPixelwise(Node root, int input, GraphEditor graph) {
    if (!ARITHMETIC.contains(root.operator())) {
      return root.inputs().stream().skip(1).allMatch(other -> graph.weight(other) != null);
    }
    Shape shape = graph.shape(root.output(0));
    return shape != null
        && shape.rank() == 4
        && shape.dimension(1).isKnown()
        && Convolutions.perChannel(
                graph.weight(root.input(1 - input)), shape.dimension(1).size(), 4)
            != null;
  }
}
