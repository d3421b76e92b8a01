package io.github.demitasse.format.onnx;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Not thread-safe: turns weights into what ONNX has: initializers, and nodes that give back the
 * logical values from encoded ones.
 *
 * <p>A halved weight becomes an initializer and a {@code Cast}; where the operator set cannot cast
 * BFLOAT16 (below 13) it is written as FLOAT32. A quantized one becomes codes, scales, zero points
 * and a {@code DequantizeLinear}; where the operator set is too old for that (per channel below 13,
 * per group or 4 bits below 21) it is spelled out as Cast, Sub, Mul. A codebook has no operator of
 * its own: its codes are looked up with a Gather and multiplied with the scales; where the operator
 * set has no 4-bit type (below 21) codes are written as bytes. Signs are quantized codes of 1 and
 * -1.
 */
final class StoredWeights {
  private static final int CAST_BFLOAT16 = 13;
  private static final int DEQUANTIZE = 10;
  private static final int DEQUANTIZE_PER_CHANNEL = 13;
  private static final int DEQUANTIZE_PER_GROUP = 21;
  private static final int FOUR_BITS = 21;

  private final int opset;
  private final Set<String> names = new HashSet<>();
  private final Map<String, Tensor> initializers = new LinkedHashMap<>();
  private final List<Node> nodes = new ArrayList<>();

  private StoredWeights(int opset) {
    this.opset = opset;
  }

  /** A graph that reads encoded weights through nodes, and its initializers. */
  record Result(Graph graph, Map<String, Tensor> initializers) {}

  static Result of(Model model) {
    Graph graph = model.graph();
    StoredWeights stored = new StoredWeights(graph.opset());
    stored.names.addAll(model.weights().keySet());
    graph.inputs().forEach(input -> stored.names.add(input.name()));
    for (Node node : graph.nodes()) {
      stored.names.add(node.name());
      stored.names.addAll(node.outputs());
    }
    model.weights().forEach(stored::add);
    stored.nodes.addAll(graph.nodes());
    return new Result(graph.withNodes(stored.nodes), stored.initializers);
  }

  /** The operator set that lets every weight be written as it is stored. */
  static int wantedOpset(Model model) {
    int wanted = model.graph().opset();
    for (Weight weight : model.weights().values()) {
      if (weight instanceof QuantizedWeight quantized) {
        wanted = Math.max(wanted, needed(quantized));
      } else if (weight instanceof CodebookWeight || weight instanceof BinaryWeight) {
        wanted = Math.max(wanted, FOUR_BITS);
      } else if (weight.type() == DataType.FLOAT32) {
        for (Tensor part : weight.parts().values()) {
          wanted = Math.max(wanted, neededToCast(part.type()));
        }
      }
    }
    return wanted;
  }

  private static int neededToCast(DataType type) {
    return type == DataType.BFLOAT16 ? CAST_BFLOAT16 : 0;
  }

  private static int needed(QuantizedWeight weight) {
    Granularity granularity = weight.granularity();
    if (granularity instanceof Granularity.PerGroup || weight.codes().type().bits() == 4) {
      return DEQUANTIZE_PER_GROUP;
    }
    return granularity instanceof Granularity.PerChannel ? DEQUANTIZE_PER_CHANNEL : DEQUANTIZE;
  }

  private void add(String name, Weight weight) {
    if (weight instanceof DenseWeight dense) {
      if (dense.type() == dense.tensor().type()) {
        initializers.put(name, dense.tensor());
      } else if (opset < neededToCast(dense.tensor().type())) {
        initializers.put(name, dense.dequantize());
      } else {
        String stored = initializer(name + "_" + dense.encoding(), dense.tensor());
        nodes.add(cast(name + "_cast", stored, name, DataType.FLOAT32));
      }
    } else if (weight instanceof QuantizedWeight quantized) {
      boolean sayable = opset >= needed(quantized) && quantized.codes().type().bits() >= 4;
      QuantizedWeight written = sayable ? quantized : withBytes(quantized);
      if (opset >= needed(written)) {
        addDequantizeLinear(name, written);
      } else {
        addArithmetic(name, written);
      }
    } else if (weight instanceof CodebookWeight book) {
      addLookup(name, book);
    } else if (weight instanceof BinaryWeight binary) {
      add(name, codes(binary));
    } else {
      initializers.put(name, weight.dequantize().leaveToCollector());
    }
  }

