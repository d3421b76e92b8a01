package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.operator.Operators;
import io.github.demitasse.runtime.NativeStatus.Origin;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: computes one node on tensors at hand, for constant folding, for graphs whose shapes
 * depend on data, and for tests. Programs are the fast way.
 */
public final class NodeEvaluator {
  private NodeEvaluator() {}

  /**
   * The outputs of a node; null in the place of an output that nobody wants.
   *
   * @param opset the version of the node's operator set
   * @param inputs in the node's order; null for an absent optional one
   * @return tensors that the caller owns
   * @throws io.github.demitasse.UnsupportedOperatorException if there is no such operator
   * @throws IllegalArgumentException if the inputs do not fit
   */
  public static List<Tensor> evaluate(Node node, int opset, List<Tensor> inputs) {
    NativeLibrary.load();
    Map<String, Weight> weights = new LinkedHashMap<>();
    for (int i = 0; i < node.inputs().size(); i++) {
      if (node.hasInput(i)) {
        weights.put(node.input(i), new DenseWeight(inputs.get(i)));
      }
    }
    List<ValueInfo> outputs = new ArrayList<>();
    for (String output : node.outputs()) {
      if (!output.isEmpty()) {
        outputs.add(new ValueInfo(output, null, null));
      }
    }
    Map<String, Integer> opsets =
        node.domain().equals(Domains.ONNX)
            ? Map.of(Domains.ONNX, opset)
            : Map.of(node.domain(), opset, Domains.ONNX, 21);
    Graph graph = new Graph(node.name(), opsets, List.of(), outputs, List.of(node), Map.of());
    Model model = new Model(graph, weights, Map.of());
    GraphInference inference = GraphInference.of(model).requireSupported();
    List<Tensor> results = new ArrayList<>();
    boolean allConstant = true;
    for (String output : node.outputs()) {
      Tensor constant = output.isEmpty() ? null : inference.constant(output);
      allConstant &= output.isEmpty() || constant != null;
      results.add(constant == null ? null : constant.copy());
    }
    return allConstant ? results : call(new Origin(node, opset), inference, inputs);
  }

  /**
   * As {@link #evaluate}; null where there is no such operator: what rewriting folds constants
   * with.
   */
  public static List<Tensor> evaluateIfKnown(Node node, int opset, List<Tensor> inputs) {
    try {
      return evaluate(node, opset, inputs);
    } catch (UnsupportedOperatorException reportedLater) {
      return null;
    }
  }

  private static List<Tensor> call(Origin origin, GraphInference inference, List<Tensor> inputs) {
    Node node = origin.node();
    NativeCall call = Operators.find(node.domain(), node.operator()).lower(inference.context(node));
    List<Tensor> results = new ArrayList<>();
    for (String output : node.outputs()) {
      if (output.isEmpty()) {
        results.add(null);
        continue;
      }
      Shape shape = inference.value(output).shape();
      if (shape == null || !shape.isKnown()) {
        throw origin.unsupported("the shape of its output '" + output + "' cannot be told");
      }
      results.add(Tensor.allocate(inference.value(output).type(), shape.sizes()));
    }
    if (call.alias()) {
      copy(inputs.get(call.inputs().get(0)), results.get(0));
      return results;
    }
    List<Tensor> all = new ArrayList<>();
    for (int input : call.inputs()) {
      all.add(input < 0 || input >= inputs.size() ? null : inputs.get(input));
    }
    all.addAll(results);
    run(origin, call, all, results.size());
    return results;
  }

  private static void copy(Tensor from, Tensor to) {
    ByteBuffer source = from.acquire();
    ByteBuffer target = to.acquire();
    try {
      target.put(source);
    } finally {
      to.release();
      from.release();
    }
  }

  private static void run(Origin origin, NativeCall call, List<Tensor> tensors, int outputs) {
    int count = tensors.size();
    int[] types = new int[count];
    int[] ranks = new int[count];
    long[] addresses = new long[count];
    long[] bytes = new long[count];
    long[] dimensions = new long[count * Demitasse.DMT_MAX_RANK];
    int position = 0;
    try (Binding binding = new Binding(count)) {
      for (int i = 0; i < count; i++) {
        Tensor tensor = tensors.get(i);
        if (tensor == null) {
          continue;
        }
        addresses[i] = binding.add(tensor);
        types[i] = tensor.type().onnxCode();
        bytes[i] = tensor.byteSize();
        ranks[i] = tensor.rank();
        if (ranks[i] > Demitasse.DMT_MAX_RANK) {
          throw new IllegalArgumentException(
              tensor + " has more than " + Demitasse.DMT_MAX_RANK + " dimensions");
        }
        for (int axis = 0; axis < ranks[i]; axis++) {
          dimensions[position++] = tensor.dimension(axis);
        }
      }
      NativeStatus.check(
          Demitasse.dmt_operator_run(
              call.operator(),
              types,
              ranks,
              dimensions,
              addresses,
              bytes,
              count - outputs,
              outputs,
              call.integers(),
              call.integers().length,
              call.floats(),
              call.floats().length,
              0),
          origin);
    }
  }
}
