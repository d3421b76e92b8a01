package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompressCommandTest {
  private static final String ATTENTION = "encoder.layer.0.attention.*";

  @TempDir Path folder;

  private Cli.Result compress(Object... more) {
    List<Object> arguments = new ArrayList<>(List.of("compress", TestFiles.miniLm()));
    arguments.addAll(List.of(more));
    return Cli.run(arguments.toArray());
  }

  private Path sentences() throws Exception {
    return Files.writeString(
        folder.resolve("sentences.txt"),
        "The owl lives in a tower.\n\nInterest rates stayed where they were.\nWhere is my refund?\n");
  }

  @Test
  void int8IsFourTimesSmallerAndThePlanKnewIt() throws Exception {
    Path out = folder.resolve("out.dmt");
    JsonNode plan = compress("--preset", "int8", "--plan", "--json").json();
    assertEquals(List.of(), Cli.files(folder));
    JsonNode done = compress("--preset", "int8", "-o", out, "--json").json();
    long bytes = done.get("output_bytes").asLong();
    assertEquals(Files.size(out), bytes);
    assertEquals(Files.size(TestFiles.miniLm()), done.get("input_bytes").asLong());
    assertTrue(bytes * 3.9 < Files.size(TestFiles.miniLm()), done.toString());
    assertEquals(bytes, plan.get("output_bytes").asLong(), 0.01 * bytes);
    assertEquals(40, done.get("layers").size());
    for (int i = 0; i < 40; i++) {
      JsonNode layer = done.get("layers").get(i);
      for (String key : List.of("name", "encoding_after", "bytes_before", "bytes_after")) {
        assertEquals(plan.get("layers").get(i).get(key), layer.get(key), key);
      }
      assertEquals("", layer.get("reason").asText());
      assertTrue(layer.get("weight_sqnr_db").asDouble() > 25, layer.toString());
    }
    assertEquals(List.of("out.dmt"), Cli.files(folder));
  }

  @Test
  void layersCanBeChosen() {
    Path out = folder.resolve("out.dmt");
    JsonNode json =
        compress(
                "--preset",
                "bfloat16",
                "--include",
                "encoder.*",
                "--exclude",
                ATTENTION,
                "-o",
                out,
                "--json")
            .json();
    assertEquals(36 - 4, json.get("layers").size());
    compress("--preset", "int8", "--include", "decoder.*", "-o", out)
        .failed("decoder.*", "encoder.layer.0");
    compress("--preset", "int8", "--exclude", "nothing", "--plan").failed("nothing");
  }

  @Test
  void layersThatStayAreNamedWithTheReason() {
    Path out = folder.resolve("out.onnx");
    Cli.Result result =
        Cli.run("compress", TestFiles.int8(), "--preset", "float16", "-o", out, "--json");
    assertTrue(
        result.json().get("layers").get(0).get("reason").asText().startsWith("already stored as"));
  }

  @Test
  void recipesAreReadFromFiles() throws Exception {
    Path out = folder.resolve("out.onnx");
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"), "steps:\n  - quantize: {weights: float16}\n");
    JsonNode json = compress("--recipe", recipe, "-o", out, "--json").json();
    assertTrue(json.get("output_bytes").asLong() < 0.52 * json.get("input_bytes").asLong());
    assertEquals("quantize: weights float16", json.get("recipe").get(0).asText());

    Files.writeString(recipe, "steps:\n  - quantize: {weights: float16, sugar: 2}\n");
    compress("--recipe", recipe, "-o", out).failed("recipe.yaml", "sugar");
    Files.writeString(recipe, "steps: {");
    compress("--recipe", recipe, "-o", out).failed("recipe.yaml");
    compress("--recipe", folder.resolve("none.yaml"), "-o", out).failed("none.yaml");
    compress("--recipe", recipe, "--include", "x", "-o", out).misused("recipe");
  }

  @Test
  void theReportHasFidelitySpeedAndMemory() throws Exception {
    Path out = folder.resolve("out.dmt");
    Path file = folder.resolve("report.json");
    Cli.Result result =
        compress(
            "--preset",
            "int8-static",
            "--calibration",
            sentences(),
            "--tokenizer",
            TestFiles.tokenizer(),
            "--report",
            file,
            "--threads",
            "1",
            "-o",
            out);
    assertEquals(0, result.code(), result.err());
    JsonNode report = new ObjectMapper().readTree(file.toFile());
    assertTrue(report.get("fidelity").get("cosine_mean").asDouble() > 0.95, report.toString());
    assertTrue(report.get("fidelity").get("cosine_mean").asDouble() < 1, report.toString());
    assertEquals(1, report.get("after").get("threads").asInt());
    assertTrue(report.get("after").get("median_ms").asDouble() > 0);
    assertTrue(
        report.get("after").get("peak_rss_bytes").asLong()
            < report.get("before").get("peak_rss_bytes").asLong(),
        report.toString());
    assertTrue(report.get("layers").get(0).has("output_sqnr_db"), report.toString());
    assertTrue(result.out().contains("mean cosine"), result.out());
  }

  @Test
  void missingAndUnusableCalibrationDataIsTold() throws Exception {
    Path out = folder.resolve("out.dmt");
    compress("--preset", "int8-static", "-o", out).failed("calibration");
    compress("--preset", "int8", "--calibration", sentences(), "-o", out).failed("--tokenizer");
    Path none = folder.resolve("none.npz");
    compress("--preset", "int8-static", "--calibration", none, "-o", out).failed("none.npz");
    compress("--preset", "int8", "--samples", "0", "-o", out).misused("--samples");
    compress("--preset", "int3", "-o", out).misused("int8-static");
    assertEquals(List.of("sentences.txt"), Cli.files(folder));
  }

  @Test
  void calibrationDataThatIsNotFiniteIsAnErrorWithEveryMethod() throws Exception {
    Path model = TestFiles.classifier(folder);
    Path out = folder.resolve("out.dmt");
    Path data = folder.resolve("data.npz");
    Path recipe = folder.resolve("recipe.yaml");
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      Npz.write(Map.of("x", Tensor.of(new float[] {1, 2, 3, 4, bad, 6}, 2, 3)), data);
      for (String method : List.of("min-max", "moving-average", "percentile", "entropy", "mse")) {
        Files.writeString(
            recipe,
            "steps: [{quantize: {weights: int8, activations: int8, calibrate: " + method + "}}]");
        Cli.run("compress", model, "--recipe", recipe, "--calibration", data, "-o", out)
            .failed("sample 1", "'x'", Float.toString(bad));
      }
    }
    assertTrue(Files.notExists(out));
  }

  @Test
  void calibrationDataWithoutSamplesIsAnError() {
    Path model = TestFiles.classifier(folder);
    Path data = folder.resolve("data.npz");
    Npz.write(Map.of("x", Tensor.of(new float[0], 0, 3)), data);
    Path out = folder.resolve("out.dmt");
    Cli.run("compress", model, "--preset", "int8-static", "--calibration", data, "-o", out)
        .failed("data.npz: no samples");
  }

  @Test
  void layersThatAreAllExcludedAreAnError() {
    Path out = folder.resolve("out.dmt");
    compress("--preset", "int8", "--exclude", "*", "-o", out).failed("leaves no layer");
  }

  @Test
  void targetsThatCannotBeWrittenAreToldBeforeTheWork() throws Exception {
    Path model = Files.copy(TestFiles.miniLm(), folder.resolve("model.onnx"));
    compress("--preset", "int8").misused("-o");
    compress("--preset", "int8", "-o", folder.resolve("none").resolve("x.dmt"))
        .failed("does not exist");
    compress("--preset", "int8", "-o", Files.createDirectory(folder.resolve("d.dmt")))
        .failed("d.dmt is a folder");
    compress("--preset", "int8", "-o", folder.resolve("x.bin")).failed(".dmt or .onnx");
    Cli.run("compress", model, "--preset", "int8", "-o", model).failed("model.onnx");
    Path out = folder.resolve("out.dmt");
    compress("--preset", "int8", "-o", out, "--report", out).failed("out.dmt");
    assertEquals(List.of("d.dmt", "model.onnx"), Cli.files(folder));
    assertEquals(-1, Files.mismatch(model, TestFiles.miniLm()));
  }

  @Test
  void aReadOnlyFolderIsTold() throws Exception {
    Path folder = Files.createDirectory(this.folder.resolve("locked"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("r-xr-xr-x"));
    assumeFalse(Files.isWritable(folder), "this user may write everywhere");
    compress("--preset", "int8", "-o", folder.resolve("x.dmt")).failed("not writable");
  }

  @Test
  void aFolderWithoutNewFilesIsTold() {
    Path target = Path.of("/proc/self/x.dmt");
    compress("--preset", "int8", "-o", target).failed("/proc/self/x.dmt");
  }

  /** A limit on the size of files stands for a full disk: writing fails half-way. */
  @Test
  void aFullDiskLeavesNothingBehind() throws Exception {
    Path out = Files.writeString(folder.resolve("out.dmt"), "old");
    List<String> command =
        new ArrayList<>(List.of("bash", "-c", "ulimit -f 10000; exec \"$@\"", "-"));
    command.addAll(
        Cli.process(
            List.of(), "compress", TestFiles.miniLm(), "--preset", "int8", "-o", out, "--json"));
    Cli.run(new ProcessBuilder(command)).failed("out.dmt", "File too large");
    assertEquals(List.of("out.dmt"), Cli.files(folder));
    assertEquals("old", Files.readString(out));
  }
}
