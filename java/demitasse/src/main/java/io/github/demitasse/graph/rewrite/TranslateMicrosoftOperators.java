package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Operators that ONNX Runtime's optimizer writes (domain com.microsoft), said in plain ONNX. This
 * comes before anything that needs shapes, since these operators are not known elsewhere.
 */
final class TranslateMicrosoftOperators implements Rewrite {
  private static final int SINCE_OPSET = 20;

  private static final String MAT_MUL_N_BITS = Domains.MICROSOFT + "::MatMulNBits";

  private static final Set<String> ROOTS =
      Set.of(
          Domains.MICROSOFT + "::Gelu",
          Domains.MICROSOFT + "::BiasGelu",
          Domains.MICROSOFT + "::FastGelu",
          Domains.MICROSOFT + "::SkipLayerNormalization",
          Domains.MICROSOFT + "::DynamicQuantizeMatMul",
          Domains.MICROSOFT + "::MatMulIntegerToFloat",
          MAT_MUL_N_BITS);

  /** The model with the operators translated that can be. */
  static Model apply(Model model) {
    boolean present =
        model.graph().nodes().stream().anyMatch(node -> ROOTS.contains(node.qualifiedOperator()));
    return present ? Rewrites.apply(model, List.of(new TranslateMicrosoftOperators())) : model;
  }

  @Override
  public Set<String> roots() {
    return ROOTS;
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Translation nodes = new Translation(root, graph);
    if (root.qualifiedOperator().equals(MAT_MUL_N_BITS)) {
      return TranslateMatMulNBits.apply(root, graph);
    }
    if (graph.opset() < SINCE_OPSET) {
      return false;
    }
    switch (root.operator()) {
      case "Gelu" -> nodes.gelu(root.input(0), "none");
      case "BiasGelu" -> nodes.gelu(nodes.plus(root.input(0), 1), "none");
      case "FastGelu" -> nodes.gelu(nodes.plus(root.input(0), 1), "tanh");
      case "SkipLayerNormalization" -> {
        if (root.hasOutput(1) || root.hasOutput(2)) {
          return false;
        }
        nodes.skipLayerNormalization();
      }
      case "DynamicQuantizeMatMul" -> nodes.dynamicQuantizeMatMul();
      default -> nodes.integerProduct(root.input(0), root.input(2), optional(root, 4), 1, 3, 5, 6);
    }
    graph.replace(root, nodes.nodes);
    return true;
  }

  private static String optional(Node node, int input) {
    return node.hasInput(input) ? node.input(input) : "";
  }

  /** The nodes that take the place of one. */
  private static final class Translation {
    private final Node root;
    private final GraphEditor graph;
    private final List<Node> nodes = new ArrayList<>();

    Translation(Node root, GraphEditor graph) {
      this.root = root;
      this.graph = graph;
    }

    private void add(
        String operator, Map<String, Attribute> attributes, List<String> inputs, String output) {
      String name =
          graph.freshNode(
              root.name() + "/" + operator + (nodes.isEmpty() ? "" : "_" + nodes.size()));
      nodes.add(new Node(name, Domains.ONNX, operator, inputs, List.of(output), attributes));
    }

    private String value(String role) {
      return graph.freshValue(root.output(0) + "/" + role);
    }

    private void gelu(String x, String approximate) {
      add("Gelu", Map.of("approximate", Attribute.of(approximate)), List.of(x), root.output(0));
    }

    /** x with an optional input of the root added. */
    private String plus(String x, int input) {
      if (!root.hasInput(input)) {
        return x;
      }
      String sum = value("biased");
      add("Add", Map.of(), List.of(x, root.input(input)), sum);
      return sum;
    }

    private void skipLayerNormalization() {
      String sum = plus(plus(root.input(0), 1), 4);
      if (root.hasOutput(3)) {
        add("Identity", Map.of(), List.of(sum), root.output(3));
      }
      Map<String, Attribute> attributes =
          Map.of("axis", Attribute.of(-1), "epsilon", Attribute.of(root.number("epsilon", 1e-12f)));
      List<String> inputs =
          root.hasInput(3)
              ? List.of(sum, root.input(2), root.input(3))
              : List.of(sum, root.input(2));
      add("LayerNormalization", attributes, inputs, root.output(0));
    }

    private void dynamicQuantizeMatMul() {
      String codes = value("codes");
      String scale = value("scale");
      String zeroPoint = value("zero_point");
      nodes.add(
          new Node(
              graph.freshNode(root.name() + "/DynamicQuantizeLinear"),
              Domains.ONNX,
              "DynamicQuantizeLinear",
              List.of(root.input(0)),
              List.of(codes, scale, zeroPoint),
              Map.of()));
      integerProduct(codes, scale, zeroPoint, 1, 2, 3, 4);
    }

    /** (codes - zeroPoint)(matrix - its zero point) * scale * its scale + bias. */
    private void integerProduct(
        String codes, String scale, String zeroPoint, int matrix, int step, int zero, int bias) {
      String sum = value("integers");
      List<String> operands = List.of(codes, root.input(matrix), zeroPoint, optional(root, zero));
      nodes.add(
          Node.of(graph.freshNode(root.name(), root), "MatMulInteger", operands, List.of(sum)));
      String real = value("real");
      add("Cast", Map.of("to", Attribute.of(DataType.FLOAT32.onnxCode())), List.of(sum), real);
      String scales = value("scales");
      add("Mul", Map.of(), List.of(scale, root.input(step)), scales);
      boolean biased = root.hasInput(bias);
      String product = biased ? value("product") : root.output(0);
      add("Mul", Map.of(), List.of(real, scales), product);
      if (biased) {
        add("Add", Map.of(), List.of(product, root.input(bias)), root.output(0));
      }
    }
  }
}
