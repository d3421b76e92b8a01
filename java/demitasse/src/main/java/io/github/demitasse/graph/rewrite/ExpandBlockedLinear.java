package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Confined to one thread: the products of linear layers as MatMulNBits, where it can hold them. */
final class ExpandBlockedLinear {
  /** MatMulNBits may quantize its activations to INT8. */
  private static final long INTEGER_ACCURACY = 4;

  /** What of a blocked weight's constants belongs to which weight, so that layers can share it. */
  private record Names(BlockedWeight weight, List<String> inputs) {}

  private final Model model;
  private final Map<String, Node> producers;
  private final Map<String, Names> written = new HashMap<>();
  private final Map<String, BlockedWeight> blocked = new HashMap<>();
  private final Set<String> kept = new HashSet<>(); // values that something else still reads

  ExpandBlockedLinear(Model model) {
    this.model = model;
    this.producers = model.graph().producers();
    for (Node node : model.graph().nodes()) {
      boolean linear = weight(node) != null;
      for (int i = 0; i < node.inputs().size(); i++) {
        if (!linear || i > 1) {
          kept.add(node.inputs().get(i));
        }
      }
    }
    for (ValueInfo output : model.graph().outputs()) {
      kept.add(output.name());
    }
  }

  /** The weight of a linear layer that MatMulNBits can hold; null for all other nodes. */
  private BlockedWeight weight(Node node) {
    if (!node.is(Domains.DEMITASSE, FusedOperators.LINEAR)) {
      return null;
    }
    return blocked.computeIfAbsent(
        node.input(1), name -> BlockedWeight.of(model.weights().get(name)));
  }

  /** True for a quantization of rows that only such products read: they do it by themselves. */
  boolean makesNeedless(Node node) {
    return quantizesRows(node) && !kept.contains(node.output(0));
  }

  private static boolean quantizesRows(Node node) {
    return node != null
        && node.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE)
        && node.text("mode", "").equals("dynamic_row");
  }

  /** Adds the product of a linear layer; false if it has to be a plain one. */
  boolean product(Node node, String result, Expansion.Scope scope) {
    if (weight(node) == null) {
      return false;
    }
    Names names = written.computeIfAbsent(node.input(1), name -> write(weight(node), scope));
    BlockedWeight weight = names.weight();
    long[] shape = model.weights().get(node.input(1)).shape();
    Map<String, Attribute> attributes = new HashMap<>();
    attributes.put("K", Attribute.of(shape[0]));
    attributes.put("N", Attribute.of(shape[1]));
    attributes.put("bits", Attribute.of((long) weight.bits()));
    attributes.put("block_size", Attribute.of((long) weight.blockSize()));
    String x = node.input(0);
    if (quantizesRows(producers.get(x))) {
      attributes.put("accuracy_level", Attribute.of(INTEGER_ACCURACY));
      x = producers.get(x).input(0);
    }
    List<String> inputs = new ArrayList<>();
    inputs.add(x);
    inputs.addAll(names.inputs());
    scope.nodeTo(List.of(result), Domains.MICROSOFT, "MatMulNBits", attributes, inputs);
    return true;
  }

  private static Names write(BlockedWeight weight, Expansion.Scope scope) {
    List<String> inputs = new ArrayList<>();
    inputs.add(scope.constant("weight_codes", weight.codes()));
    inputs.add(scope.constant("weight_scales", weight.scales()));
    if (weight.zeroPoints() != null) {
      inputs.add(scope.constant("weight_zero_points", weight.zeroPoints()));
    }
    return new Names(weight, inputs);
  }

  /** Weights that were written in blocks and that no node reads any more. */
  void removeReplaced(Map<String, Weight> weights, List<Node> nodes) {
    Set<String> replaced = new HashSet<>(written.keySet());
    nodes.forEach(node -> node.inputs().forEach(replaced::remove));
    weights.keySet().removeAll(replaced);
  }
}
