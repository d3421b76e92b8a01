package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.UnsupportedOperatorException.Missing;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Thread-safe: says Demitasse's fused operators in plain ONNX, for other runtimes. {@link Rewrites}
 * recognises what comes out.
 */
public final class ExpandFusedOperators {
  private final Expansion expansion;
  private final ExpandBlockedLinear blocked; // null: products are plain

  private ExpandFusedOperators(Expansion expansion, ExpandBlockedLinear blocked) {
    this.expansion = expansion;
    this.blocked = blocked;
  }

  /**
   * The model without operators of {@link Domains#DEMITASSE}, in ONNX's operator set 21 or the
   * newer one it has; the model itself if it has none of them. Weights keep their encodings.
   *
   * @throws UnsupportedOperatorException if the rest of the model is of an older operator set and
   *     cannot be said in a newer one
   */
  public static Model apply(Model model) {
    return apply(model, false);
  }

  /**
   * As {@link #apply(Model)}; where {@code blocked}, products with weights of 4 bits, or of 8 bits
   * in groups, become ONNX Runtime's {@code MatMulNBits}, if it can hold them.
   */
  public static Model apply(Model given, boolean blocked) {
    Model model = withoutOwnAttributes(given);
    if (model.graph().nodes().stream().noneMatch(ExpandFusedOperators::isFused)) {
      return model;
    }
    Model upgraded = OpsetUpgrade.apply(model);
    Graph graph = upgraded.graph();
    requireNew(graph);
    Set<String> values = new HashSet<>(upgraded.weights().keySet());
    Set<String> names = new HashSet<>();
    graph.inputs().forEach(input -> values.add(input.name()));
    for (Node node : graph.nodes()) {
      values.addAll(node.outputs());
      if (!isFused(node)) {
        names.add(node.name());
      }
    }
    Expansion expansion = new Expansion(values, names);
    ExpandFusedOperators expand =
        new ExpandFusedOperators(expansion, blocked ? new ExpandBlockedLinear(upgraded) : null);
    graph.nodes().forEach(expand::add);
    Map<String, Integer> opsets = new LinkedHashMap<>(graph.opsets());
    opsets.remove(Domains.DEMITASSE);
    Map<String, Weight> weights = new LinkedHashMap<>(upgraded.weights());
    weights.putAll(expansion.constants());
    if (blocked) {
      expand.blocked.removeReplaced(weights, expansion.nodes());
    }
    return new Model(
        new Graph(
            graph.name(),
            opsets,
            graph.inputs(),
            graph.outputs(),
            expansion.nodes(),
            graph.values()),
        weights,
        upgraded.metadata());
  }

  /** ONNX's recurrent layers cannot say that their state is quantized; it is left in floats. */
  private static Model withoutOwnAttributes(Model model) {
    List<Node> nodes = new ArrayList<>();
    boolean changed = false;
    for (Node node : model.graph().nodes()) {
      boolean own = node.attributes().containsKey(FusedOperators.RECURRENT_QUANTIZATION);
      nodes.add(own ? withoutOwnAttribute(node) : node);
      changed |= own;
    }
    return changed ? model.withGraph(model.graph().withNodes(nodes)) : model;
  }

  private static Node withoutOwnAttribute(Node node) {
    Map<String, Attribute> attributes = new LinkedHashMap<>(node.attributes());
    attributes.remove(FusedOperators.RECURRENT_QUANTIZATION);
    return new Node(
        node.name(), node.domain(), node.operator(), node.inputs(), node.outputs(), attributes);
  }

  private static boolean isFused(Node node) {
    return node.domain().equals(Domains.DEMITASSE);
  }

  private static void requireNew(Graph graph) {
    if (graph.opset() >= OpsetUpgrade.TARGET) {
      return;
    }
    List<Missing> fused =
        graph.nodes().stream()
            .filter(ExpandFusedOperators::isFused)
            .map(
                node ->
                    new Missing(
                        node.name(),
                        node.qualifiedOperator(),
                        graph.opset(),
                        "plain ONNX for it needs operator set " + OpsetUpgrade.TARGET))
            .toList();
    throw new UnsupportedOperatorException(fused);
  }

