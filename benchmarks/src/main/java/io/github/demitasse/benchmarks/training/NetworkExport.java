package io.github.demitasse.benchmarks.training;

import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.training.Matrices.Matrix;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Confined to one thread: a trained network as a model of ONNX's operators. */
public final class NetworkExport {
  /** The name of the only input, [batch][channels][height][width]. */
  public static final String INPUT = "image";

  /** The name of the only output, [batch][classes]. */
  public static final String OUTPUT = "scores";

  private static final int OPSET = 17;

  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Integer> numbers = new HashMap<>();
  private String value = INPUT;
  private boolean flat;

  private NetworkExport() {}

  /** The model, for images of one size in batches of any. */
  public static Model of(
      String name,
      Network network,
      int channels,
      int height,
      int width,
      Map<String, String> notes) {
    NetworkExport export = new NetworkExport();
    for (int i = 0; i < network.layers().size(); i++) {
      export.add(network.layers().get(i), network.parameters().get(i));
    }
    Node last = export.nodes.remove(export.nodes.size() - 1);
    export.nodes.add(last.withOutputs(List.of(OUTPUT)));
    Dimension batch = Dimension.symbol("batch");
    Shape image =
        Shape.of(batch, Dimension.of(channels), Dimension.of(height), Dimension.of(width));
    Shape scores = Shape.of(batch, Dimension.of(network.classes()));
    Graph graph =
        new Graph(
            name,
            Map.of("", OPSET),
            List.of(new ValueInfo(INPUT, DataType.FLOAT32, image)),
            List.of(new ValueInfo(OUTPUT, DataType.FLOAT32, scores)),
            export.nodes,
            Map.of());
    return new Model(graph, export.weights, notes);
  }

  private void add(Layer layer, float[] parameters) {
    if (layer instanceof Convolution convolution) {
      add(convolution, parameters);
    } else if (layer instanceof FullyConnected linear) {
      add(linear, parameters);
    } else if (layer instanceof Lstm lstm) {
      add(lstm, parameters);
    } else if (layer instanceof MaxPooling) {
      node("MaxPool", Map.of("kernel_shape", integers(2, 2), "strides", integers(2, 2)));
    } else {
      node("Relu", Map.of());
    }
  }

  private void add(Convolution layer, float[] parameters) {
    int kernel = layer.kernel();
    int pad = layer.padding();
    String name = name("conv");
    int split = parameters.length - layer.filters();
    weight(
        name + ".weight",
        Arrays.copyOf(parameters, split),
        layer.filters(),
        layer.channels(),
        kernel,
        kernel);
    weight(name + ".bias", tail(parameters, split), layer.filters());
    Map<String, Attribute> attributes =
        Map.of("kernel_shape", integers(kernel, kernel), "pads", integers(pad, pad, pad, pad));
    node(name, "Conv", attributes, name + ".weight", name + ".bias");
  }

  private void add(FullyConnected layer, float[] parameters) {
    if (!flat) {
      node("Flatten", Map.of());
      flat = true;
    }
    String name = name("fc");
    int outputs = layer.outputs();
    weight(
        name + ".weight",
        transposed(parameters, 0, layer.inputs(), outputs),
        outputs,
        layer.inputs());
    weight(name + ".bias", tail(parameters, parameters.length - outputs), outputs);
    node(name, "Gemm", Map.of("transB", Attribute.of(1)), name + ".weight", name + ".bias");
  }

  /** The rows of an image are the steps; ONNX wants steps first. */
  private void add(Lstm layer, float[] parameters) {
    int hidden = layer.hidden();
    int columns = 4 * hidden;
    int features = layer.features();
    String name = name("lstm");
    weight(name + ".weight", transposed(parameters, 0, features, columns), 1, columns, features);
    weight(
        name + ".recurrence",
        transposed(parameters, features * columns, hidden, columns),
        1,
        columns,
        hidden);
    float[] bias = tail(parameters, parameters.length - columns);
    weight(name + ".bias", Arrays.copyOf(bias, 2 * columns), 1, 2 * columns);
    squeeze(1);
    node("Transpose", Map.of("perm", integers(1, 0, 2)));
    String last = name + ".last";
    nodes.add(
        new Node(
            name,
            "",
            "LSTM",
            List.of(value, name + ".weight", name + ".recurrence", name + ".bias"),
            List.of("", last),
            Map.of("hidden_size", Attribute.of(hidden))));
    value = last;
    squeeze(0);
    flat = true;
  }

  private void squeeze(long axis) {
    String name = name("squeeze");
    weights.put(name + ".axes", new DenseWeight(Tensor.of(new long[] {axis}, 1)));
    node(name, "Squeeze", Map.of(), name + ".axes");
  }

  private void node(String operator, Map<String, Attribute> attributes) {
    node(name(operator.toLowerCase(Locale.ROOT)), operator, attributes);
  }

  /** A node on the value so far and on weights. */
  private void node(
      String name, String operator, Map<String, Attribute> attributes, String... weights) {
    List<String> inputs = new ArrayList<>(List.of(value));
    inputs.addAll(List.of(weights));
    value = name + ".output";
    nodes.add(new Node(name, "", operator, inputs, List.of(value), attributes));
  }

  private String name(String kind) {
    return kind + numbers.merge(kind, 1, Integer::sum);
  }

  private void weight(String name, float[] values, long... shape) {
    weights.put(name, new DenseWeight(Tensor.of(values, shape)));
  }

  private static float[] tail(float[] values, int from) {
    return Arrays.copyOfRange(values, from, values.length);
  }

  /** [rows][columns] from an element on as [columns][rows]. */
  private static float[] transposed(float[] values, int from, int rows, int columns) {
    return new Matrix(values, from, rows, columns).transposed().values();
  }

  private static Attribute integers(long... values) {
    return Attribute.ofIntegers(Arrays.stream(values).boxed().toList());
  }
}
