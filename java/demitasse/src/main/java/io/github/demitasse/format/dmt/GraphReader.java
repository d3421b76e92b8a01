package io.github.demitasse.format.dmt;

import io.github.demitasse.format.JsonReader;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.TopologicalOrder;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Not thread-safe: a graph from JSON. Fields that it does not know are skipped. Whatever is wrong
 * is an {@link IllegalArgumentException}.
 */
final class GraphReader {
  private static final Dimension UNKNOWN = Dimension.unknown();

  private final JsonReader json;
  private final TensorStore.Source tensors;

  GraphReader(JsonReader json, TensorStore.Source tensors) {
    this.json = json;
    this.tensors = tensors;
  }

  /** Reads the graph that is the next value. */
  Graph read() {
    String name = "";
    Map<String, Integer> opsets = Map.of();
    List<ValueInfo> inputs = List.of();
    List<ValueInfo> outputs = List.of();
    List<Node> nodes = List.of();
    Map<String, ValueInfo> values = new HashMap<>();
    json.beginObject();
    while (json.hasNextMember()) {
      switch (json.nextName()) {
        case "name" -> name = json.nextString();
        case "opsets" -> opsets = readOpsets();
        case "inputs" -> inputs = readValues();
        case "outputs" -> outputs = readValues();
        case "nodes" -> nodes = readNodes();
        case "values" -> {
          for (ValueInfo value : readValues()) {
            values.put(value.name(), value);
          }
        }
        default -> json.skipValue();
      }
    }
    return new Graph(name, opsets, inputs, outputs, nodes, values);
  }

  private Map<String, Integer> readOpsets() {
    Map<String, Integer> opsets = new LinkedHashMap<>();
    json.beginObject();
    while (json.hasNextMember()) {
      String domain = json.nextName();
      long version = json.nextLong();
      if (version < 0 || version > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "version " + version + " of operator domain '" + domain + "'");
      }
      opsets.put(domain, (int) version);
    }
    return opsets;
  }

  private List<ValueInfo> readValues() {
    List<ValueInfo> values = new ArrayList<>();
    json.beginArray();
    while (json.hasNextElement()) {
      String name = null;
      DataType type = null;
      Shape shape = null;
      json.beginObject();
      while (json.hasNextMember()) {
        switch (json.nextName()) {
          case "name" -> name = json.nextString();
          case "type" -> type = tensors.type(json.nextString());
          case "shape" -> shape = readShape();
          default -> json.skipValue();
        }
      }
      if (name == null) {
        throw new IllegalArgumentException("a value without a name");
      }
      values.add(new ValueInfo(name, type, shape));
    }
    return values;
  }

  private Shape readShape() {
    List<Dimension> dimensions = new ArrayList<>();
    json.beginArray();
    while (json.hasNextElement()) {
      switch (json.peek()) {
        case 'n' -> {
          json.nextNull();
          dimensions.add(UNKNOWN);
        }
        case '"' -> dimensions.add(Dimension.symbol(json.nextString()));
        default -> dimensions.add(Dimension.of(json.nextLong()));
      }
    }
    return new Shape(dimensions);
  }

  private List<Node> readNodes() {
    List<Node> nodes = new ArrayList<>();
    json.beginArray();
    while (json.hasNextElement()) {
      nodes.add(readNode());
    }
    return nodes;
  }

  private Node readNode() {
    String name = null;
    String domain = "";
    String operator = null;
    List<String> inputs = List.of();
    List<String> outputs = List.of();
    Map<String, Attribute> attributes = Map.of();
    json.beginObject();
    while (json.hasNextMember()) {
      switch (json.nextName()) {
        case "name" -> name = json.nextString();
        case "domain" -> domain = json.nextString();
        case "operator" -> operator = json.nextString();
        case "inputs" -> inputs = json.nextStrings();
        case "outputs" -> outputs = json.nextStrings();
        case "attributes" -> attributes = readAttributes();
        default -> json.skipValue();
      }
    }
    if (name == null || operator == null) {
      throw new IllegalArgumentException("a node needs a name and an operator");
    }
    return new Node(name, domain, operator, inputs, outputs, attributes);
  }

  private Map<String, Attribute> readAttributes() {
    Map<String, Attribute> attributes = new HashMap<>();
    json.beginObject();
    while (json.hasNextMember()) {
      String name = json.nextName();
      attributes.put(name, readAttribute(name));
    }
    return attributes;
  }

  private Attribute readAttribute(String name) {
    Attribute attribute = null;
    int kind = 0;
    json.beginObject();
    while (json.hasNextMember()) {
      switch (json.nextName()) {
        case "integer" -> attribute = Attribute.of(json.nextLong());
        case "float" -> attribute = Attribute.of(json.nextFloat());
        case "string" -> attribute = Attribute.of(json.nextString());
        case "tensor" -> attribute = Attribute.of(tensors.read(json));
        case "graph" -> attribute = new Attribute.OfGraph(readSubgraph());
        case "integers" -> attribute = readIntegers();
        case "floats" -> attribute = readFloats();
        case "strings" -> attribute = Attribute.ofStrings(json.nextStrings());
        case "kind" -> kind = (int) json.nextLong();
        case "uninterpreted" ->
            attribute =
                new Attribute.Uninterpreted(
                    kind, ByteBuffer.wrap(Base64.getDecoder().decode(json.nextBytes())));
        default -> json.skipValue();
      }
    }
    if (attribute == null) {
      throw new IllegalArgumentException("attribute '" + name + "' has no value");
    }
    return attribute;
  }

  private Graph readSubgraph() {
    Graph graph = read();
    Set<String> given = new HashSet<>(TopologicalOrder.captured(graph));
    for (ValueInfo input : graph.inputs()) {
      given.add(input.name());
    }
    return graph.withNodes(TopologicalOrder.of(graph.nodes(), given));
  }

  private Attribute readFloats() {
    List<Float> values = new ArrayList<>();
    json.beginArray();
    while (json.hasNextElement()) {
      values.add(json.nextFloat());
    }
    return Attribute.ofFloats(values);
  }

  private Attribute readIntegers() {
    List<Long> values = new ArrayList<>();
    json.beginArray();
    while (json.hasNextElement()) {
      values.add(json.nextLong());
    }
    return Attribute.ofIntegers(values);
  }
}
