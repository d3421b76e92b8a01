package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.NativeStatus.Origin;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to one thread: runs a graph node by node, for graphs in which a shape depends on
 * computed data. A tensor is given back after its last use.
 */
final class EagerRunner implements AutoCloseable {
  private final Lowering.Request request;
  private final Model model;
  private final int threads;
  private final Map<String, Node> producers;
  private final Map<String, Tensor> values = new HashMap<>();
  private final Map<String, Integer> readers = new HashMap<>();
  private final Set<String> kept = new HashSet<>();

  private EagerRunner(Lowering.Request request, int threads) {
    this.request = request;
    this.model = request.model();
    this.threads = threads;
    this.producers = model.graph().producers();
  }

  /** The outputs for the graph's inputs, in order. */
  static Tensor[] run(
      Lowering.Request request, Tensor[] inputs, List<String> outputs, int threads) {
    try (EagerRunner runner = new EagerRunner(request, threads)) {
      return runner.run(inputs, outputs);
    }
  }

  private Tensor[] run(Tensor[] inputs, List<String> outputs) {
    for (int i = 0; i < inputs.length; i++) {
      String name = model.graph().inputs().get(i).name();
      values.put(name, inputs[i]);
      kept.add(name);
    }
    for (Node node : neededNodes(outputs)) {
      List<Tensor> results = evaluate(node);
      for (int i = 0; i < node.outputs().size(); i++) {
        if (node.hasOutput(i)) {
          values.put(node.output(i), results.get(i));
        }
      }
      for (String input : reads(node)) {
        giveBackAfterLastUse(input);
      }
    }
    Tensor[] results = new Tensor[outputs.size()];
    for (int i = 0; i < results.length; i++) {
      String name = outputs.get(i);
      boolean own = !kept.contains(name) && values.containsKey(name);
      results[i] = own ? values.remove(name) : value(name).copy();
    }
    return results;
  }

  private List<Node> neededNodes(List<String> outputs) {
    Set<String> needed = new HashSet<>(outputs);
    List<Node> nodes = new ArrayList<>();
    List<Node> all = model.graph().nodes();
    for (int i = all.size() - 1; i >= 0; i--) {
      Node node = all.get(i);
      boolean wanted = false;
      for (String output : node.outputs()) {
        wanted |= needed.contains(output);
      }
      if (wanted) {
        nodes.add(0, node);
        for (String input : reads(node)) {
          needed.add(input);
          readers.merge(input, 1, Integer::sum);
        }
      }
    }
    for (String output : outputs) {
      readers.merge(output, 1, Integer::sum);
    }
    return nodes;
  }

  /** What a node is computed from: a linear operator quantizes its input itself. */
  private Set<String> reads(Node node) {
    Set<String> reads = new HashSet<>(node.inputs());
    Node quantizer = quantizer(node);
    if (quantizer != null) {
      reads.remove(quantizer.output(0));
      reads.add(quantizer.input(0));
    }
    reads.remove("");
    return reads;
  }

  private Node quantizer(Node node) {
    Node producer =
        node.is(Domains.DEMITASSE, FusedOperators.LINEAR) ? producers.get(node.input(0)) : null;
    return producer != null && Lowering.isFakeQuantize(producer) ? producer : null;
  }

  private void giveBackAfterLastUse(String value) {
    int left = readers.merge(value, -1, Integer::sum);
    if (left == 0 && !kept.contains(value)) {
      Tensor tensor = values.remove(value);
      if (tensor != null) {
        tensor.close();
      }
    }
  }

  private Tensor value(String name) {
    Tensor tensor = values.get(name);
    if (tensor == null) {
      Weight weight = model.weights().get(name);
      boolean plain = weight instanceof DenseWeight dense && dense.type() == dense.tensor().type();
      tensor = plain ? ((DenseWeight) weight).tensor() : weight.dequantize();
      values.put(name, tensor);
      if (plain) {
        kept.add(name);
      }
    }
    return tensor;
  }

  private List<Tensor> evaluate(Node node) {
    if (node.domain().equals(Domains.DEMITASSE) || hasPackedMatrices(node)) {
      return evaluateInProgram(node);
    }
    List<Tensor> inputs = new ArrayList<>();
    for (String input : node.inputs()) {
      inputs.add(input.isEmpty() ? null : value(input));
    }
    return NodeEvaluator.evaluate(node, model.graph().opset(node), inputs);
  }

  /** True for a recurrent layer whose weights are packed once, not at each run. */
  private boolean hasPackedMatrices(Node node) {
    return RecurrentLowering.hasMatrices(node)
        && model.weights().containsKey(node.input(1))
        && model.weights().containsKey(node.input(2));
  }

  /** Fused operators and packed weights exist in programs only, so the node becomes one. */
  private List<Tensor> evaluateInProgram(Node node) {
    Node quantizer = quantizer(node);
    List<ValueInfo> infos = new ArrayList<>();
    List<Tensor> inputs = new ArrayList<>();
    Map<String, Weight> weights = new LinkedHashMap<>();
    for (String read : reads(node)) {
      if (model.weights().containsKey(read)) {
        weights.put(read, model.weights().get(read));
      } else {
        Tensor tensor = value(read);
        infos.add(new ValueInfo(read, tensor.type(), Shape.of(tensor.shape())));
        inputs.add(tensor);
      }
    }
    List<ValueInfo> outputs = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (String output : node.outputs()) {
      if (!output.isEmpty()) {
        outputs.add(new ValueInfo(output, null, null));
        names.add(output);
      }
    }
    List<Node> nodes = quantizer == null ? List.of(node) : List.of(quantizer, node);
    Graph graph = new Graph(node.name(), model.graph().opsets(), infos, outputs, nodes, Map.of());
    Model single = new Model(graph, weights, Map.of());
    SpecializedModel specialized = ConstantFolding.fold(single);
    try (ShapedProgram program =
        new ShapedProgram(
            new Lowering.Request(single, request.weights()),
            new StaticView(single, specialized.inference()),
            names)) {
      Tensor[] results = program.run(inputs.toArray(new Tensor[0]), threads);
      List<Tensor> all = new ArrayList<>();
      int next = 0;
      for (String output : node.outputs()) {
        all.add(output.isEmpty() ? null : results[next++]);
      }
      return all;
    } catch (NotLowerableException reason) {
      throw new Origin(node, model.graph().opset(node)).unsupported(reason.getMessage());
    }
  }

  @Override
  public void close() {
    for (Map.Entry<String, Tensor> value : values.entrySet()) {
      if (!kept.contains(value.getKey())) {
        value.getValue().close();
      }
    }
  }
}
