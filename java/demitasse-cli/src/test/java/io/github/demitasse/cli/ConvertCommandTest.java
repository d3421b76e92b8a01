package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertCommandTest {
  @TempDir Path folder;

  @Test
  void compressedModelsStayCompressedAndComputeTheSame() throws Exception {
    Path onnx = folder.resolve("int8.onnx");
    JsonNode json = Cli.run("convert", TestFiles.int8(), onnx, "--json").json();
    assertEquals(Files.size(onnx), json.get("output_bytes").asLong());
    assertTrue(Files.size(onnx) < 1.05 * Files.size(TestFiles.int8()));
    Path text = Files.writeString(folder.resolve("text.txt"), "The owl lives in a tower.\n");
    JsonNode same =
        Cli.run(
                "evaluate",
                onnx,
                "--against",
                TestFiles.int8(),
                "--data",
                text,
                "--tokenizer",
                TestFiles.tokenizer(),
                "--json")
            .json();
    assertEquals(1, same.get("cosine_min").asDouble(), 1e-6);
  }

  @Test
  void layersOfFourBitsCanBeMatMulNBits() {
    Path onnx = folder.resolve("int4.onnx");
    Object[] compress = {
      "compress", TestFiles.miniLm(), "--preset", "int4", "-o", onnx, "--matmul-nbits"
    };
    assertEquals(0, Cli.run(compress).code());
    JsonNode json = Cli.run("inspect", onnx, "--json").json();
    assertEquals(25, json.at("/operators/com.microsoft::MatMulNBits").asInt(), json.toString());
    assertEquals(0, json.get("unsupported_operators").size(), json.toString());
    Path dmt = folder.resolve("int4.dmt");
    assertEquals(0, Cli.run("convert", onnx, dmt).code());
    Cli.Result wrong = Cli.run("convert", onnx, folder.resolve("y.dmt"), "--matmul-nbits");
    assertEquals(2, wrong.code(), wrong.err());
  }

  @Test
  void targetsThatCannotBeWrittenAreTold() throws Exception {
    Cli.run("convert", TestFiles.miniLm(), folder.resolve("x.tflite")).failed(".dmt or .onnx");
    Cli.run("convert", TestFiles.miniLm(), folder.resolve("no/x.dmt")).failed("does not exist");
    Cli.run("convert", TestFiles.tokenizer(), folder.resolve("x.dmt")).failed("JSON");
    assertEquals(List.of(), Cli.files(folder));
  }
}
