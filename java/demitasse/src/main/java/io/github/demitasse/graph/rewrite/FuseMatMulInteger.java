package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * DynamicQuantizeLinear or QuantizeLinear, MatMulInteger by a constant, Cast and multiplication
 * with the scales become FakeQuantize and Linear.
 */
final class FuseMatMulInteger implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Mul");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    if (isScaledFurther(root, graph)) {
      return false;
    }
    Product product = Product.of(root.output(0), graph);
    for (String factor : product.factors()) {
      Node cast = graph.hasOneConsumer(factor) ? graph.producer(factor, "Cast") : null;
      boolean toFloat =
          cast != null
              && cast.integer("to", 0) == DataType.FLOAT32.onnxCode()
              && graph.hasOneConsumer(cast.input(0));
      Node integers = toFloat ? graph.producer(cast.input(0), "MatMulInteger") : null;
      if (integers != null) {
        List<String> scales = new ArrayList<>(product.factors());
        scales.remove(factor);
        double number = product.coefficient() * open(scales, graph);
        return fuse(root, integers, scales, number, graph);
      }
    }
    return false;
  }

  /** The product with all scales is found at the last multiplication. */
  private static boolean isScaledFurther(Node root, GraphEditor graph) {
    if (!graph.hasOneConsumer(root.output(0))) {
      return false;
    }
    Node reader = graph.consumers(root.output(0)).get(0);
    return reader.is("Mul")
        && (graph.weight(reader.input(0)) != null || graph.weight(reader.input(1)) != null);
  }

  /** Takes apart products of scales that several matrices share; the numbers among them. */
  private static double open(List<String> scales, GraphEditor graph) {
    double factor = 1;
    for (String scale : List.copyOf(scales)) {
      Node shared = graph.producer(scale, "Mul");
      if (shared == null) {
        continue;
      }
      scales.remove(scale);
      for (String part : shared.inputs()) {
        double number = Constants.scalar(graph.weight(part));
        if (Double.isNaN(number)) {
          scales.add(part);
        } else {
          factor *= number;
        }
      }
    }
    return factor;
  }

  private static boolean fuse(
      Node root, Node integers, List<String> scales, double coefficient, GraphEditor graph) {
    Node quantize = graph.producer(integers.input(0));
    Map<String, Attribute> quantization = null;
    double factor = coefficient;
    if (quantize != null && quantize.is("DynamicQuantizeLinear")) {
      boolean own =
          integers.input(0).equals(quantize.output(0))
              && FakeQuantizes.inputOrNone(integers, 2).equals(quantize.output(2));
      if (own && scales.remove(quantize.output(1))) {
        quantization = FakeQuantizes.DYNAMIC_TENSOR;
      }
    } else if (quantize != null && quantize.is("QuantizeLinear")) {
      boolean own =
          FakeQuantizes.inputOrNone(integers, 2).equals(FakeQuantizes.inputOrNone(quantize, 2));
      quantization =
          own
              ? FakeQuantizes.fixed(
                  graph.type(integers.input(0)),
                  quantize.input(1),
                  FakeQuantizes.inputOrNone(quantize, 2),
                  graph)
              : null;
      factor /= Constants.scalar(graph.weight(quantize.input(1)));
    }
    if (quantization == null || scales.size() > 1) {
      return false;
    }
    IntegerMatMul matrix =
        new IntegerMatMul(integers.input(1), FakeQuantizes.inputOrNone(integers, 3));
    QuantizedWeight weight = matrix.weight(scales.isEmpty() ? null : scales.get(0), factor, graph);
    if (weight == null) {
      return false;
    }
    matrix.replace(root, integers, quantize.input(0), quantization, weight, "", graph);
    return true;
  }
}
