package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Builds small models for tests, node by node. */
public final class ModelBuilder {
  private final List<ValueInfo> inputs = new ArrayList<>();
  private final List<ValueInfo> outputs = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private final Random random = new Random(7);

  /** Dimensions are sizes or, as strings, symbols. */
  public ModelBuilder input(String name, DataType type, Object... dimensions) {
    inputs.add(new ValueInfo(name, type, shape(dimensions)));
    return this;
  }

  public ModelBuilder output(String name, DataType type, Object... dimensions) {
    outputs.add(new ValueInfo(name, type, shape(dimensions)));
    return this;
  }

  private static Shape shape(Object... dimensions) {
    Dimension[] all = new Dimension[dimensions.length];
    for (int i = 0; i < all.length; i++) {
      all[i] =
          dimensions[i] instanceof String symbol
              ? Dimension.symbol(symbol)
              : Dimension.of(((Number) dimensions[i]).longValue());
    }
    return Shape.of(all);
  }

  public ModelBuilder weight(String name, Weight weight) {
    weights.put(name, weight);
    return this;
  }

  public ModelBuilder weight(String name, Tensor tensor) {
    return weight(name, new DenseWeight(tensor));
  }

  /** A FLOAT32 weight of normal random numbers. */
  public ModelBuilder random(String name, long... shape) {
    Tensor tensor = Tensor.allocate(DataType.FLOAT32, shape);
    var values = tensor.buffer().asFloatBuffer();
    while (values.hasRemaining()) {
      values.put((float) random.nextGaussian() * 0.3f);
    }
    return weight(name, tensor);
  }

  public ModelBuilder fused(
      String operator, List<String> from, List<String> to, Map<String, Attribute> attributes) {
    return node(Domains.DEMITASSE, operator, from, to, attributes);
  }

  public ModelBuilder node(String operator, List<String> from, String to) {
    return node("", operator, from, List.of(to), Map.of());
  }

  public ModelBuilder node(
      String domain,
      String operator,
      List<String> from,
      List<String> to,
      Map<String, Attribute> attributes) {
    nodes.add(new Node(operator + nodes.size(), domain, operator, from, to, attributes));
    return this;
  }

  public Model build() {
    Map<String, Integer> opsets = Map.of("", 21, Domains.DEMITASSE, 1, Domains.MICROSOFT, 1);
    Graph graph = new Graph("test", opsets, inputs, outputs, nodes, Map.of());
    return new Model(graph, weights, Map.of());
  }
}
