package io.github.demitasse.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Models for tests, and how to compare them. */
public final class TestModels {
  private TestModels() {}

  /** Copies a resource such as {@code all-minilm-l6-v2.onnx} into a folder. */
  public static Path resource(String name, Path folder) {
    Path file = folder.resolve(name);
    try (InputStream content = TestModels.class.getResourceAsStream("/" + name)) {
      Files.copy(content, file);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
    return file;
  }

  /** Writes the bytes to a file and loads that. */
  public static Model load(byte[] content, Path file) {
    try {
      Files.deleteIfExists(file); // it may still be mapped
      return Model.load(Files.write(file, content));
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  /** {@code y = x w + b}: one MatMul, one Add. */
  public static Model linear(Weight weight, float[] bias) {
    long inputs = weight.shape()[0];
    long outputs = weight.shape()[1];
    Graph graph =
        new Graph(
            "linear",
            Map.of("", 17),
            List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(3, inputs))),
            List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(3, outputs))),
            List.of(
                Node.of("product", "MatMul", List.of("x", "w"), List.of("p")),
                Node.of("sum", "Add", List.of("p", "b"), List.of("y"))),
            Map.of());
    return new Model(
        graph, Map.of("w", weight, "b", new DenseWeight(Tensor.of(bias, outputs))), Map.of());
  }

  /** Asserts that graphs, metadata and every byte of every weight are equal. */
  public static void assertSame(Model expected, Model actual) {
    assertSame(expected.graph(), actual.graph());
    assertEquals(expected.metadata(), actual.metadata());
    assertEquals(
        new ArrayList<>(expected.weights().keySet()), new ArrayList<>(actual.weights().keySet()));
    expected.weights().forEach((name, weight) -> assertSame(weight, actual.weights().get(name)));
  }

  public static void assertSame(Weight expected, Weight actual) {
    assertEquals(expected.getClass(), actual.getClass());
    assertEquals(expected.encoding(), actual.encoding());
    assertEquals(expected.type(), actual.type());
    assertEquals(expected.parts().keySet(), actual.parts().keySet());
    expected.parts().forEach((role, tensor) -> assertSame(tensor, actual.parts().get(role)));
  }

  public static void assertSame(Tensor expected, Tensor actual) {
    assertEquals(expected.toString(), actual.toString());
    assertArrayEquals(expected.toBytes(), actual.toBytes());
  }

  public static void assertSame(Graph expected, Graph actual) {
    assertEquals(expected.name(), actual.name());
    assertEquals(expected.opsets(), actual.opsets());
    assertEquals(expected.inputs(), actual.inputs());
    assertEquals(expected.outputs(), actual.outputs());
    assertEquals(expected.values(), actual.values());
    assertEquals(expected.nodes().size(), actual.nodes().size());
    for (int i = 0; i < expected.nodes().size(); i++) {
      assertSame(expected.nodes().get(i), actual.nodes().get(i));
    }
  }

  private static void assertSame(Node expected, Node actual) {
    assertEquals(expected.toString(), actual.toString());
    assertEquals(sorted(expected), sorted(actual));
    expected
        .attributes()
        .forEach(
            (name, attribute) -> {
              Attribute other = actual.attributes().get(name);
              if (attribute instanceof Attribute.OfTensor tensor) {
                assertSame(tensor.value(), ((Attribute.OfTensor) other).value());
              } else if (attribute instanceof Attribute.OfGraph graph) {
                assertSame(graph.value(), ((Attribute.OfGraph) other).value());
              } else {
                assertEquals(attribute, other);
              }
            });
  }

  private static List<String> sorted(Node node) {
    return node.attributes().keySet().stream().sorted(Comparator.naturalOrder()).toList();
  }

  /** INT8 codes [4, 6] with scales and zero points of each column. */
  public static Weight quantized() {
    return new QuantizedWeight(
        bytes(DataType.INT8, 4, 6),
        Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 6),
        bytes(DataType.INT8, 6),
        new Granularity.PerChannel(1));
  }

  /** A STRING tensor of three. */
  public static Tensor strings() {
    return Tensor.of(new String[] {"", "Ω", "demitasse"}, 3);
  }

  /** A tensor of arbitrary bytes, the same each time. */
  public static Tensor bytes(DataType type, long... shape) {
    Tensor tensor = Tensor.allocate(type, shape);
    ByteBuffer bytes = tensor.buffer();
    for (int i = 0; i < bytes.limit(); i++) {
      bytes.put(i, (byte) (type == DataType.BOOL ? i & 1 : 37 * i + 11));
    }
    return tensor;
  }

  /** A model with each kind of thing that a file can hold. */
  public static Model everything() {
    Map<String, Weight> weights = new LinkedHashMap<>();
    weights.put("bias", new DenseWeight(Tensor.of(new float[] {1, 2, 3}, 3)));
    weights.put("halved", new DenseWeight(bytes(DataType.FLOAT16, 7), DataType.FLOAT32));
    weights.put("brain", new DenseWeight(bytes(DataType.BFLOAT16, 9), DataType.FLOAT32));
    weights.put("four bits", new DenseWeight(bytes(DataType.INT4, 3, 3)));
    weights.put("words", new DenseWeight(strings()));
    weights.put("empty", new DenseWeight(Tensor.allocate(DataType.INT64, 0, 4)));
    weights.put("per channel", quantized());
    weights.put(
        "per tensor",
        new QuantizedWeight(
            bytes(DataType.UINT8, 2, 2),
            Tensor.scalar(0.5f),
            bytes(DataType.UINT8),
            new Granularity.PerTensor()));
    weights.put(
        "per group",
        new QuantizedWeight(
            bytes(DataType.INT8, 8, 2),
            Tensor.of(new float[] {1, 2, 3, 4}, 2, 2),
            null,
            new Granularity.PerGroup(0, 4)));
    Graph branch =
        new Graph(
            "branch",
            Map.of("", 21),
            List.of(),
            List.of(new ValueInfo("b", null, null)),
            List.of(
                new Node(
                    "c",
                    "",
                    "Constant",
                    List.of(),
                    List.of("b"),
                    Map.of("value", Attribute.of(Tensor.of(new long[] {1, -2}, 2))))),
            Map.of());
    Node node =
        new Node(
            "odd \"name\" \\ with \n Ω and \uD83D\uDE00",
            "com.example",
            "Everything",
            List.of("x", "", "bias"),
            List.of("y", ""),
            Map.of(
                "integer", Attribute.of(Long.MIN_VALUE),
                "float", Attribute.of(0.1f),
                "infinite", Attribute.of(Float.NEGATIVE_INFINITY),
                "undefined", Attribute.of(Float.NaN),
                "integers", Attribute.ofIntegers(List.of(1L, -1L, Long.MAX_VALUE)),
                "floats", Attribute.ofFloats(List.of(1e-45f, Float.MAX_VALUE)),
                "strings", Attribute.ofStrings(List.of("a", "")),
                "graph", new Attribute.OfGraph(branch),
                "tensor", Attribute.of(bytes(DataType.UINT4, 3)),
                "other",
                    new Attribute.Uninterpreted(
                        9, ByteBuffer.wrap(new byte[] {(byte) 0xa0, 1, 9}))));
    Graph graph =
        new Graph(
            "everything",
            Map.of("", 21, "com.example", 3),
            List.of(
                new ValueInfo(
                    "x",
                    DataType.INT4,
                    Shape.of(Dimension.symbol("batch"), Dimension.unknown(), Dimension.of(0)))),
            List.of(
                new ValueInfo("y", null, null), new ValueInfo("bias", null, new Shape(List.of()))),
            List.of(node),
            Map.of("y", new ValueInfo("y", DataType.FLOAT16, null)));
    return new Model(graph, weights, Map.of("author", "somebody", "", "empty key"));
  }
}
