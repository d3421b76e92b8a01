package io.github.demitasse.format.dmt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.safetensors.SafetensorsFile;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DmtTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"all-minilm-l6-v2.onnx", "all-minilm-l6-v2-q.onnx"})
  void realModelsComeBackUnchanged(String name) {
    Model model = Model.load(TestModels.resource(name, folder));
    Path file = folder.resolve("model.dmt");
    model.save(file);
    TestModels.assertSame(model, Model.load(file));
  }

  @Test
  void writingTwiceGivesTheSameBytes() throws IOException {
    Model model = Model.load(TestModels.resource("all-minilm-l6-v2-q.onnx", folder));
    model.save(folder.resolve("a.dmt"));
    Model.load(folder.resolve("a.dmt")).save(folder.resolve("b.dmt"));
    assertEquals(-1, Files.mismatch(folder.resolve("a.dmt"), folder.resolve("b.dmt")));
  }

  @Test
  void everyTensorIsAlignedAndTheFileHasNoHoles() throws IOException {
    Path file = folder.resolve("model.dmt");
    TestModels.everything().save(file);
    byte[] bytes = Files.readAllBytes(file);
    int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    assertEquals('{', bytes[8]);
    JsonNode json =
        new ObjectMapper().readTree(new String(bytes, 8, header, StandardCharsets.UTF_8));
    TreeMap<Long, Long> ranges = new TreeMap<>();
    json.fields()
        .forEachRemaining(
            entry -> {
              if (entry.getKey().equals("__metadata__")) {
                entry.getValue().forEach(value -> assertTrue(value.isTextual()));
                return;
              }
              JsonNode offsets = entry.getValue().get("data_offsets");
              long begin = offsets.get(0).asLong();
              if (!entry.getKey().startsWith("__padding__.")) {
                assertEquals(0, (8 + header + begin) % 64, entry.getKey());
              }
              if (offsets.get(1).asLong() > begin) {
                ranges.put(begin, offsets.get(1).asLong());
              }
            });
    long position = 0;
    for (Map.Entry<Long, Long> range : ranges.entrySet()) {
      assertEquals(position, range.getKey());
      position = range.getValue();
    }
    assertEquals(bytes.length - 8 - header, position);
  }

  @Test
  void tensorsAreViewsOfTheFile() {
    Path file = folder.resolve("model.dmt");
    TestModels.everything().save(file);
    Model.load(file)
        .weights()
        .forEach(
            (name, weight) ->
                weight.parts().values().forEach(part -> assertFalse(part.ownsMemory(), name)));
  }

  @ParameterizedTest
  @EnumSource(DataType.class)
  void everyElementTypeComesBack(DataType type) {
    Tensor tensor = type == DataType.STRING ? TestModels.strings() : TestModels.bytes(type, 3, 5);
    Model model = constant(new DenseWeight(tensor));
    Path file = folder.resolve("model.dmt");
    model.save(file);
    TestModels.assertSame(model, Model.load(file));
  }

  @Test
  void everyKindOfWeightAttributeAndShapeComesBack() {
    Model model = TestModels.everything();
    Path file = folder.resolve("model.dmt");
    model.save(file);
    TestModels.assertSame(model, Model.load(file));
  }

  @Test
  void aWeightNamedLikeAPartOfAnotherKeepsItsValue() {
    Map<String, Weight> weights = new LinkedHashMap<>();
    weights.put("w", TestModels.quantized());
    weights.put("w.codes", new DenseWeight(Tensor.of(new float[] {7}, 1)));
    weights.put("__padding__.1", new DenseWeight(Tensor.of(new float[] {8}, 1)));
    weights.put("__metadata__", new DenseWeight(Tensor.of(new float[] {9}, 1)));
    Model model = constant(new DenseWeight(Tensor.scalar(1f)));
    weights.putAll(model.weights());
    Path file = folder.resolve("model.dmt");
    model.withWeights(weights).save(file);
    TestModels.assertSame(model.withWeights(weights), Model.load(file));
  }

  @Test
  void aTensorOfTwoWeightsIsStoredOnce() throws IOException {
    Tensor shared = TestModels.bytes(DataType.INT8, 100, 100);
    Model model = constant(new DenseWeight(shared));
    Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
    weights.put("tied", new DenseWeight(shared));
    Path file = folder.resolve("model.dmt");
    model.withWeights(weights).save(file);
    assertTrue(Files.size(file) < 15_000, Files.size(file) + " bytes");
    TestModels.assertSame(model.withWeights(weights), Model.load(file));
  }

  @Test
  void otherReadersOfSafetensorsFindTheTensors() {
    Path file = folder.resolve("model.dmt");
    TestModels.everything().save(file);
    Map<String, Tensor> tensors = SafetensorsFile.read(file);
    assertArrayEquals(new float[] {1, 2, 3}, tensors.get("bias").toFloats());
    assertEquals(DataType.INT8, tensors.get("per channel.codes").type());
    assertEquals(DataType.FLOAT32, tensors.get("per channel.scales").type());
    assertEquals(DataType.FLOAT16, tensors.get("halved").type());
  }

  @Test
  void aNewerVersionIsNamed() throws IOException {
    Path file = folder.resolve("model.dmt");
    TestModels.everything().save(file);
    byte[] bytes = Files.readAllBytes(file);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int at = text.indexOf("\\\"version\\\":1");
    bytes[at + 12] = '9';
    Files.write(file, bytes);
    ModelFormatException failed = assertThrows(ModelFormatException.class, () -> Model.load(file));
    assertTrue(failed.getMessage().contains("format version 9"), failed.getMessage());
    assertSame(file, failed.file());
  }

  @Test
  void everyTruncationIsAFormatError() throws IOException {
    Path file = folder.resolve("model.dmt");
    TestModels.everything().save(file);
    byte[] bytes = Files.readAllBytes(file);
    for (int length = 0; length < bytes.length; length += 97) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThrows(ModelFormatException.class, () -> Model.load(file), "length " + length);
    }
  }

  static Model constant(Weight weight) {
    Graph graph =
        new Graph(
            "constant",
            Map.of("", 21),
            List.of(),
            List.of(new ValueInfo("c", weight.type(), null)),
            List.of(),
            Map.of());
    return new Model(graph, Map.of("c", weight), Map.of());
  }
}
