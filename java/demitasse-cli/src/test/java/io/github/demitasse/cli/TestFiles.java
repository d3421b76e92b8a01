package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Files that several tests read; made once. */
final class TestFiles {
  private static final Path FOLDER = Path.of("target", "test-files");

  private TestFiles() {}

  static synchronized Path miniLm() {
    return resource("all-minilm-l6-v2.onnx");
  }

  static synchronized Path tokenizer() {
    return resource("all-minilm-l6-v2-tokenizer.json");
  }

  /** MiniLM by the preset int8, as the command makes it. */
  static synchronized Path int8() {
    Path file = FOLDER.resolve("int8-" + ProcessHandle.current().pid() + ".dmt");
    if (!Files.exists(file)) {
      Cli.Result result = Cli.run("compress", miniLm(), "--preset", "int8", "-o", file);
      assertEquals(0, result.code(), result.err());
      file.toFile().deleteOnExit();
    }
    return file;
  }

  /** {@code y = x w} with x [batch, 3] and the identity as w: the largest input is the class. */
  static Path classifier(Path folder) {
    Graph graph =
        new Graph(
            "classifier",
            Map.of("", 17),
            List.of(floats("x")),
            List.of(floats("y")),
            List.of(Node.of("product", "MatMul", List.of("x", "w"), List.of("y"))),
            Map.of());
    Tensor identity = Tensor.of(new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3);
    Path file = folder.resolve("classifier.onnx");
    new Model(graph, Map.of("w", new DenseWeight(identity)), Map.of()).save(file);
    return file;
  }

  private static ValueInfo floats(String name) {
    return new ValueInfo(
        name, DataType.FLOAT32, Shape.of(Dimension.symbol("batch"), Dimension.of(3)));
  }

  /** Evaluation data beside the checkout, or a skipped test. */
  static Path sharedData(String name) {
    Path file = Path.of("..", "..", "..", "shared", "data", name);
    assumeTrue(Files.exists(file), name + " is not in ../shared/data, beside the checkout");
    return file;
  }

  private static Path resource(String name) {
    Path file = FOLDER.resolve(name);
    if (Files.exists(file)) {
      return file;
    }
    try (InputStream content = TestFiles.class.getResourceAsStream("/" + name)) {
      Files.createDirectories(FOLDER);
      Path unfinished = Files.createTempFile(FOLDER, name, ".part");
      Files.write(unfinished, content.readAllBytes());
      return Files.move(unfinished, file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
