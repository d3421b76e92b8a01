package io.github.demitasse.format.onnx;

import com.google.protobuf.ByteString;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.onnx.proto.AttributeProto;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.NodeProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.format.onnx.proto.TensorShapeProto;
import io.github.demitasse.format.onnx.proto.TypeProto;
import io.github.demitasse.format.onnx.proto.ValueInfoProto;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.TopologicalOrder;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Not thread-safe: translates graphs with their nodes, attributes and value types. */
final class OnnxGraphReader {
  private final Path file;
  private final Map<String, Integer> opsets;
  private final ExternalData external;

  OnnxGraphReader(Path file, Map<String, Integer> opsets, ExternalData external) {
    this.file = file;
    this.opsets = opsets;
    this.external = external;
  }

  /**
   * The model's graph, its nodes in the order of the file.
   *
   * @param weights the initializers; the values of {@code Constant} nodes are added
   */
  Graph readMain(GraphProto proto, Map<String, Weight> weights) {
    if (proto.getSparseInitializerCount() > 0) {
      String name = proto.getSparseInitializer(0).getValues().getName();
      throw broken("initializer '" + name + "' is sparse, which is not supported");
    }
    List<Node> nodes = new ArrayList<>();
    for (Node node : nodes(proto)) {
      if (node.is("Constant") && node.outputs().size() == 1) {
        String name = node.output(0);
        if (weights.put(name, new DenseWeight(constant(node))) != null) {
          throw broken("value '" + name + "' is defined twice");
        }
      } else {
        nodes.add(node);
      }
    }
    List<ValueInfo> inputs =
        values(proto.getInputList()).stream()
            .filter(input -> !weights.containsKey(input.name()))
            .toList();
    return graph(proto, inputs, nodes);
  }

  /** A graph inside an attribute; its initializers become {@code Constant} nodes. */
  private Graph readSubgraph(GraphProto proto) {
    if (proto.getSparseInitializerCount() > 0) {
      throw broken("graph '" + proto.getName() + "' has sparse initializers, not supported");
    }
    List<Node> nodes = new ArrayList<>();
    Set<String> constants = new HashSet<>();
    for (TensorProto initializer : proto.getInitializerList()) {
      Tensor value = OnnxTensors.tensor(file, initializer, null, external);
      constants.add(initializer.getName());
      nodes.add(
          new Node(
              "Constant_of_" + initializer.getName(),
              "",
              "Constant",
              List.of(),
              List.of(initializer.getName()),
              Map.of("value", Attribute.of(value))));
    }
    nodes.addAll(nodes(proto));
    List<ValueInfo> inputs =
        values(proto.getInputList()).stream()
            .filter(input -> !constants.contains(input.name()))
            .toList();
    Graph graph = graph(proto, inputs, nodes);
    Set<String> given = new HashSet<>(TopologicalOrder.captured(graph));
    graph.inputs().forEach(input -> given.add(input.name()));
    try {
      return graph.withNodes(TopologicalOrder.of(nodes, given));
    } catch (IllegalArgumentException invalid) {
      throw broken("graph '" + proto.getName() + "': " + invalid.getMessage());
    }
  }

  private Graph graph(GraphProto proto, List<ValueInfo> inputs, List<Node> nodes) {
    Map<String, ValueInfo> known = new LinkedHashMap<>();
    for (ValueInfo value : values(proto.getValueInfoList())) {
      known.putIfAbsent(value.name(), value);
    }
    return new Graph(proto.getName(), opsets, inputs, values(proto.getOutputList()), nodes, known);
  }

  private List<Node> nodes(GraphProto proto) {
    Set<String> given = new HashSet<>();
    proto.getNodeList().forEach(node -> given.add(node.getName()));
    Set<String> used = new HashSet<>();
    List<Node> nodes = new ArrayList<>();
    for (int i = 0; i < proto.getNodeCount(); i++) {
      NodeProto node = proto.getNode(i);
      String name = node.getName();
      if (name.isEmpty()) {
        name = unique(node.getOpType() + "_" + i, given, used);
      } else if (used.contains(name)) {
        name = unique(name + "_" + i, given, used);
      }
      used.add(name);
      nodes.add(node(node, name));
    }
    return nodes;
  }

  private static String unique(String wanted, Set<String> given, Set<String> used) {
    String name = wanted;
    for (int i = 2; given.contains(name) || used.contains(name); i++) {
      name = wanted + "_" + i;
    }
    return name;
  }

