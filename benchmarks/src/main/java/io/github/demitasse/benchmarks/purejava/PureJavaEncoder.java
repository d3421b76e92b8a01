package io.github.demitasse.benchmarks.purejava;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: a text encoder in pure Java, one full sequence at a time: the same fused
 * operators as the native program, with a choice of linear kernels.
 */
public final class PureJavaEncoder {
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, float[]> constants = new HashMap<>();
  private final Map<String, long[]> shapes = new HashMap<>();
  private final Map<String, JavaLinear> linears = new HashMap<>();
  private final VectorRows rows = new VectorRows();
  private final String output;

  /** Makes a linear kernel for one layer. */
  @FunctionalInterface
  public interface LinearFactory {
    /**
     * @param weight [k][n]
     */
    JavaLinear of(Weight weight, float[] bias);
  }

  /**
   * @param model rewritten, with the hidden states as its first output
   */
  public PureJavaEncoder(Model model, LinearFactory factory) {
    output = model.graph().outputs().get(0).name();
    model
        .weights()
        .forEach(
            (name, weight) -> {
              if (weight.type().isFloatingPoint()) {
                constants.put(name, weight.dequantize().toFloats());
                shapes.put(name, weight.shape());
              }
            });
    for (Node node : model.graph().nodes()) {
      nodes.add(node);
      if (node.is(Domains.DEMITASSE, FusedOperators.LINEAR)) {
        Weight weight = model.weights().get(node.input(1));
        float[] bias =
            node.hasInput(2) ? constants.get(node.input(2)) : new float[(int) weight.shape()[1]];
        linears.put(node.name(), factory.of(weight, bias));
      }
    }
  }

  /** INT8 layers by a scalar or a vector kernel; layers that are not quantized run in float. */
  public static LinearFactory int8(boolean vector) {
    return (weight, bias) -> {
      if (!(weight instanceof QuantizedWeight quantized)) {
        return floating().of(weight, bias);
      }
      int k = (int) weight.shape()[0];
      int n = (int) weight.shape()[1];
      byte[] codes = quantized.codes().toBytes();
      float[] scales = quantized.scales().toFloats();
      return vector
          ? new VectorInt8Linear(codes, scales, bias, k, n)
          : new ScalarInt8Linear(codes, scales, bias, k, n);
    };
  }

  /** Every layer in float with fused multiply-add. */
  public static LinearFactory floating() {
    return (weight, bias) -> {
      try (Tensor values = weight.dequantize()) {
        return new VectorFloatLinear(
            values.toFloats(), bias, (int) weight.shape()[0], (int) weight.shape()[1]);
      }
    };
  }

  /** The hidden states [tokens][features]. */
  public float[] run(long[] ids) {
    Map<String, float[]> values = new HashMap<>();
    for (Node node : nodes) {
      float[] result = compute(node, ids, values);
      if (result != null) {
        values.put(node.output(0), result);
      }
      if (values.containsKey(output)) {
        return values.get(output);
      }
    }
    throw new IllegalStateException("the output '" + output + "' was not computed");
  }

  /** Null for nodes that only serve the mask, which full sequences do not need. */
  private float[] compute(Node node, long[] ids, Map<String, float[]> values) {
    int tokens = ids.length;
    if (node.is("Gather") && constants.containsKey(node.input(0))) {
      return rows.lookup(
          constants.get(node.input(0)),
          (int) shapes.get(node.input(0))[1],
          node.input(1).equals("input_ids") ? ids : new long[tokens]);
    }
    if (node.is(Domains.DEMITASSE, FusedOperators.POSITION_EMBEDDING)) {
      int features = (int) shapes.get(node.input(1))[1];
      return Arrays.copyOf(constants.get(node.input(1)), tokens * features);
    }
    if (node.is("Add")) {
      float[] left = values.get(node.input(0));
      float[] right = values.get(node.input(1));
      return left == null || right == null ? null : rows.add(left, right);
    }
    if (node.is("LayerNormalization")) {
      return rows.layerNorm(
          values.get(node.input(0)),
          constants.get(node.input(1)),
          constants.get(node.input(2)),
          node.number("epsilon", 1e-5f));
    }
    if (!node.domain().equals(Domains.DEMITASSE)) {
      return null;
    }
    return switch (node.operator()) {
      case FusedOperators.SKIP_LAYER_NORMALIZATION ->
          rows.layerNorm(
              rows.add(values.get(node.input(0)), values.get(node.input(1))),
              constants.get(node.input(2)),
              constants.get(node.input(3)),
              node.number("epsilon", 1e-5f));
      case FusedOperators.FAKE_QUANTIZE -> values.get(node.input(0)); // the kernels quantize rows
      case FusedOperators.LINEAR -> linear(node, tokens, values);
      case FusedOperators.PACKED_ATTENTION ->
          rows.attention(
              values.get(node.input(0)),
              tokens,
              (int) node.integer("heads", 1),
              node.number("scale", 1));
      default -> null;
    };
  }

  private float[] linear(Node node, int tokens, Map<String, float[]> values) {
    float[] x = values.get(node.input(0));
    if (x == null) {
      return null;
    }
    int k = (int) shapes.get(node.input(1))[0];
    float[] y = new float[x.length / k * (int) shapes.get(node.input(1))[1]];
    linears.get(node.name()).apply(x, x.length / k, y);
    if (node.text("activation", "none").equals("gelu_erf")) {
      rows.gelu(y);
    }
    return node.hasInput(3) ? rows.add(y, values.get(node.input(3))) : y;
  }
}
