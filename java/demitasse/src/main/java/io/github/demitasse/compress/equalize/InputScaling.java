package io.github.demitasse.compress.equalize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: divides channels of activations by factors and multiplies the rows of the
 * weights that meet them, so that the model computes what it did.
 *
 * <p>The division goes into what produces the activation, where that is possible and nobody else
 * reads it: the gain and shift of a layer normalization, the columns of a linear layer without
 * activation function or with ReLU, or those of the layer that makes an attention's values.
 * Elsewhere a multiplication is inserted.
 */
final class InputScaling {
  private static final int BIAS = 2;

  private final Model model;
  private final Map<String, Node> producers;
  private final Map<String, List<Node>> consumers;
  private final Map<String, Weight> weights;
  private final Map<String, Node> changed = new LinkedHashMap<>(); // by name
  private final Map<String, Node> insertedAfter = new HashMap<>(); // by the value that they divide

  InputScaling(Model model) {
    this.model = model;
    this.producers = model.graph().producers();
    this.consumers = model.graph().consumers();
    this.weights = new LinkedHashMap<>(model.weights());
  }

  /** Linear layers by the value that they read, in order of execution. */
  static Map<String, List<Layer>> byInput(List<Layer> layers) {
    Map<String, List<Layer>> byInput = new LinkedHashMap<>();
    for (Layer layer : layers) {
      byInput.computeIfAbsent(layer.node().input(0), value -> new ArrayList<>()).add(layer);
    }
    return byInput;
  }

  /** True when dividing this value costs nothing at run time. */
  boolean isFree(String value, List<Layer> readers) {
    return scaledProducer(value, readers) != null;
  }

  /**
   * Divides the channels of a value and multiplies the rows of its readers' weights.
   *
   * @param factors positive, one for each channel
   * @param readers layers that read the value and share their weights with no others
   */
  void divide(String value, List<Layer> readers, float[] factors) {
    Node producer = scaledProducer(value, readers);
    if (producer == null) {
      insertDivision(value, readers, factors);
    } else if (isNormalization(producer)) {
      boolean skip = producer.domain().equals(Domains.DEMITASSE);
      divideVectors(producer, skip ? List.of(2, 3) : List.of(1, 2), factors);
    } else {
      divideColumns(producer, factors);
    }
    for (Layer reader : readers) {
      multiplyRows(reader, factors);
    }
  }

  /**
   * The largest weight behind each channel of a value, where a linear layer's columns can take the
   * division; else null. Normalizations have no range of their own.
   */
  float[] producerRanges(String value, List<Layer> readers) {
    Node producer = scaledProducer(value, readers);
    if (producer == null || isNormalization(producer)) {
      return null;
    }
    float[] values = floats(producer.input(1));
    float[] largest = new float[Math.toIntExact(weights.get(producer.input(1)).shape()[1])];
    for (int i = 0; i < values.length; i++) {
      int column = i % largest.length;
      largest[column] = Math.max(largest[column], Math.abs(values[i]));
    }
    return largest;
  }

  /** The node whose constants can take the division, or null. */
  private Node scaledProducer(String value, List<Layer> readers) {
    Node producer = producers.get(value);
    boolean onlyReaders =
        !model.graph().outputNames().contains(value)
            && consumers.getOrDefault(value, List.of()).size() == readers.size();
    if (producer == null || !onlyReaders) {
      return null;
    }
    if (isNormalization(producer)) {
      return producer.output(0).equals(value) && hasOwnVectors(producer) ? producer : null;
    }
    if (producer.is(Domains.DEMITASSE, FusedOperators.MULTI_HEAD_ATTENTION)) {
      return linearOfValues(producer.input(2));
    }
    return isHomogeneous(producer) ? producer : null;
  }

  /** Attention averages its values channel by channel. */
  private Node linearOfValues(String values) {
    Node linear = producers.get(values);
    boolean alone =
        consumers.getOrDefault(values, List.of()).size() == 1
            && !model.graph().outputNames().contains(values);
    return alone && linear != null && isHomogeneous(linear) ? linear : null;
  }

  private static boolean isNormalization(Node node) {
    return node.is("LayerNormalization")
        || node.is(Domains.DEMITASSE, FusedOperators.SKIP_LAYER_NORMALIZATION);
  }

  private boolean hasOwnVectors(Node normalization) {
    return normalization.inputs().stream()
        .skip(1)
        .filter(weights::containsKey)
        .allMatch(this::isReadOnce);
  }

  /** True for layers whose results can be scaled by scaling their weights. */
  private boolean isHomogeneous(Node node) {
    String activation = node.text("activation", "none");
    return node.is(Domains.DEMITASSE, FusedOperators.LINEAR)
        && (activation.equals("none") || activation.equals("relu"))
        && !node.hasInput(3)
        && weights.get(node.input(1)) instanceof DenseWeight
        && isReadOnce(node.input(1))
        && (!node.hasInput(BIAS)
            || weights.containsKey(node.input(BIAS)) && isReadOnce(node.input(BIAS)));
  }

  private boolean isReadOnce(String value) {
    return consumers.getOrDefault(value, List.of()).size() == 1;
  }

  private void divideVectors(Node node, List<Integer> inputs, float[] factors) {
    for (int input : inputs) {
      if (node.hasInput(input)) {
        float[] values = floats(node.input(input));
        for (int i = 0; i < values.length; i++) {
          values[i] /= factors[i];
        }
        put(node.input(input), values, values.length);
      }
    }
  }

  private void divideColumns(Node linear, float[] factors) {
    float[] values = floats(linear.input(1));
    int columns = factors.length;
    for (int i = 0; i < values.length; i++) {
      values[i] /= factors[i % columns];
    }
    put(linear.input(1), values, values.length / columns, columns);
    divideVectors(linear, List.of(BIAS), factors);
  }

  private void multiplyRows(Layer reader, float[] factors) {
    float[] values = floats(reader.weightName());
    int columns = values.length / factors.length;
    for (int i = 0; i < values.length; i++) {
      values[i] *= factors[i / columns];
    }
    put(reader.weightName(), values, factors.length, columns);
  }

  private void insertDivision(String value, List<Layer> readers, float[] factors) {
    float[] inverse = new float[factors.length];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = 1 / factors[i];
    }
    String constant = value + "/equalization";
    String result = value + "/equalized";
    put(constant, inverse, inverse.length);
    insertedAfter.put(
        value, Node.of(value + "/Equalize", "Mul", List.of(value, constant), List.of(result)));
    for (Layer reader : readers) {
      Node node = changed.getOrDefault(reader.name(), reader.node());
      List<String> inputs = new ArrayList<>(node.inputs());
      inputs.set(0, result);
      changed.put(reader.name(), node.withInputs(inputs));
    }
  }

  private float[] floats(String name) {
    try (Tensor tensor = weights.get(name).dequantize()) {
      return tensor.toFloats();
    }
  }

  private void put(String name, float[] values, long... shape) {
    weights.put(name, new DenseWeight(Tensor.of(values, shape)));
  }

  /** The model with everything that was asked for. */
  Model finish() {
    List<Node> nodes = new ArrayList<>();
    insertedAfter.values().stream()
        .filter(inserted -> !producers.containsKey(inserted.input(0)))
        .forEach(nodes::add); // divides an input of the model
    for (Node node : model.graph().nodes()) {
      nodes.add(changed.getOrDefault(node.name(), node));
      for (String output : node.outputs()) {
        if (insertedAfter.containsKey(output)) {
          nodes.add(insertedAfter.get(output));
        }
      }
    }
    return model.withWeights(weights).withGraph(model.graph().withNodes(nodes));
  }
}
