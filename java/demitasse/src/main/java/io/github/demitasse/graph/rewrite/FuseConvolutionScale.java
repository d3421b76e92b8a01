package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A number that the result of a convolution's activation function is multiplied with or that is
 * added to it, as the learnable affine blocks of PP-LCNetV3 (2023) do, becomes the convolution's.
 */
final class FuseConvolutionScale implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Mul", "Add");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    return apply(root, root.input(0), root.input(1), graph)
        || apply(root, root.input(1), root.input(0), graph);
  }

  private static boolean apply(Node root, String value, String constant, GraphEditor graph) {
    Node convolution = Convolutions.solelyRead(value, graph);
    double number = Constants.scalar(graph.weight(constant));
    boolean possible =
        convolution != null
            && Double.isFinite(number)
            && !Convolutions.activation(convolution).equals(Convolutions.NONE)
            && (!Convolutions.hasResidual(convolution)
                || convolution.integer("residual_first", 0) != 0)
            && graph.rank(constant) <= graph.rank(value);
    if (!possible) {
      return false;
    }
    boolean multiplies = root.is("Mul");
    double scale = Convolutions.scale(convolution) * (multiplies ? number : 1);
    double shift =
        multiplies
            ? Convolutions.shift(convolution) * number
            : Convolutions.shift(convolution) + number;
    Node fused =
        Convolutions.with(
            convolution,
            Map.of(
                "output_scale",
                Attribute.of((float) scale),
                "output_shift",
                Attribute.of((float) shift)));
    graph.replace(root, fused.withOutputs(List.of(root.output(0))));
    return true;
  }
}
