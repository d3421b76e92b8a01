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
 * reads it: the gain and shift of a layer normalization, the outputs of a linear layer or of a
 * convolution whose activation function lets factors pass, or those of the layer that makes an
 * attention's values. Elsewhere, before linear layers, a multiplication is inserted.
 */
final class InputScaling {
  private static final int BIAS = 2;
  private static final int RESIDUAL = 3;

  private final Model model;
  private final Map<String, Node> producers;
  private final Map<String, List<Node>> consumers;
  private final HomogeneousPath path;
  private final Map<String, Weight> weights;
  private final Map<String, float[]> scaled = new LinkedHashMap<>(); // weights so far, by name
  private final Map<String, Node> changed = new LinkedHashMap<>(); // by name
  private final Map<String, Node> insertedAfter = new HashMap<>(); // by the value that they divide

  InputScaling(Model model) {
    this.model = model;
    this.producers = model.graph().producers();
    this.consumers = model.graph().consumers();
    this.path = new HomogeneousPath(model);
    this.weights = new LinkedHashMap<>(model.weights());
  }

  /** Layers by the value that they read, in order of execution. */
  static Map<String, List<Layer>> byInput(List<Layer> layers) {
    Map<String, List<Layer>> byInput = new LinkedHashMap<>();
    for (Layer layer : layers) {
      byInput.computeIfAbsent(layer.node().input(0), value -> new ArrayList<>()).add(layer);
    }
    return byInput;
  }

  /** The name of the layer whose weights can take the division of a value; null for none. */
  String layerBefore(String value, List<Layer> readers) {
    Node producer = scaledProducer(value, readers);
    return producer == null || isNormalization(producer) ? null : producer.name();
  }

  /**
   * Divides the channels of a value and multiplies what its readers' weights meet them with.
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
      channels(producer).divideOutputs(floats(producer.input(1)), factors);
      divideVectors(producer, List.of(BIAS), factors);
    }
    for (Layer reader : readers) {
      channels(reader.node()).multiplyInputs(floats(reader.weightName()), factors);
    }
  }

  /**
   * The largest weight behind each channel of a value, where a layer's outputs can take the
   * division; else null. Normalizations have no range of their own.
   */
  float[] producerRanges(String value, List<Layer> readers) {
    Node producer = scaledProducer(value, readers);
    if (producer == null || isNormalization(producer)) {
      return null;
    }
    Channels channels = channels(producer);
    float[] largest = new float[channels.outputs()];
    channels.rangesOfOutputs(floats(producer.input(1)), largest);
    return largest;
  }

  /** The largest weight that each channel of a value meets in its readers. */
  float[] readerRanges(List<Layer> readers) {
    float[] largest = new float[channels(readers.get(0).node()).inputs()];
    for (Layer reader : readers) {
      channels(reader.node()).rangesOfInputs(floats(reader.weightName()), largest);
    }
    return largest;
  }

  private Channels channels(Node layer) {
    return Channels.of(layer, weights.get(layer.input(1)).shape());
  }

  /** The node whose constants can take the division, or null. */
  private Node scaledProducer(String value, List<Layer> readers) {
    boolean onlyReaders =
        !model.graph().outputNames().contains(value)
            && consumers.getOrDefault(value, List.of()).size() == readers.size()
            && readers.stream().allMatch(reader -> readsOnce(reader.node(), value));
    if (!onlyReaders) {
      return null;
    }
    return readers.get(0).kind() == Layer.Kind.CONVOLUTION
        ? convolutionBefore(value, readers)
        : producerOfRows(value);
  }

  private Node convolutionBefore(String value, List<Layer> readers) {
    Node producer = producers.get(path.origin(value));
    if (producer == null
        || !producer.is(Domains.DEMITASSE, FusedOperators.FUSED_CONV)
        || !isHomogeneous(producer)) {
      return null;
    }
    int outputs = channels(producer).outputs();
    boolean fit =
        readers.stream()
            .allMatch(
                reader ->
                    reader.kind() == Layer.Kind.CONVOLUTION
                        && channels(reader.node()).inputs() == outputs);
    return fit ? producer : null;
  }

  private Node producerOfRows(String value) {
    Node producer = producers.get(value);
    if (producer == null) {
      return null;
    }
    if (isNormalization(producer)) {
      return producer.output(0).equals(value) && hasOwnVectors(producer) ? producer : null;
    }
    if (producer.is(Domains.DEMITASSE, FusedOperators.MULTI_HEAD_ATTENTION)) {
      return linearOfValues(producer.input(2));
    }
    return isHomogeneousLinear(producer) ? producer : null;
  }

  /** Attention averages its values channel by channel. */
  private Node linearOfValues(String values) {
    Node linear = producers.get(values);
    boolean alone =
        consumers.getOrDefault(values, List.of()).size() == 1
            && !model.graph().outputNames().contains(values);
    return alone && linear != null && isHomogeneousLinear(linear) ? linear : null;
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

  private boolean isHomogeneousLinear(Node node) {
    return node.is(Domains.DEMITASSE, FusedOperators.LINEAR) && isHomogeneous(node);
  }

  /** True for layers whose results can be scaled by scaling their weights. */
  private boolean isHomogeneous(Node layer) {
    boolean passes =
        switch (layer.text("activation", "none")) {
          case "none", "relu", "leaky_relu" -> layer.number("output_shift", 0) == 0;
          default -> false;
        };
    return passes
        && !layer.hasInput(RESIDUAL)
        && weights.get(layer.input(1)) instanceof DenseWeight weight
        && weight.elements() > 0
        && isReadOnce(layer.input(1))
        && (!layer.hasInput(BIAS)
            || weights.containsKey(layer.input(BIAS)) && isReadOnce(layer.input(BIAS)));
  }

  /** False for a layer that adds its own input, too. */
  private static boolean readsOnce(Node node, String value) {
    return node.inputs().stream().filter(value::equals).count() == 1;
  }

  private boolean isReadOnce(String value) {
    return consumers.getOrDefault(value, List.of()).size() == 1;
  }

  private void divideVectors(Node node, List<Integer> inputs, float[] factors) {
    for (int input : inputs) {
      if (node.hasInput(input)) {
        float[] values = floats(node.input(input));
        for (int i = 0; i < values.length; i++) {
          values[i] /= factors[i % factors.length];
        }
      }
    }
  }

  private void insertDivision(String value, List<Layer> readers, float[] factors) {
    float[] inverse = new float[factors.length];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = 1 / factors[i];
    }
    String constant = value + "/equalization";
    String result = value + "/equalized";
    weights.put(constant, new DenseWeight(Tensor.of(inverse, inverse.length)));
    insertedAfter.put(
        value, Node.of(value + "/Equalize", "Mul", List.of(value, constant), List.of(result)));
    for (Layer reader : readers) {
      Node node = changed.getOrDefault(reader.name(), reader.node());
      List<String> inputs = new ArrayList<>(node.inputs());
      inputs.set(0, result);
      changed.put(reader.name(), node.withInputs(inputs));
    }
  }

  /** The elements of a weight, to be changed in place. */
  private float[] floats(String name) {
    float[] values = scaled.get(name);
    if (values == null) {
      try (Tensor tensor = weights.get(name).dequantize()) {
        values = tensor.toFloats();
      }
      scaled.put(name, values);
    }
    return values;
  }

  /** The model with everything that was asked for. */
  Model finish() {
    scaled.forEach(
        (name, values) ->
            weights.put(name, new DenseWeight(Tensor.of(values, weights.get(name).shape()))));
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