  private Node node(NodeProto proto, String name) {
    if (proto.getOpType().isEmpty()) {
      throw broken("node '" + name + "' has no operator");
    }
    String domain = proto.getDomain().equals("ai.onnx") ? Domains.ONNX : proto.getDomain();
    if (!opsets.containsKey(domain)) {
      throw broken(
          "node '" + name + "': the model imports no operator set of domain '" + domain + "'");
    }
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    for (AttributeProto attribute : proto.getAttributeList()) {
      String where = "attribute '" + attribute.getName() + "' of node '" + name + "'";
      if (attributes.put(attribute.getName(), attribute(attribute, where)) != null) {
        throw broken(where + " is given twice");
      }
    }
    return new Node(
        name, domain, proto.getOpType(), proto.getInputList(), proto.getOutputList(), attributes);
  }

  private Attribute attribute(AttributeProto proto, String where) {
    if (!proto.getRefAttrName().isEmpty()) {
      throw broken(where + " refers to an attribute of a function outside a function");
    }
    int kind = proto.hasType() ? proto.getType() : AttributeKind.guess(proto);
    return switch (kind) {
      case AttributeKind.FLOAT -> new Attribute.OfFloat(proto.getF());
      case AttributeKind.INT -> new Attribute.OfInteger(proto.getI());
      case AttributeKind.STRING -> new Attribute.OfString(text(proto.getS(), where));
      case AttributeKind.TENSOR ->
          new Attribute.OfTensor(OnnxTensors.tensor(file, proto.getT(), null, external));
      case AttributeKind.GRAPH -> new Attribute.OfGraph(readSubgraph(proto.getG()));
      case AttributeKind.FLOATS -> new Attribute.OfFloats(proto.getFloatsList());
      case AttributeKind.INTS -> new Attribute.OfIntegers(proto.getIntsList());
      case AttributeKind.STRINGS ->
          new Attribute.OfStrings(
              proto.getStringsList().stream().map(value -> text(value, where)).toList());
      case AttributeKind.UNDEFINED -> throw broken(where + " has no type");
      default -> new Attribute.Uninterpreted(kind, ByteBuffer.wrap(proto.toByteArray()));
    };
  }

  private String text(ByteString bytes, String where) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.asReadOnlyByteBuffer()).toString();
    } catch (CharacterCodingException binary) {
      throw broken(where + " is not UTF-8 text");
    }
  }

  /** The value of a {@code Constant} node. */
  private Tensor constant(Node node) {
    if (node.attributes().size() == 1) {
      Map.Entry<String, Attribute> entry = node.attributes().entrySet().iterator().next();
      Attribute value = entry.getValue();
      if (entry.getKey().startsWith("value")) {
        if (value instanceof Attribute.OfTensor tensor) {
          return tensor.value();
        } else if (value instanceof Attribute.OfFloat number) {
          return Tensor.scalar(number.value());
        } else if (value instanceof Attribute.OfInteger number) {
          return Tensor.scalar(number.value());
        } else if (value instanceof Attribute.OfString text) {
          return Tensor.of(new String[] {text.value()});
        } else if (value instanceof Attribute.OfFloats numbers) {
          float[] values = new float[numbers.value().size()];
          for (int i = 0; i < values.length; i++) {
            values[i] = numbers.value().get(i);
          }
          return Tensor.of(values, values.length);
        } else if (value instanceof Attribute.OfIntegers numbers) {
          long[] values = numbers.value().stream().mapToLong(Long::longValue).toArray();
          return Tensor.of(values, values.length);
        } else if (value instanceof Attribute.OfStrings texts) {
          return Tensor.of(texts.value().toArray(new String[0]), texts.value().size());
        }
      }
    }
    throw broken(
        "node '"
            + node.name()
            + "': a Constant needs exactly one value that is a tensor, numbers or strings; it has "
            + node.attributes().keySet());
  }

  private List<ValueInfo> values(List<ValueInfoProto> protos) {
    return protos.stream().map(this::value).toList();
  }

  private ValueInfo value(ValueInfoProto proto) {
    TypeProto.Tensor tensor = proto.getType().getTensorType();
    DataType type = null;
    if (tensor.getElemType() != 0) {
      try {
        type = DataType.ofOnnxCode(tensor.getElemType());
      } catch (IllegalArgumentException unknown) {
        throw broken("value '" + proto.getName() + "': " + unknown.getMessage());
      }
    }
    Shape shape = null;
    if (tensor.hasShape()) {
      shape = new Shape(tensor.getShape().getDimList().stream().map(this::dimension).toList());
    }
    return new ValueInfo(proto.getName(), type, shape);
  }

  /** Negative sizes are how some exporters write "unknown". */
  private Dimension dimension(TensorShapeProto.Dimension proto) {
    if (proto.hasDimValue() && proto.getDimValue() >= 0) {
      return Dimension.of(proto.getDimValue());
    }
    return proto.getDimParam().isEmpty()
        ? Dimension.unknown()
        : Dimension.symbol(proto.getDimParam());
  }

  private ModelFormatException broken(String message) {
    return new ModelFormatException(file, -1, message);
  }
}
