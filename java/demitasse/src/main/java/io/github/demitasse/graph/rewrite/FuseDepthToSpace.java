package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A convolution whose channels nothing but DepthToSpace reads, as super-resolution networks end
 * (Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
 * Convolutional Neural Network"), stores its results where they go.
 */
final class FuseDepthToSpace implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("DepthToSpace");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Node convolution = Convolutions.solelyRead(root.input(0), graph);
    long block = root.integer("blocksize", 0);
    boolean possible =
        convolution != null
            && FusedOperators.blockSize(convolution) == 1
            && convolution.integer("group", 1) == 1
            && !Convolutions.hasResidual(convolution)
            && block > 1
            && block <= FusedOperators.LARGEST_BLOCK
            && graph.rank(root.input(0)) == 4;
    if (!possible) {
      return false;
    }
    Node ordered = convolution;
    if (root.text("mode", "DCR").equals("CRD")) {
      ordered = blocksFirst(convolution, (int) block, graph);
    }
    if (ordered == null) {
      return false;
    }
    Node fused = Convolutions.with(ordered, Map.of("blocksize", Attribute.of(block)));
    graph.replace(root, fused.withOutputs(List.of(root.output(0))));
    return true;
  }

  /** The convolution with its outputs (c, i, j) in the order (i, j, c); null if that is fixed. */
  private static Node blocksFirst(Node convolution, int block, GraphEditor graph) {
    Weight filters = graph.weight(convolution.input(1));
    Weight bias = convolution.hasInput(2) ? graph.weight(convolution.input(2)) : null;
    long outputs = filters.shape()[0];
    if (!Constants.isPlain(filters)
        || convolution.hasInput(2) && !Constants.isPlain(bias)
        || outputs % (block * block) != 0) {
      return null;
    }
    String[] inputs = convolution.inputs().toArray(String[]::new);
    inputs[1] = reordered(filters, inputs[1], block * block, graph);
    if (bias != null) {
      inputs[2] = reordered(bias, inputs[2], block * block, graph);
    }
    return convolution.withInputs(List.of(inputs));
  }

  private static String reordered(Weight weight, String name, int places, GraphEditor graph) {
    float[] from = Convolutions.floats(weight);
    float[] to = new float[from.length];
    int channels = (int) (weight.shape()[0] / places);
    int row = from.length / Math.max(1, channels * places);
    for (int c = 0; c < channels; c++) {
      for (int place = 0; place < places; place++) {
        System.arraycopy(from, (c * places + place) * row, to, (place * channels + c) * row, row);
      }
    }
    return Convolutions.store(name, new DenseWeight(Tensor.of(to, weight.shape())), name, graph);
  }
}
