package io.github.demitasse.compress.quantize;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.compress.StepContext;
import io.github.demitasse.compress.statistics.ChannelStatistics;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to one thread: takes the mean error of quantized layers off their biases, as the
 * empirical bias correction of Nagel et al. 2019 ("Data-Free Quantization Through Weight
 * Equalization and Bias Correction", appendix D): {@code b += E[W x] - E[W' x']}, for each output
 * channel, where x is the original layer's input and x' what the quantized and already corrected
 * layers before it give.
 *
 * <p>The paper's other form, {@code b += E[x] (W - W')}, needs one mean per input channel but holds
 * for convolutions only where no window reaches into the padding, and sees neither the clipping of
 * activations nor what activation functions make of earlier errors. So both means are measured: of
 * the products and sums alone, before bias, residual and activation function, over all rows of a
 * linear layer's output, and over all pixels of a convolution's, where each image counts alike.
 * Layers that do not depend on one another share a pass over the data.
 */
final class BiasCorrection {
  private static final int BIAS = 2;

  private final Model original;
  private final StepContext context;
  private final Map<String, Weight> weights;
  private Model corrected;

  private BiasCorrection(Model original, Model quantized, StepContext context) {
    this.original = original;
    this.context = context;
    this.weights = new LinkedHashMap<>(quantized.weights());
    this.corrected = quantized;
  }

  /**
   * The quantized model with corrected biases; layers without one get one.
   *
   * @param layers of the original model; lookup tables among them are passed over
   * @throws IllegalArgumentException if the calibration data holds no sample or gives NaN or
   *     infinite values
   */
  static Model apply(Model original, Model quantized, List<Layer> layers, StepContext context) {
    List<Layer> correctable =
        layers.stream().filter(layer -> isCorrectable(layer, original)).toList();
    return new BiasCorrection(original, quantized, context).correct(correctable);
  }

  private static boolean isCorrectable(Layer layer, Model model) {
    boolean multiplies =
        layer.kind() == Layer.Kind.LINEAR || layer.kind() == Layer.Kind.CONVOLUTION;
    boolean constant =
        !layer.node().hasInput(BIAS) || model.weights().containsKey(layer.node().input(BIAS));
    return multiplies && constant && layer.weight().elements() > 0;
  }

  private Model correct(List<Layer> layers) {
    if (layers.isEmpty()) {
      return corrected;
    }
    Map<String, float[]> wanted = meanProducts(original, layers);
    long done = 0;
    context.progress().progress("correct biases", done, layers.size());
    for (List<Layer> stage : stages(corrected.graph(), layers)) {
      Map<String, float[]> given = meanProducts(corrected, stage);
      for (Layer layer : stage) {
        correct(layer, wanted.get(layer.name()), given.get(layer.name()));
        context.progress().progress("correct biases", ++done, layers.size());
      }
    }
    return corrected;
  }

  /** Layers with equally many others on the longest way to them, beginning with the first. */
  private static Iterable<List<Layer>> stages(Graph graph, List<Layer> layers) {
    Map<String, Layer> byName = new HashMap<>();
    layers.forEach(layer -> byName.put(layer.name(), layer));
    Map<String, Integer> depths = new HashMap<>(); // by value
    Map<Integer, List<Layer>> stages = new TreeMap<>();
    for (Node node : graph.nodes()) {
      int depth = 0;
      for (String input : node.inputs()) {
        depth = Math.max(depth, depths.getOrDefault(input, 0));
      }
      Layer layer = byName.get(node.name());
      if (layer != null) {
        stages.computeIfAbsent(depth, key -> new ArrayList<>()).add(layer);
        depth++;
      }
      for (String output : node.outputs()) {
        depths.put(output, depth);
      }
    }
    return stages.values();
  }

  /** The mean of each layer's products over the calibration data, by layer and output channel. */
  private Map<String, float[]> meanProducts(Model model, List<Layer> layers) {
    Map<String, Node> nodes = new HashMap<>();
    model.graph().nodes().forEach(node -> nodes.put(node.name(), node));
    List<Node> withProbes = new ArrayList<>(model.graph().nodes());
    Map<String, ChannelStatistics> statistics = new LinkedHashMap<>();
    Map<String, String> probed = new LinkedHashMap<>();
    for (Layer layer : layers) {
      String products = layer.name() + "/products";
      withProbes.add(productsAlone(nodes.get(layer.name()), products));
      if (layer.kind() == Layer.Kind.CONVOLUTION) {
        String mean = products + "/mean";
        withProbes.add(Node.of(mean, "GlobalAveragePool", List.of(products), List.of(mean)));
        products = mean;
      }
      statistics.put(products, new ChannelStatistics(outputs(layer)));
      probed.put(layer.name(), products);
    }
    context.observe(model.withGraph(model.graph().withNodes(withProbes)), statistics);
    Map<String, float[]> means = new HashMap<>();
    probed.forEach((layer, value) -> means.put(layer, statistics.get(value).means()));
    return means;
  }

  private static int outputs(Layer layer) {
    int axis = layer.kind() == Layer.Kind.LINEAR ? 1 : 0;
    return Math.toIntExact(layer.weight().shape()[axis]);
  }

  /** The layer without bias, residual, activation function and what is done to its result. */
  private static Node productsAlone(Node layer, String name) {
    Map<String, Attribute> attributes = new HashMap<>(layer.attributes());
    attributes
        .keySet()
        .removeAll(List.of("output_scale", "output_shift", "residual_first", "blocksize"));
    attributes.put("activation", Attribute.of("none"));
    return new Node(
        name,
        layer.domain(),
        layer.operator(),
        List.of(layer.input(0), layer.input(1)),
        List.of(name),
        attributes);
  }

  private void correct(Layer layer, float[] wanted, float[] given) {
    Node node = layer.node();
    float[] bias =
        node.hasInput(BIAS) ? floats(weights.get(node.input(BIAS))) : new float[wanted.length];
    for (int c = 0; c < bias.length; c++) {
      bias[c] += wanted[c] - given[c];
    }
    String name = layer.name() + "/corrected_bias";
    weights.put(name, new DenseWeight(Tensor.of(bias, bias.length)));
    List<Node> nodes =
        corrected.graph().nodes().stream()
            .map(other -> other.name().equals(layer.name()) ? withBias(other, name) : other)
            .toList();
    corrected = corrected.withWeights(weights).withGraph(corrected.graph().withNodes(nodes));
  }

  private static float[] floats(Weight weight) {
    try (Tensor tensor = weight.dequantize()) {
      return tensor.toFloats();
    }
  }

  private static Node withBias(Node node, String name) {
    List<String> inputs = new ArrayList<>(node.inputs());
    while (inputs.size() <= BIAS) {
      inputs.add("");
    }
    inputs.set(BIAS, name);
    return node.withInputs(inputs);
  }
}
