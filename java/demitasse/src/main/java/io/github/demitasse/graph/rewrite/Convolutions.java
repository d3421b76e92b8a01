package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Reads and writes nodes of {@link FusedOperators#FUSED_CONV}. */
final class Convolutions {
  static final String QUALIFIED = Domains.DEMITASSE + "::" + FusedOperators.FUSED_CONV;
  static final String NONE = "none";

  private Convolutions() {}

  static String activation(Node convolution) {
    return convolution.text("activation", NONE);
  }

  static float scale(Node convolution) {
    return convolution.number("output_scale", 1);
  }

  static float shift(Node convolution) {
    return convolution.number("output_shift", 0);
  }

  static boolean hasResidual(Node convolution) {
    return convolution.hasInput(3);
  }

  /** True when nothing but the products and perhaps the bias is computed. */
  static boolean isAffine(Node convolution) {
    return isLinear(convolution) && !hasResidual(convolution);
  }

  /** True when there is no activation function, scale or shift. */
  static boolean isLinear(Node convolution) {
    return activation(convolution).equals(NONE)
        && scale(convolution) == 1
        && shift(convolution) == 0;
  }

  /** The convolution that computes a value which only one node reads, else null. */
  static Node solelyRead(String value, GraphEditor graph) {
    Node convolution = graph.fusedProducer(value, FusedOperators.FUSED_CONV);
    return convolution != null && graph.hasOneConsumer(value) ? convolution : null;
  }

  /** The node with some attributes set. */
  static Node with(Node node, Map<String, Attribute> changes) {
    Map<String, Attribute> attributes = new HashMap<>(node.attributes());
    attributes.putAll(changes);
    return new Node(
        node.name(), node.domain(), node.operator(), node.inputs(), node.outputs(), attributes);
  }

  /**
   * A constant that is one number for each channel of a value [n, channels, ..] of this rank, or
   * one for all, as {@code channels} numbers; null when it is something else.
   */
  static float[] perChannel(Weight weight, long channels, int rank) {
    if (weight == null || weight.type() != DataType.FLOAT32) {
      return null;
    }
    long[] shape = weight.shape();
    boolean fits =
        shape.length <= rank && (weight.elements() == 1 || weight.elements() == channels);
    int channelAxis = shape.length - (rank - 1);
    for (int axis = 0; fits && axis < shape.length; axis++) {
      fits = shape[axis] == 1 || axis == channelAxis;
    }
    if (!fits || channels > Integer.MAX_VALUE) {
      return null;
    }
    float[] values = floats(weight);
    if (values.length == channels) {
      return values;
    }
    float[] all = new float[(int) channels];
    Arrays.fill(all, values[0]);
    return all;
  }

  /** The elements of a weight of logical type FLOAT32. */
  static float[] floats(Weight weight) {
    Tensor tensor = Constants.floats(weight);
    float[] values = tensor.toFloats();
    if (!weight.parts().containsValue(tensor)) {
      tensor.close();
    }
    return values;
  }

  /** Puts a weight in the place of another if nobody else reads that; the weight's name. */
  static String store(String former, Weight weight, String name, GraphEditor graph) {
    if (!graph.hasOneConsumer(former)) {
      return graph.addWeight(name, weight);
    }
    graph.replaceWeight(former, weight);
    return former;
  }
}
