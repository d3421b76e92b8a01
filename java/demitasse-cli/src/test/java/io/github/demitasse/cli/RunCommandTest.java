package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.demitasse.Model;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunCommandTest {
  @TempDir Path folder;

  private static Map<String, Tensor> inputs() {
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    inputs.put("input_ids", Tensor.of(new long[] {101, 7592, 2088, 102}, 1, 4));
    inputs.put("attention_mask", Tensor.of(new long[] {1, 1, 1, 1}, 1, 4));
    inputs.put("token_type_ids", Tensor.of(new long[4], 1, 4));
    return inputs;
  }

  private Cli.Result run(Map<String, Tensor> inputs) {
    Path in = folder.resolve("in.npz");
    Npz.write(inputs, in);
    return Cli.run(
        "run", TestFiles.miniLm(), "--input", in, "--output", folder.resolve("out.npz"), "--json");
  }

  @Test
  void writesWhatASessionGives() {
    JsonNode json = run(inputs()).json();
    assertEquals("output_0", json.get("outputs").fieldNames().next());
    Tensor written = Npz.read(folder.resolve("out.npz")).get("output_0");
    try (Session session = Session.open(Model.load(TestFiles.miniLm()))) {
      Tensor expected = session.run(inputs()).get("output_0");
      assertArrayEquals(expected.shape(), written.shape());
      assertArrayEquals(expected.toFloats(), written.toFloats());
    }
  }

  @Test
  void inputsThatDoNotFitAreNamed() throws Exception {
    Map<String, Tensor> missing = inputs();
    missing.remove("attention_mask");
    run(missing).failed("attention_mask");
    Map<String, Tensor> more = inputs();
    more.put("sugar", Tensor.scalar(1f));
    run(more).failed("sugar");
    Map<String, Tensor> type = inputs();
    type.put("input_ids", Tensor.of(new float[4], 1, 4));
    run(type).failed("input_ids", "INT64", "FLOAT32");
    Map<String, Tensor> shape = inputs();
    shape.put("input_ids", Tensor.of(new long[4], 4));
    run(shape).failed("input_ids", "[4]");
    Map<String, Tensor> disagree = inputs();
    disagree.put("attention_mask", Tensor.of(new long[5], 1, 5));
    run(disagree).failed("attention_mask", "5 here but 4");
    Map<String, Tensor> index = inputs();
    index.put("input_ids", Tensor.of(new long[] {101, 99999999, 1, 1}, 1, 4));
    run(index).failed("99999999");
    assertEquals(List.of("in.npz"), Cli.files(folder));
  }

  @Test
  void filesThatCannotBeUsedAreNamed() throws Exception {
    Path in = Files.writeString(folder.resolve("in.npz"), "no arrays");
    Path out = folder.resolve("out.npz");
    Cli.run("run", TestFiles.miniLm(), "--input", in, "--output", out).failed("in.npz");
    Cli.run("run", TestFiles.miniLm(), "--input", in, "--output", in).failed("in.npz");
    Cli.run("run", TestFiles.miniLm(), "--input", in, "--output", folder.resolve("out.txt"))
        .misused(".npz");
    Path none = folder.resolve("none.npz");
    Cli.run("run", TestFiles.miniLm(), "--input", none, "--output", out).failed("none.npz");
  }
}