  /** Signs as the smallest codes that the operator set has for them. */
  private static QuantizedWeight codes(BinaryWeight weight) {
    byte[] signs = weight.signs().toBytes();
    long[] codes = new long[weight.rows() * weight.columns()];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (signs[i / 8] >> i % 8 & 1) != 0 ? 1 : -1;
    }
    return new QuantizedWeight(
        Tensor.ofIntegers(DataType.INT4, codes, weight.shape()),
        weight.scales(),
        null,
        weight.granularity());
  }

  /** The same with codes of 8 bits, for what the operator set has no type for. */
  private static QuantizedWeight withBytes(QuantizedWeight weight) {
    return weight.codes().type().bits() == 8
        ? weight
        : new QuantizedWeight(
            bytes(weight.codes()),
            weight.scales(),
            weight.zeroPoints() == null ? null : bytes(weight.zeroPoints()),
            weight.granularity());
  }

  private static Tensor bytes(Tensor codes) {
    boolean unsigned = codes.type() == DataType.UINT4 || codes.type() == DataType.UINT2;
    return Tensor.ofIntegers(
        unsigned ? DataType.UINT8 : DataType.INT8, codes.toLongs(), codes.shape());
  }

  /** The type of the scales is the type of the result. */
  private static Tensor floatScales(Tensor scales, long[] shape) {
    return scales.type() == DataType.FLOAT32
        ? scales.reshaped(shape)
        : Tensor.of(scales.toFloats(), shape).leaveToCollector();
  }

  private void addDequantizeLinear(String name, QuantizedWeight weight) {
    long[] shape = scaleShape(weight);
    List<String> inputs = new ArrayList<>();
    inputs.add(initializer(name + "_quantized", weight.codes()));
    inputs.add(initializer(name + "_scale", floatScales(weight.scales(), shape)));
    if (weight.zeroPoints() != null) {
      inputs.add(initializer(name + "_zero_point", weight.zeroPoints().reshaped(shape)));
    }
    Map<String, Attribute> attributes = Map.of();
    if (weight.granularity() instanceof Granularity.PerChannel channel) {
      attributes = Map.of("axis", Attribute.of((long) channel.axis()));
    } else if (weight.granularity() instanceof Granularity.PerGroup group) {
      attributes =
          Map.of(
              "axis",
              Attribute.of((long) group.axis()),
              "block_size",
              Attribute.of((long) group.size()));
    }
    String node = unique(name + "_dequantize");
    nodes.add(new Node(node, "", "DequantizeLinear", inputs, List.of(name), attributes));
  }

  /** {@code scale * (cast(codes) - zero point)} with scales shaped so that they broadcast. */
  private void addArithmetic(String name, QuantizedWeight weight) {
    Tensor codes = weight.codes().reshaped(splitShape(weight.shape(), weight.granularity()));
    String value = unique(name + "_float");
    nodes.add(
        cast(name + "_cast", initializer(name + "_quantized", codes), value, DataType.FLOAT32));
    if (weight.zeroPoints() != null) {
      long[] shape = broadcastShape(weight.shape(), weight.granularity());
      Tensor zero = Tensor.of(weight.zeroPoints().toFloats(), shape);
      String shifted = unique(name + "_shifted");
      nodes.add(binary("Sub", value, initializer(name + "_zero_point", zero), shifted));
      value = shifted;
    }
    addScaling(name, value, weight.scales(), weight.shape(), weight.granularity());
  }

  /** {@code scale * levels[codes]}. */
  private void addLookup(String name, CodebookWeight weight) {
    Tensor codes = weight.codes().reshaped(splitShape(weight.shape(), weight.granularity()));
    String stored = initializer(name + "_quantized", opset < FOUR_BITS ? bytes(codes) : codes);
    String indices = unique(name + "_codes");
    nodes.add(cast(name + "_cast", stored, indices, DataType.INT32));
    String levels = unique(name + "_levels");
    nodes.add(
        Node.of(
            unique(name + "_lookup"),
            "Gather",
            List.of(initializer(name + "_codebook", weight.codebook()), indices),
            List.of(levels)));
    addScaling(name, levels, weight.scales(), weight.shape(), weight.granularity());
  }

  /** The weight from what has its split shape and is to be multiplied with scales. */
  private void addScaling(
      String name, String value, Tensor scales, long[] shape, Granularity granularity) {
    boolean grouped = granularity instanceof Granularity.PerGroup;
    String scaled = grouped ? unique(name + "_scaled") : name;
    Tensor factors = floatScales(scales, broadcastShape(shape, granularity));
    nodes.add(binary("Mul", value, initializer(name + "_scale", factors), scaled));
    if (grouped) {
      String target = initializer(name + "_shape", Tensor.of(shape, shape.length));
      nodes.add(binary("Reshape", scaled, target, name));
    }
  }

  /** Shape of the scales for {@code DequantizeLinear}. */
  private static long[] scaleShape(QuantizedWeight weight) {
    if (weight.granularity() instanceof Granularity.PerChannel) {
      return new long[] {weight.scales().elements()};
    } else if (weight.granularity() instanceof Granularity.PerGroup group) {
      long[] shape = weight.shape();
      shape[group.axis()] /= group.size();
      return shape;
    }
    return new long[0];
  }

  /** A weight's shape; the axis of groups divided into groups and members. */
  private static long[] splitShape(long[] shape, Granularity granularity) {
    return granularity instanceof Granularity.PerGroup group
        ? withGroups(shape, group, group.size())
        : shape;
  }

  /** The scales' shape that broadcasts to {@link #splitShape}. */
  private static long[] broadcastShape(long[] shape, Granularity granularity) {
    if (granularity instanceof Granularity.PerGroup group) {
      return withGroups(shape, group, 1);
    }
    long[] broadcast = new long[shape.length];
    Arrays.fill(broadcast, 1);
    if (granularity instanceof Granularity.PerChannel channel) {
      broadcast[channel.axis()] = shape[channel.axis()];
    }
    return broadcast;
  }

  private static long[] withGroups(long[] shape, Granularity.PerGroup group, long members) {
    long[] split = new long[shape.length + 1];
    System.arraycopy(shape, 0, split, 0, group.axis());
    split[group.axis()] = shape[group.axis()] / group.size();
    split[group.axis() + 1] = members;
    System.arraycopy(
        shape, group.axis() + 1, split, group.axis() + 2, shape.length - group.axis() - 1);
    return split;
  }

  private Node cast(String name, String input, String output, DataType type) {
    return new Node(
        unique(name),
        "",
        "Cast",
        List.of(input),
        List.of(output),
        Map.of("to", Attribute.of((long) type.onnxCode())));
  }

  private Node binary(String operator, String left, String right, String output) {
    String name = unique(output + "_" + operator.toLowerCase(Locale.ROOT));
    return Node.of(name, operator, List.of(left, right), List.of(output));
  }

  private String initializer(String wanted, Tensor tensor) {
    String name = unique(wanted);
    initializers.put(name, tensor);
    return name;
  }

  private String unique(String wanted) {
    String name = wanted;
    for (int i = 2; !names.add(name); i++) {
      name = wanted + "_" + i;
    }
    return name;
  }
}
