package io.github.demitasse.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
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
}