  private void add(Node node) {
    if (!isFused(node)) {
      expansion.keep(node);
      return;
    }
    if (blocked != null && blocked.makesNeedless(node)) {
      return;
    }
    Expansion.Scope scope = expansion.new Scope(node);
    switch (node.operator()) {
      case FusedOperators.LINEAR -> linear(node, scope);
      case FusedOperators.FUSED_CONV -> ExpandConvolution.add(node, scope);
      case FusedOperators.FAKE_QUANTIZE -> ExpandFakeQuantize.add(node, scope);
      case FusedOperators.BINARIZE -> binarize(node, scope);
      case FusedOperators.SKIP_LAYER_NORMALIZATION -> skipLayerNormalization(node, scope);
      case FusedOperators.MULTI_HEAD_ATTENTION ->
          attention(node, List.of(node.input(0), node.input(1), node.input(2)), 3, scope);
      case FusedOperators.PACKED_ATTENTION -> packedAttention(node, scope);
      case FusedOperators.POSITION_EMBEDDING -> positionEmbedding(node, scope);
      case FusedOperators.SEQUENCE_POOLING -> pooling(node, scope);
      default ->
          throw new UnsupportedOperatorException(
              List.of(new Missing(node.name(), node.qualifiedOperator(), 1, "")));
    }
  }

  // ---- linear layers

  private void linear(Node node, Expansion.Scope scope) {
    boolean biased = node.hasInput(2);
    boolean residual = node.hasInput(3);
    boolean activated = !Linears.activation(node).equals(Linears.NONE);
    String output = node.output(0);
    String product = biased || residual || activated ? scope.result("MatMul_output") : output;
    if (blocked == null || !blocked.product(node, product, scope)) {
      scope.nodeTo(product, "MatMul", Map.of(), node.input(0), node.input(1));
    }
    if (biased) {
      String sum = residual || activated ? scope.result("Add_output") : output;
      scope.nodeTo(sum, "Add", Map.of(), product, node.input(2));
      product = sum;
    }
    if (activated) {
      String active = residual ? scope.result("Activation_output") : output;
      activation(Linears.activation(node), product, active, scope);
      product = active;
    }
    if (residual) {
      scope.nodeTo(output, "Add", Map.of(), product, node.input(3));
    }
  }

  private static void binarize(Node node, Expansion.Scope scope) {
    String positive = scope.node("GreaterOrEqual", node.input(0), scope.scalar(0f));
    scope.nodeTo(node.output(0), "Where", Map.of(), positive, scope.scalar(1f), scope.scalar(-1f));
  }

  static void activation(String activation, String x, String result, Expansion.Scope scope) {
    switch (activation) {
      case "relu" -> scope.nodeTo(result, "Relu", Map.of(), x);
      case "tanh" -> scope.nodeTo(result, "Tanh", Map.of(), x);
      case "sigmoid" -> scope.nodeTo(result, "Sigmoid", Map.of(), x);
      case "hard_swish" -> scope.nodeTo(result, "HardSwish", Map.of(), x);
      case "silu" -> scope.nodeTo(result, "Mul", Map.of(), x, scope.node("Sigmoid", x));
      case "gelu_erf" ->
          scope.nodeTo(result, "Gelu", Map.of("approximate", Attribute.of("none")), x);
      case "gelu_tanh" ->
          scope.nodeTo(result, "Gelu", Map.of("approximate", Attribute.of("tanh")), x);
      default ->
          throw new IllegalArgumentException(
              "there is no activation function '" + activation + "'");
    }
  }

  private static void skipLayerNormalization(Node node, Expansion.Scope scope) {
    String sum = node.hasOutput(1) ? node.output(1) : scope.result("Add_output");
    scope.nodeTo(sum, "Add", Map.of(), node.input(0), node.input(1));
    Map<String, Attribute> attributes =
        Map.of("axis", Attribute.of(-1), "epsilon", Attribute.of(node.number("epsilon", 1e-5f)));
    String[] inputs =
        node.hasInput(3)
            ? new String[] {sum, node.input(2), node.input(3)}
            : new String[] {sum, node.input(2)};
    String normalized = node.hasOutput(0) ? node.output(0) : scope.result("Unused");
    scope.nodeTo(normalized, "LayerNormalization", attributes, inputs);
  }

  // ---- attention

  private static void packedAttention(Node node, Expansion.Scope scope) {
    List<String> parts = List.of(scope.result("query"), scope.result("key"), scope.result("value"));
    Map<String, Attribute> attributes =
        Map.of("axis", Attribute.of(-1), "num_outputs", Attribute.of(3));
    scope.nodeTo(parts, "Split", attributes, node.input(0));
    attention(node, parts, 1, scope);
  }

