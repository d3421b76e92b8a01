package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Reads and writes nodes of {@link FusedOperators#LINEAR}. */
final class Linears {
  static final String QUALIFIED = Domains.DEMITASSE + "::" + FusedOperators.LINEAR;
  static final String NONE = "none";

  private Linears() {}

  static boolean isLinear(Node node) {
    return node != null && node.is(Domains.DEMITASSE, FusedOperators.LINEAR);
  }

  static String activation(Node linear) {
    return linear.text("activation", NONE);
  }

  static boolean hasBias(Node linear) {
    return linear.hasInput(2);
  }

  static boolean hasResidual(Node linear) {
    return linear.hasInput(3);
  }

  /** True when nothing but the matrix product and perhaps the bias is done. */
  static boolean isAffine(Node linear) {
    return activation(linear).equals(NONE) && !hasResidual(linear);
  }

  /** The Linear that computes a value which only one node reads, else null. */
  static Node solelyRead(String value, GraphEditor graph) {
    Node linear = graph.fusedProducer(value, FusedOperators.LINEAR);
    return linear != null && graph.hasOneConsumer(value) ? linear : null;
  }

  /**
   * A Linear without activation.
   *
   * @param bias "" for none
   */
  static Node create(String name, String x, String weight, String bias, String output) {
    return new Node(
        name,
        Domains.DEMITASSE,
        FusedOperators.LINEAR,
        bias.isEmpty() ? List.of(x, weight) : List.of(x, weight, bias),
        List.of(output),
        Map.of("activation", Attribute.of(NONE)));
  }

  static Node withInput(Node linear, int index, String value) {
    List<String> inputs = new ArrayList<>(linear.inputs());
    while (inputs.size() <= index) {
      inputs.add("");
    }
    inputs.set(index, value);
    return linear.withInputs(inputs);
  }

  static Node renamed(Node node, String name) {
    return new Node(
        name, node.domain(), node.operator(), node.inputs(), node.outputs(), node.attributes());
  }

  /**
   * The name of a constant as a bias of {@code columns} floats, adding it in that shape where
   * necessary; null when it is none.
   */
  static String bias(String constant, long columns, GraphEditor graph) {
    Weight weight = graph.weight(constant);
    if (weight == null || weight.type() != DataType.FLOAT32) {
      return null;
    }
    long[] shape = weight.shape();
    long elements = weight.elements();
    boolean row = elements == columns && (shape.length == 0 || shape[shape.length - 1] == columns);
    if (row && shape.length == 1) {
      return constant;
    }
    if (!row && elements != 1) {
      return null;
    }
    float[] values;
    try (Tensor floats = weight.dequantize()) {
      values = floats.toFloats();
    }
    float[] full = row ? values : new float[Math.toIntExact(columns)];
    if (!row) {
      Arrays.fill(full, values[0]);
    }
    return graph.addWeight(constant + "/row", new DenseWeight(Tensor.of(full, columns)));
  }
}
