package io.github.demitasse.cli.data;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Texts and tokenizers given anything at all: data, an {@link IllegalArgumentException}, no more.
 */
class DataFuzzTest {
  private static final List<String> TEXTS =
      List.of("Hello, w\u00f6rld!", "", "a b \ud83d\ude00 [MASK]");

  private static Path file;

  @BeforeAll
  static void createFile() throws IOException {
    file = Files.createTempFile("demitasse", ".fuzz");
  }

  @AfterAll
  static void deleteFile() throws IOException {
    Files.delete(file);
  }

  @FuzzTest(maxDuration = "10m")
  void text(byte[] content) throws IOException {
    Files.write(file, content);
    try {
      TextFile.read(file).toString();
    } catch (IllegalArgumentException expected) {
      return;
    }
  }

  @FuzzTest(maxDuration = "10m")
  void tokenizer(byte[] content) throws IOException {
    Files.write(file, content);
    try (TextEncoder encoder = new TextEncoder(file, 8, model())) {
      encoder.encode(TEXTS).forEach(sample -> sample.values().forEach(Tensor::close));
    } catch (IllegalArgumentException expected) {
      return;
    }
  }

  private static Model model() {
    Shape tokens = Shape.of(Dimension.of(1), Dimension.symbol("tokens"));
    Graph graph =
        new Graph(
            "tokens",
            Map.of("", 17),
            List.of(new ValueInfo("input_ids", DataType.INT64, tokens)),
            List.of(new ValueInfo("y", DataType.INT64, tokens)),
            List.of(Node.of("copy", "Identity", List.of("input_ids"), List.of("y"))),
            Map.of());
    return new Model(graph, Map.of(), Map.of());
  }
}