  private static void attention(
      Node node, List<String> parts, int maskInput, Expansion.Scope scope) {
    String shape = scope.integers(0, 0, node.integer("heads", 1), -1);
    String query = heads(parts.get(0), shape, List.of(0L, 2L, 1L, 3L), scope);
    String key = heads(parts.get(1), shape, List.of(0L, 2L, 3L, 1L), scope);
    String value = heads(parts.get(2), shape, List.of(0L, 2L, 1L, 3L), scope);
    String scores =
        scope.node("Mul", scope.node("MatMul", query, key), scope.scalar(node.number("scale", 1)));
    if (node.hasInput(maskInput)) {
      scores = scope.node("Add", scores, node.input(maskInput));
    }
    if (node.integer("causal", 0) != 0) {
      scores = scope.node("Add", scores, causalMask(parts.get(0), scope));
    }
    String weights = scope.node("Softmax", Map.of("axis", Attribute.of(-1)), scores);
    String context =
        scope.node(
            "Transpose",
            Map.of("perm", Attribute.ofIntegers(List.of(0L, 2L, 1L, 3L))),
            scope.node("MatMul", weights, value));
    scope.nodeTo(node.output(0), "Reshape", Map.of(), context, scope.integers(0, 0, -1));
  }

  private static String heads(String x, String shape, List<Long> order, Expansion.Scope scope) {
    return scope.node(
        "Transpose", Map.of("perm", Attribute.ofIntegers(order)), scope.node("Reshape", x, shape));
  }

  /** A [length, length] matrix: minus infinity above the diagonal, zero elsewhere. */
  private static String causalMask(String x, Expansion.Scope scope) {
    String length = length(x, scope);
    String size = scope.node("Concat", Map.of("axis", Attribute.of(0)), length, length);
    String hidden = scope.node("Expand", scope.scalar(Float.NEGATIVE_INFINITY), size);
    return scope.node("Trilu", Map.of("upper", Attribute.of(1)), hidden, scope.scalar(1L));
  }

  /** The second dimension of x as a list of one. */
  private static String length(String x, Expansion.Scope scope) {
    return scope.node("Shape", Map.of("start", Attribute.of(1), "end", Attribute.of(2)), x);
  }

  // ---- embedding and pooling

  private static void positionEmbedding(Node node, Expansion.Scope scope) {
    String zero = scope.integers(0);
    String rows = scope.node("Slice", node.input(1), zero, length(node.input(0), scope), zero);
    scope.nodeTo(node.output(0), "Unsqueeze", Map.of(), rows, zero);
  }

  private static void pooling(Node node, Expansion.Scope scope) {
    boolean normalize = node.integer("normalize", 0) != 0;
    String pooled = normalize ? scope.result("pooled") : node.output(0);
    String x = node.input(0);
    String mask = node.hasInput(1) ? node.input(1) : null;
    switch (node.text("kind", "mean")) {
      case "mean" -> mean(x, mask, pooled, scope);
      case "max" -> max(x, mask, pooled, scope);
      case "first" ->
          scope.nodeTo(pooled, "Gather", Map.of("axis", Attribute.of(1)), x, scope.scalar(0L));
      default ->
          throw new IllegalArgumentException(
              "there is no pooling '" + node.text("kind", "mean") + "'");
    }
    if (normalize) {
      String norm = scope.node("ReduceL2", pooled, scope.integers(-1));
      String divisor = scope.node("Clip", norm, scope.scalar(1e-12f));
      scope.nodeTo(node.output(0), "Div", Map.of(), pooled, divisor);
    }
  }

  private static void mean(String x, String mask, String result, Expansion.Scope scope) {
    Map<String, Attribute> dropped = Map.of("keepdims", Attribute.of(0));
    String tokens = scope.integers(1);
    if (mask == null) {
      scope.nodeTo(result, "ReduceMean", dropped, x, tokens);
      return;
    }
    String weights =
        scope.node("Unsqueeze", cast(mask, DataType.FLOAT32, scope), scope.integers(-1));
    String sum = scope.node("ReduceSum", dropped, scope.node("Mul", x, weights), tokens);
    String total = scope.node("ReduceSum", dropped, weights, tokens);
    String divisor = scope.node("Clip", total, scope.scalar(1e-9f));
    scope.nodeTo(result, "Div", Map.of(), sum, divisor);
  }

  private static void max(String x, String mask, String result, Expansion.Scope scope) {
    Map<String, Attribute> dropped = Map.of("keepdims", Attribute.of(0));
    String tokens = scope.integers(1);
    if (mask == null) {
      scope.nodeTo(result, "ReduceMax", dropped, x, tokens);
      return;
    }
    String seen = scope.node("Unsqueeze", cast(mask, DataType.BOOL, scope), scope.integers(-1));
    String visible = scope.node("Where", seen, x, scope.scalar(Float.NEGATIVE_INFINITY));
    String largest = scope.node("ReduceMax", dropped, visible, tokens);
    String any = scope.node("ReduceMax", dropped, cast(seen, DataType.INT32, scope), tokens);
    scope.nodeTo(
        result, "Where", Map.of(), cast(any, DataType.BOOL, scope), largest, scope.scalar(0f));
  }

  private static String cast(String x, DataType type, Expansion.Scope scope) {
    return scope.node("Cast", Map.of("to", Attribute.of(type.onnxCode())), x);
  }
}
