package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
  /** 30522 + 512 + 2 rows of embeddings, 6 layers, pooler, of width 384. */
  private static final long PARAMETERS = 22_713_216;

  @TempDir Path folder;

  @Test
  void tellsParametersOperatorsAndBytes() throws Exception {
    JsonNode json = Cli.run("inspect", TestFiles.miniLm(), "--json").json();
    assertEquals(Files.size(TestFiles.miniLm()), json.get("bytes").asLong());
    assertEquals(6 * (4 + 2 + 2) + 1, json.get("operators").get("MatMul").asInt() + gemms(json));
    assertEquals(0, json.get("unsupported_operators").size());
    assertEquals(3, json.get("inputs").size());
    assertEquals(40, json.get("layers").size());
    assertTrue(Math.abs(json.get("parameters").asLong() - PARAMETERS) < 1000, json.toString());
  }

  private static int gemms(JsonNode json) {
    return json.get("operators").path("Gemm").asInt(0);
  }

  @Test
  void countsTheSameParametersWhenTheyAreCompressed() throws Exception {
    JsonNode json = Cli.run("inspect", TestFiles.int8(), "--json").json();
    long parameters = json.get("parameters").asLong();
    assertTrue(Math.abs(parameters - PARAMETERS) < 1000, json.toString());
    assertEquals(Files.size(TestFiles.int8()), json.get("bytes").asLong());
    assertEquals("int8 per channel", json.get("layers").get(0).get("encoding").asText());
  }

  @Test
  void tellsTheSystem() {
    JsonNode json = Cli.run("inspect", "--system", "--json").json();
    assertTrue(json.get("threads").asInt() >= 1);
    assertTrue(json.get("isa").asText().matches("scalar|avx2|avx512"), json.toString());
    assertTrue(Cli.run("inspect", "--system").out().contains("isa"));
  }

  @Test
  void listsLayersForPeople() {
    String out = Cli.run("inspect", TestFiles.miniLm()).out();
    assertTrue(out.contains("encoder.layer.0.attention.self.query"), out);
    assertTrue(out.contains("91.0 MB"), out);
  }

  @Test
  void brokenFilesAreToldInOneLine() throws Exception {
    Path truncated = Files.copy(TestFiles.miniLm(), folder.resolve("truncated.onnx"));
    try (RandomAccessFile file = new RandomAccessFile(truncated.toFile(), "rw")) {
      file.setLength(file.length() / 2);
    }
    Cli.run("inspect", truncated, "--json").failed("truncated.onnx", "at byte");
    Path halved = Files.copy(TestFiles.int8(), folder.resolve("halved.dmt"));
    try (RandomAccessFile file = new RandomAccessFile(halved.toFile(), "rw")) {
      file.setLength(file.length() / 2);
    }
    Cli.run("inspect", halved).failed("halved.dmt");
    Path empty = Files.createFile(folder.resolve("empty.onnx"));
    Cli.run("inspect", empty).failed("empty.onnx", "empty");
    Cli.run("inspect", folder).failed("folder");
    Path text = Files.writeString(folder.resolve("text.onnx"), "steps:\n  - quantize\n");
    Cli.run("inspect", text).failed("text.onnx");
  }
}
