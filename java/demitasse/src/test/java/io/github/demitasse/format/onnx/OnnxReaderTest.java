package io.github.demitasse.format.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxReaderTest {
  private static final Path CONFORMANCE = Path.of("../../../shared/data/onnx-node");

  @TempDir Path folder;

  @Test
  void miniLmHasItsNodesInputsAndWeights() {
    Model model = OnnxReader.read(TestModels.resource("all-minilm-l6-v2.onnx", folder));
    assertEquals(14, model.graph().opset());
    assertEquals(
        Set.of("input_ids", "attention_mask", "token_type_ids"),
        new HashSet<>(model.graph().inputs().stream().map(input -> input.name()).toList()));
    assertEquals(48, model.graph().nodes().stream().filter(node -> node.is("MatMul")).count());
    assertFalse(model.graph().nodes().stream().anyMatch(node -> node.is("Constant")));
    Weight words = model.weights().get("embeddings.word_embeddings.weight");
    assertEquals(DataType.FLOAT32, words.type());
    assertEquals(30522L * 384, words.elements());
    long parameters = model.weights().values().stream().mapToLong(Weight::elements).sum();
    assertTrue(parameters > 22_700_000 && parameters < 22_800_000, () -> "" + parameters);
  }

  @Test
  void quantizedMiniLmHasItsIntegerWeights() {
    Model model = OnnxReader.read(TestModels.resource("all-minilm-l6-v2-q.onnx", folder));
    assertEquals(
        36, model.graph().nodes().stream().filter(node -> node.is("MatMulInteger")).count());
    assertTrue(
        model.weights().values().stream().anyMatch(weight -> weight.type() == DataType.INT8));
  }

  @Test
  void everyConformanceModelAndTensorIsRead() throws IOException {
    assumeTrue(Files.isDirectory(CONFORMANCE), "no conformance data in " + CONFORMANCE);
    int tensors = 0;
    try (DirectoryStream<Path> cases = Files.newDirectoryStream(CONFORMANCE)) {
      for (Path testCase : cases) {
        Model model = OnnxReader.read(testCase.resolve("model.onnx"));
        Set<String> names = new HashSet<>();
        for (Node node : model.graph().nodes()) {
          assertTrue(names.add(node.name()) && !node.name().isEmpty(), () -> "" + testCase);
        }
        int input = 0;
        for (; Files.exists(tensorFile(testCase, "input", input)); input++) {
          if (model.graph().inputs().get(input).type() != null) {
            try (Tensor tensor = OnnxTensors.read(tensorFile(testCase, "input", input))) {
              assertEquals(model.graph().inputs().get(input).type(), tensor.type());
              tensors++;
            }
          }
        }
      }
    }
    assertTrue(tensors > 1000, "" + tensors);
  }

  private static Path tensorFile(Path testCase, String role, int index) {
    return testCase.resolve("test_data_set_0").resolve(role + "_" + index + ".pb");
  }
}
